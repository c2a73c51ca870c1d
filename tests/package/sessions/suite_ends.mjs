// The two tools against each other where one of them, or the network between them, is at fault: what the client makes
// of a server that breaks the rules, of silence, of ends from the other side, and of sessions that are forgotten.

import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import { WebSocketServer } from "ws";

import { startChaos } from "../chaos.mjs";
import { within } from "../conversation.mjs";
import { connect } from "./client.mjs";
import { leave, takeFrom, until } from "./kit.mjs";
import { startOwnServer } from "./own_server.mjs";
import { startSessionServer } from "./server.mjs";
import { Code, encode, PROTOCOL } from "./wire.mjs";

const OPTIONS = { timeout: 30_000 };
const PATIENCE = 20_000;
const FAST = { minDelay: 1, maxDelay: 20 };

/** A test with a server and a client of its own. */
function withPair(name, serverOptions, clientOptions, run) {
  test(name, OPTIONS, async () => {
    const server = await startSessionServer(serverOptions);
    const client = connect(`${server.url}/echo`, { ...FAST, ...clientOptions });
    try {
      await run(client, server);
      assert.deepEqual(server.errors, []);
    } finally {
      await leave(client);
      await server.stop();
    }
  });
}

const ended = (client) => within(PATIENCE, "the end", client.closed);
const opens = (client) => within(PATIENCE, "an open", once(client, "open"));

/** WELCOMEs to a resumed session that can't be right. */
const FAULTS = {
  "has taken more than was sent": (welcome) => ({ ...welcome, taken: welcome.taken + 1 }),
  "has taken less than it acknowledged": (welcome) => ({ ...welcome, taken: welcome.taken - 1 }),
  "resumes by another token": (welcome) => ({ ...welcome, token: "another" }),
  "resumes without a token": (welcome) => ({ ...welcome, token: "" }),
  "resumes with another subprotocol": (welcome) => ({ ...welcome, protocol: "chat.v1" }),
  "resumes with a subprotocol that nobody offered": (welcome) => ({ ...welcome, protocol: "chat.v9" }),
  "takes smaller messages than before": (welcome) => ({ ...welcome, maxMessage: welcome.maxMessage - 1 }),
  "begins anew with the old token": (welcome) => ({ ...welcome, resumed: false, taken: 0 }),
  "begins anew and has taken something": (welcome) => ({ ...welcome, resumed: false, token: "another" }),
};

/** Frames that no server may send in a session in which nothing was sent yet. */
const FORBIDDEN = {
  "a message after a gap": [{ type: "text", seq: 2, messages: ["x"] }, Code.PROTOCOL_ERROR],
  "a message past the limit": [{ type: "text", seq: 1, messages: Array(9).fill("") }, Code.PROTOCOL_ERROR],
  "a message that is too big": [{ type: "text", seq: 1, messages: ["x".repeat(1001)] }, Code.TOO_BIG],
  "an ACK of what was never sent": [{ type: "ack", taken: 1, limit: 9 }, Code.PROTOCOL_ERROR],
  "a HELLO": [{ type: "hello", token: "", taken: 0, limit: 1, attempt: 1, maxMessage: 1, protocols: [] }, 4400],
  "an unknown type": [Buffer.of(9), Code.PROTOCOL_ERROR],
  "half a frame": [Buffer.of(3, 0), Code.PROTOCOL_ERROR],
};

export function endsSuite() {
  describe("a server at fault", () => {
    for (const [what, select] of [["no subprotocol", () => false], ["another subprotocol", () => "chat.v1"]]) {
      withPair(`where it selects ${what} the client gives up after three tries`, { select }, {}, async (client) => {
        assert.match((await ended(client)).reason, /does not speak tautline\.v1/);
        assert.equal(client.stats.attempts, 3);
        await assert.rejects(client.opened);
      });
    }

    const silence = { welcome: () => null };
    withPair("so it does where no WELCOME comes", silence, { connectTimeout: 100 }, async (client, server) => {
      assert.match((await ended(client)).reason, /does not speak tautline\.v1/);
      assert.equal(server.stats.connections, 3);
    });

    for (const [fault, change] of Object.entries(FAULTS)) {
      test(`where its WELCOME ${fault} the client comes back without a token, and says so`, OPTIONS, async () => {
        let isAtFault = false;
        const hellos = [];
        const welcome = (fields, hello) => {
          hellos.push(hello);
          return isAtFault && hello.token !== "" ? change(fields) : fields;
        };
        const server = await startSessionServer({ welcome });
        const protocols = ["chat.v2", "chat.v1"];
        const client = connect(`${server.url}/echo`, { ...FAST, protocols });
        try {
          await client.send("one");
          await takeFrom(client, 1);
          await client.flush();
          isAtFault = true;
          const lost = once(client, "sessionlost");
          client.drop();
          assert.deepEqual(await within(PATIENCE, "the loss", lost), [{ unacknowledged: [] }]);
          await client.send("two");
          assert.deepEqual(await takeFrom(client, 1), ["two"]);
          assert.deepEqual(hellos.map(({ token }) => token !== ""), [false, true, false]);
          assert.deepEqual([client.stats.faults, client.stats.lost], [1, 1]);
        } finally {
          await leave(client);
          await server.stop();
        }
      });
    }

    const atFault = { welcome: (welcome) => ({ ...welcome, taken: 1 }) };
    withPair("a first WELCOME at fault is the end", atFault, {}, async (client) => {
      assert.equal((await ended(client)).code, Code.PROTOCOL_ERROR);
      assert.equal(client.stats.attempts, 1);
    });

    for (const [what, [frame, code]] of Object.entries(FORBIDDEN)) {
      const small = { window: 8, maxMessage: 1000 };
      withPair(`${what} ends the session with ${code}, at both ends`, {}, small, async (client, server) => {
        await client.opened;
        const [session] = server.sessions;
        session.link.send(frame instanceof Buffer ? frame : encode(frame));
        assert.equal((await ended(client)).code, code);
        assert.equal((await ended(session)).code, code);
        assert.equal(client.take(), undefined);
        assert.deepEqual(server.sessions, []);
      });
    }

    withPair("a second WELCOME ends the session", {}, {}, async (client, server) => {
      await client.opened;
      server.sessions[0].link.send(encode(client.welcome));
      assert.equal((await ended(client)).code, Code.PROTOCOL_ERROR);
    });
  });

  describe("silence", () => {
    const alive = { heartbeatMs: 60, probeMs: 200 };
    const alert = { probeMs: 100 };
    withPair("a server that says nothing more is left, and nothing is lost", alive, alert, async (client, server) => {
      await client.opened;
      const disconnected = once(client, "disconnect");
      server.sessions[0].link.isMuted = true;
      await client.send("into the silence");
      const [{ reason }] = await within(PATIENCE, "the disconnect", disconnected);
      assert.match(reason, /silent/);
      assert.deepEqual(await takeFrom(client, 1), ["into the silence"]);
      assert.ok(client.stats.reconnects >= 1);
      assert.equal(client.stats.lost, 0);
    });

    withPair("a client that says nothing more is let go of, and comes back", alive, {}, async (client, server) => {
      await client.opened;
      client.mute();
      await until(() => server.stats.silent === 1, "the server noticed");
      await client.send("here again");
      assert.deepEqual(await takeFrom(client, 1), ["here again"]);
      assert.equal(client.stats.lost, 0);
    });

    test("a program that slept does not take it for silence", OPTIONS, async () => {
      const server = await startOwnServer("--heartbeat-ms", "100");
      const client = connect(`${server.url}/echo`, { ...FAST, probeMs: 200 });
      await client.opened;
      for (let nap = 0; nap < 3; nap++) {
        // Longer than two heartbeats and a probe, in which nothing of this process runs.
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 700);
        await client.send("awake");
        assert.deepEqual(await takeFrom(client, 1), ["awake"]);
      }
      assert.equal(client.stats.attempts, 1);
      await leave(client);
      assert.equal(await server.stop(), 0);
    });
  });

  describe("ends and losses", () => {
    const idle = { application: () => {} };
    withPair("a BYE is the end: what arrived is given, the untaken comes back", idle, {}, async (client, server) => {
      await client.opened;
      await client.send("not taken");
      const [session] = server.sessions;
      await session.send("arrived");
      await until(() => session.inbox.length === 1, "it arrived");
      session.bye(4321, "enough");
      assert.deepEqual(await ended(client), { code: 4321, reason: "enough", unacknowledged: ["not taken"] });
      assert.deepEqual(await takeFrom(client, 1), ["arrived"]);
      assert.deepEqual(await client.next(), { done: true, value: undefined });
      assert.equal(client.stats.attempts, 1);
      await assert.rejects(client.send("too late"), { code: 4321 });
      await assert.rejects(client.flush(), { code: 4321 });
    });

    for (const resend of [false, true]) {
      const name = resend ? "are sent again where that was asked for" : "come back";
      withPair(`messages of unknown outcome ${name}`, idle, { resend }, async (client, server) => {
        await client.opened;
        const messages = ["a", "b", "c"];
        for (const message of messages) await client.send(message);
        const [session] = server.sessions;
        assert.deepEqual(await takeFrom(session, 1), ["a"]);
        await until(() => client.outbox.taken === 1, "the first was acknowledged");
        await until(() => session.inbox.length === 2, "the others arrived");
        const flushed = client.flush().then(() => "flushed", () => "rejected");
        const lost = once(client, "sessionlost");
        const opened = opens(client);
        server.forgetAll();
        assert.deepEqual(await within(PATIENCE, "the loss", lost), [{ unacknowledged: ["b", "c"] }]);
        assert.deepEqual(await opened, [{ resumed: false }]);
        await client.send("d");
        const next = server.sessions[0];
        assert.deepEqual(await takeFrom(next, resend ? 3 : 1), resend ? ["b", "c", "d"] : ["d"]);
        assert.equal(await flushed, resend ? "flushed" : "rejected");
      });
    }

    const narrow = { window: 8 };
    withPair("what arrived in a lost session is given, and has its room", idle, narrow, async (client, server) => {
      await client.opened;
      for (let n = 0; n < 5; n++) await server.sessions[0].send(`old ${n}`);
      await until(() => client.inbox.length === 5, "they arrived");
      const opened = opens(client);
      server.forgetAll();
      await opened;
      const [session] = server.sessions;
      for (let n = 0; n < 9; n++) await session.send(`new ${n}`);
      await until(() => client.inbox.length === 8, "the room was used up");
      assert.deepEqual([session.outbox.limit, session.outbox.standsAtLimit], [3, true]);
      const texts = (word, count) => Array.from({ length: count }, (_, n) => `${word} ${n}`);
      assert.deepEqual(await takeFrom(client, 14), [...texts("old", 5), ...texts("new", 9)]);
    });

    withPair("4409 on the present connection is the end", idle, {}, async (client, server) => {
      await client.opened;
      await client.send("x");
      await until(() => server.sessions[0].inbox.length === 1, "it arrived");
      server.sessions[0].link.close(Code.SUPERSEDED, "by somebody");
      const { code, unacknowledged } = await ended(client);
      assert.deepEqual([code, unacknowledged, client.stats.attempts], [Code.SUPERSEDED, ["x"], 1]);
    });

    test("4401 asks for another URL, once until it is welcome, and is the end without one", OPTIONS, async () => {
      const refusing = new WebSocketServer({ port: 0, host: "127.0.0.1", handleProtocols: () => PROTOCOL });
      await once(refusing, "listening");
      let connections = 0;
      refusing.on("connection", (ws) => {
        connections++;
        ws.on("message", () => ws.close(Code.UNAUTHORIZED));
      });
      const url = `ws://127.0.0.1:${refusing.address().port}`;
      for (const [from, tries] of [[url, 1], [() => url, 2]]) {
        connections = 0;
        assert.equal((await ended(connect(from, FAST))).code, Code.UNAUTHORIZED);
        assert.equal(connections, tries);
      }
      refusing.close();
    });

    // A sixth of the time is the longest delay, after 4429 too.
    const short = { resumeMs: 600 };
    const patient = { minDelay: 60_000, maxDelay: 60_000 };
    withPair("4408, 4429, 1000 and 1001 are reasons to come back in time", short, patient, async (client, server) => {
      await client.opened;
      for (const code of [Code.NO_HELLO, Code.OVERLOADED, 1000, 1001]) {
        const opened = opens(client);
        server.sessions[0].link.close(code);
        server.sessions[0].detach();
        assert.deepEqual(await opened, [{ resumed: true }]);
      }
    });

    const stuck = { hello: (hello) => ({ ...hello, attempt: 1 }) };
    withPair("one that uses an attempt again is superseded", {}, stuck, async (client, server) => {
      await client.opened;
      client.drop();
      assert.equal((await ended(client)).code, Code.SUPERSEDED);
      assert.equal(server.stats.late, 1);
    });

    test("one that is late with its HELLO is closed with 4408, and comes back", OPTIONS, async () => {
      const server = await startSessionServer({ helloMs: 50 });
      let isPrompt = false;
      const hello = (fields) => (isPrompt ? fields : new Promise(() => {}));
      const client = connect(`${server.url}/echo`, { ...FAST, hello });
      // Long before it would have given up by itself.
      await until(() => client.stats.attempts >= 2, "it was refused");
      isPrompt = true;
      await client.send("at last");
      assert.deepEqual(await takeFrom(client, 1), ["at last"]);
      await leave(client);
      await server.stop();
    });

    withPair("one that sends what is no frame is closed with 4400, for good", {}, {}, async (client, server) => {
      await client.opened;
      client.raw("no position");
      assert.equal((await ended(client)).code, Code.PROTOCOL_ERROR);
      assert.deepEqual([server.stats.violations, client.stats.attempts], [1, 1]);
    });

    test("closing without a connection ends at once, or comes back for what is queued", OPTIONS, async () => {
      const server = await startSessionServer();
      const chaos = await startChaos(server.url);
      const [empty, full] = [0, 1].map(() => connect(`${chaos.url}/echo`, { ...FAST, receive: () => {} }));
      await Promise.all([empty.opened, full.opened]);
      chaos.cut();
      await full.send("queued");
      const { attempts } = empty.stats;
      assert.equal((await empty.close()).code, 1000);
      assert.ok(empty.stats.attempts <= attempts + 1);
      const closed = full.close();
      chaos.mend();
      assert.deepEqual(await within(PATIENCE, "the end", closed), { code: 1000, reason: "", unacknowledged: [] });
      // The empty one's BYE was lost, and its ghost stays for its time.
      await until(() => server.sessions.length === 1, "the other's BYE arrived");
      await chaos.stop();
      await server.stop();
    });
  });

  describe("slowness", () => {
    const idle = { application: () => {}, window: 8 };
    const bounded = { outbox: { messages: 4, bytes: 1000 } };
    withPair("an application that takes nothing holds the client's sends", idle, bounded, async (client, server) => {
      await client.opened;
      let accepted = 0;
      const sending = Array.from({ length: 40 }, (_, n) => client.send(String(n)).then(() => accepted++));
      const [session] = server.sessions;
      await until(() => session.inbox.length === 4, "what is accepted arrived");
      assert.deepEqual([accepted, client.outbox.length], [4, 4]);
      const all = await takeFrom(session, 40);
      assert.deepEqual(all, Array.from({ length: 40 }, (_, n) => String(n)));
      await Promise.all(sending);
      await client.flush();
    });

    test("what a server pushes arrives in order at one that takes slowly, over a bad network", OPTIONS, async () => {
      const server = await startSessionServer({ heartbeatMs: 100 });
      const chaos = await startChaos(server.url, { delayMs: 5, resetEveryMs: 100, silent: [3] });
      const client = connect(`${chaos.url}/push?messages=3000`, { ...FAST, window: 32, probeMs: 100 });
      for (let n = 1; n <= 3000; n++) {
        assert.deepEqual(await takeFrom(client, 1), [`{"n":${n}}`]);
        if (n % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 10));
      }
      assert.deepEqual([client.stats.lost, client.take()], [0, undefined]);
      await leave(client);
      await chaos.stop();
      await server.stop();
    });
  });
}
