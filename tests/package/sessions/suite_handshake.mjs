// Conformance: HELLO and WELCOME. What a new session gets, what a resumed one keeps, who supersedes whom, and what
// becomes of tokens that ended, expired, or were never known. The same tests for every server: it echoes on /echo.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { startChaos } from "../chaos.mjs";
import { connect } from "./client.mjs";
import { leave, PATIENCE, takeFrom, until, useServer } from "./kit.mjs";
import { openProbe, openSession } from "./probe.mjs";
import { Code, encode, PROTOCOL } from "./wire.mjs";

const OPTIONS = { timeout: PATIENCE };
/** 128 bits in the densest alphabet that is text on every keyboard. */
const TOKEN_LENGTH = 20;
const WINDOW = 64;

export function handshakeSuite(name, serve) {
  describe(`${name}: handshake`, () => {
    const server = useServer(serve, "--window", String(WINDOW), "--resume-ms", "60000", "--heartbeat-ms", "20000");
    const echo = () => `${server.url}/echo`;

    /** That a session is there and answers: its next message, at `seq`, comes back at `seq`. */
    async function answers(probe, seq = 1) {
      probe.send({ type: "text", seq, messages: ["are you there"] });
      let frame = await probe.until();
      while (!frame.messages) frame = await probe.until();
      assert.deepEqual([frame.seq, frame.messages], [seq, ["are you there"]]);
    }

    test("a new session has its own token, nothing taken, and the numbers of the server's flags", OPTIONS, async () => {
      const probes = [await openSession(echo()), await openSession(echo())];
      for (const { ws, welcome } of probes) {
        assert.equal(ws.protocol, PROTOCOL);
        assert.equal(ws.extensions, "", "compression would leak the token");
        const { resumed, taken, limit, token, resumeMs, heartbeatMs, maxMessage, protocol } = welcome;
        assert.deepEqual({ resumed, taken, protocol }, { resumed: false, taken: 0, protocol: "" });
        assert.deepEqual([resumeMs, heartbeatMs, maxMessage], [60_000, 20_000, 2 ** 20]);
        assert.ok(limit >= 1 && limit <= WINDOW, `a limit of ${limit} in a window of ${WINDOW}`);
        assert.ok(token.length >= TOKEN_LENGTH, `${token.length} characters are fewer than 128 bits`);
      }
      assert.notEqual(probes[0].welcome.token, probes[1].welcome.token);
      for (const probe of probes) probe.stop();
    });

    test("what follows in a HELLO is room to grow, and ignored", OPTIONS, async () => {
      const probe = await openProbe(echo());
      const hello = { type: "hello", token: "", taken: 0, limit: 9, attempt: 1, maxMessage: 99, protocols: [] };
      probe.send(Buffer.concat([encode(hello), Buffer.of(1, 2, 3)]));
      assert.equal((await probe.until()).type, "welcome");
      await answers(probe);
      probe.stop();
    });

    test("the application's subprotocol is one of those offered, or none, and stays", OPTIONS, async () => {
      const protocols = ["chat.v2", "chat.v1"];
      const first = await openSession(echo(), { protocols });
      const { token, protocol } = first.welcome;
      assert.ok(["", ...protocols].includes(protocol), `${protocol} was not offered`);
      first.stop();
      const second = await openSession(echo(), { token, attempt: 2, protocols });
      assert.deepEqual([second.welcome.resumed, second.welcome.protocol], [true, protocol]);
      second.stop();
    });

    test("a resumed session keeps token and positions, and what is not taken comes again", OPTIONS, async () => {
      const first = await openSession(echo());
      first.send({ type: "text", seq: 1, messages: ["one", "two", "three"] });
      assert.deepEqual(await first.messages(3), ["one", "two", "three"]);
      first.stop();
      const { token } = first.welcome;
      const second = await openSession(echo(), { token, taken: 1, attempt: 2 });
      assert.deepEqual(second.welcome, { ...second.welcome, resumed: true, token, taken: 3 });
      const frame = await second.until();
      assert.deepEqual([frame.seq, ...frame.messages], [2, "two", "three"]);
      // Its messages 2 and 3 once more are duplicates, the fourth is new.
      second.send({ type: "text", seq: 2, messages: ["two", "three", "four"] });
      assert.deepEqual(await second.messages(1), ["four"]);
      second.stop();
    });

    test("a later attempt supersedes the connection before it, which is closed with 4409", OPTIONS, async () => {
      const first = await openSession(echo(), { attempt: 5 });
      const second = await openSession(echo(), { token: first.welcome.token, attempt: 6 });
      assert.equal(second.welcome.resumed, true);
      assert.equal(await first.code(), Code.SUPERSEDED);
      await answers(second);
      second.stop();
    });

    for (const [attempt, what] of [[3, "an earlier attempt"], [4, "the same attempt again"]]) {
      test(`${what} that comes late is closed with 4409 and changes nothing`, OPTIONS, async () => {
        const late = await openProbe(echo());
        const first = await openSession(echo(), { attempt: 2 });
        const { token } = first.welcome;
        first.stop();
        const current = await openSession(echo(), { token, attempt: 4 });
        await answers(current);
        // What it claims to have taken and may take is the next answer's.
        late.hello({ token, attempt, taken: 1, limit: 1 });
        assert.equal(await late.code(), Code.SUPERSEDED);
        assert.deepEqual(late.frames, []);
        await answers(current, 2);
        current.stop();
        const next = await openSession(echo(), { token, attempt: 5 });
        assert.equal(next.welcome.resumed, true);
        assert.deepEqual(await next.messages(2), ["are you there", "are you there"], "it has taken nothing for them");
        next.stop();
      });
    }

    test("an ended session's token is answered with BYE, and the code and reason of the end", OPTIONS, async () => {
      const first = await openSession(echo());
      await first.bye(4321, "enough 🪢");
      for (const attempt of [2, 3]) {
        const again = await openProbe(echo());
        again.hello({ token: first.welcome.token, attempt });
        assert.deepEqual(await again.until(), { type: "bye", code: 4321, reason: "enough 🪢" });
        await again.code();
      }
    });

    test("so is the token of a session that broke a rule", OPTIONS, async () => {
      const first = await openSession(echo());
      first.send(Buffer.of(0xff));
      assert.equal(await first.code(), Code.PROTOCOL_ERROR);
      const again = await openProbe(echo());
      again.hello({ token: first.welcome.token, attempt: 2 });
      const { type, code } = await again.until();
      assert.deepEqual({ type, code }, { type: "bye", code: Code.PROTOCOL_ERROR });
      again.stop();
    });

    test("an unknown token gets a new session, whose HELLO granted nothing", OPTIONS, async () => {
      const probe = await openSession(echo(), { token: "nobody knows this one", taken: 7, limit: 1000, attempt: 3 });
      const { resumed, token, taken } = probe.welcome;
      assert.deepEqual({ resumed, taken }, { resumed: false, taken: 0 });
      assert.ok(token.length >= TOKEN_LENGTH);
      probe.send({ type: "text", seq: 1, messages: ["hello"] });
      assert.equal((await probe.until("ack")).taken, 1, "the application has it");
      probe.send({ type: "ping", nonce: 5 });
      assert.deepEqual(await probe.until(), { type: "pong", nonce: 5 }, "and may not answer yet");
      probe.send({ type: "ack", taken: 0, limit: 10 });
      assert.deepEqual(await probe.messages(1), ["hello"]);
      probe.stop();
    });

    test("who has taken more than was sent gets a new session", OPTIONS, async () => {
      const first = await openSession(echo());
      await answers(first);
      first.stop();
      const second = await openSession(echo(), { token: first.welcome.token, taken: 2, attempt: 2 });
      const { resumed, token, taken } = second.welcome;
      assert.deepEqual({ resumed, taken }, { resumed: false, taken: 0 });
      assert.notEqual(token, first.welcome.token);
      second.stop();
    });

    test("so does who has taken less than was acknowledged", OPTIONS, async () => {
      const first = await openSession(echo());
      await answers(first);
      first.send({ type: "ack", taken: 1, limit: 1024 });
      first.send({ type: "ping", nonce: 1 });
      await first.until("pong");
      first.stop();
      const second = await openSession(echo(), { token: first.welcome.token, taken: 0, attempt: 2 });
      assert.deepEqual([second.welcome.resumed, second.welcome.taken], [false, 0]);
      assert.notEqual(second.welcome.token, first.welcome.token);
      second.stop();
    });

    test("a connection without a HELLO is closed with 4408", OPTIONS, async () => {
      const probe = await openProbe(echo());
      assert.equal(await probe.code(), Code.NO_HELLO);
    });

    test("a client's BYE is the end, which is told with 1000 to whoever comes with its token", OPTIONS, async () => {
      const client = connect(echo());
      await client.send("last words");
      const [{ code, unacknowledged }, [echoed]] = await Promise.all([client.close(), takeFrom(client, 1)]);
      assert.deepEqual([code, unacknowledged, echoed], [1000, [], "last words"]);
      const again = await openProbe(echo());
      again.hello({ token: client.token, attempt: 100 });
      assert.deepEqual(await again.until(), { type: "bye", code: 1000, reason: "" });
      assert.equal(await again.code(), 1000);
    });

    test("a session that nobody resumes is gone after its time, and no longer", OPTIONS, async () => {
      const short = await serve("--resume-ms", "300");
      try {
        // Whoever comes back at once finds it; of longer and longer absences one is too long.
        const { token } = (await openSession(`${short.url}/echo`)).welcome;
        let isResumed = true;
        for (let attempt = 2; isResumed; attempt++) {
          const probe = await openSession(`${short.url}/echo`, { token, attempt });
          isResumed = probe.welcome.resumed;
          assert.ok(attempt > 2 || isResumed, "it is there at first");
          probe.stop();
          await new Promise((resolve) => setTimeout(resolve, 2 ** attempt * 10));
        }
      } finally {
        assert.equal(await short.stop(), 0);
      }
    });

    test("after a restart without its sessions, the client is told exactly what is lost", OPTIONS, async () => {
      const first = await serve();
      const chaos = await startChaos(first.url);
      const client = connect(`${chaos.url}/echo`, { maxDelay: 50 });
      const losses = [];
      client.on("sessionlost", ({ unacknowledged }) => losses.push(unacknowledged));
      let second;
      try {
        await client.send("settled");
        assert.deepEqual(await takeFrom(client, 1), ["settled"]);
        await client.flush();
        // Sent, and whatever the server says of them is not heard.
        client.stall();
        for (const message of ["a", "b", "c"]) await client.send(message);
        await until(() => client.outbox.sent === 4, "they went out");
        chaos.cut();
        client.drop();
        for (const message of ["d", "e"]) await client.send(message);
        assert.equal(await first.stop(), 0);
        second = await serve();
        chaos.retarget(second.url);
        chaos.mend();
        assert.deepEqual(await takeFrom(client, 2), ["d", "e"], "what never went out goes out now");
        assert.deepEqual(losses, [["a", "b", "c"]]);
        assert.equal(client.stats.lost, 1);
      } finally {
        await leave(client);
        await chaos.stop();
        assert.equal(await second?.stop(), 0);
      }
    });
  });
}
