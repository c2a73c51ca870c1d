// Conformance: clients that mean harm. The server closes such a one with the right code, its memory stays bounded, and
// a session next to it notices nothing. The same tests for every server: it echoes on /echo.

import assert from "node:assert/strict";
import { once } from "node:events";
import { afterEach, describe, test } from "node:test";

import { within } from "../conversation.mjs";
import { connect } from "./client.mjs";
import { boundedMemory, isHealthy, leave, PATIENCE, takeFrom, until, untilHeld, useInhabitedServer } from "./kit.mjs";
import { openProbe, openSession } from "./probe.mjs";
import { Code, encode, LAST } from "./wire.mjs";

const OPTIONS = { timeout: PATIENCE };
const WINDOW = 256;
const MIB = 2 ** 20;
/** What one client may cost at most; it tries for a multiple of it. */
const BOUND = 64 * MIB;
const ATTACK = 4 * BOUND;

const CLOSED_ABNORMALLY = 1006;
const FRAME_TOO_BIG = 1009;

/** A frame of a WebSocket as bytes, from a client, masked with zeros; `length` says more than there is, if given. */
function rawFrame(payload, length = payload.length) {
  const head = Buffer.alloc(14);
  head[0] = 0x82;
  if (length < 126) {
    head[1] = 0x80 | length;
    return Buffer.concat([head.subarray(0, 2), Buffer.alloc(4), payload]);
  }
  head[1] = 0x80 | 127;
  head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, payload]);
}

export function hostileSuite(name, serve) {
  describe(`${name}: a hostile client`, () => {
    const server = useInhabitedServer(serve, "--window", String(WINDOW));
    const echo = () => `${server.url}/echo`;

    afterEach(async () => {
      await isHealthy(server.url);
      await server.neighbour.goesOn();
    });

    test("floods without looking at the limit, and is closed with 4400", OPTIONS, async () => {
      const flooder = await openSession(echo(), { limit: 0 });
      const payload = new Uint8Array(4000);
      await boundedMemory(server.url, BOUND, async () => {
        let isOpen = true;
        flooder.closed.then(() => (isOpen = false));
        for (let seq = 1; isOpen && seq < ATTACK / payload.length; seq += 64) {
          const messages = Array(64).fill(payload);
          await new Promise((resolve) => flooder.ws.send(encode({ type: "batch", seq, messages }), resolve));
        }
        const code = await flooder.code();
        // A close frame may be lost when what was sent too much is met by a reset.
        assert.ok([Code.PROTOCOL_ERROR, CLOSED_ABNORMALLY].includes(code), `closed with ${code}`);
      });
      const again = await openProbe(echo());
      again.hello({ token: flooder.welcome.token, attempt: 2 });
      assert.equal((await again.until("bye")).code, Code.PROTOCOL_ERROR, "its session has ended");
      again.stop();
    });

    test("sends one message past its limit, and is closed with 4400", OPTIONS, async () => {
      // Nothing may come back, so the server's application stops taking at some time, and the limit stops growing.
      const sender = await openSession(echo(), { limit: 0 });
      const { token } = sender.welcome;
      let { taken, limit } = sender.welcome;
      let seq = 1;
      let still = 0;
      await until(async () => {
        still = seq > limit ? still + 1 : 0;
        for (; seq <= limit; seq++) sender.send({ type: "batch", seq, messages: [new Uint8Array(4000)] });
        sender.send({ type: "ping", nonce: 1 });
        for (let frame = await sender.until(); frame.type !== "pong"; frame = await sender.until()) {
          if (frame.type === "ack") ({ taken, limit } = frame);
          assert.ok(limit <= taken + WINDOW, `a limit of ${limit} with ${taken} taken`);
        }
        assert.ok(limit < ATTACK / 4000, `the limit has come to ${limit}`);
        return still === 100;
      }, "the limit stopped growing");
      sender.stop();
      const again = await openSession(echo(), { token, taken: 0, limit: 0, attempt: 2 });
      const { welcome } = again;
      assert.deepEqual([welcome.resumed, welcome.limit], [true, limit]);
      assert.ok(welcome.taken < limit, "what the application has not taken is not acknowledged");
      again.send({ type: "text", seq, messages: ["one too many"] });
      assert.equal(await again.code(), Code.PROTOCOL_ERROR);
    });

    test("never acknowledges, and is held back", OPTIONS, async () => {
      const outbox = { messages: Infinity, bytes: Infinity };
      const client = connect(echo(), { acknowledges: false, window: LAST, outbox });
      client.on("disconnect", () => assert.fail("it is no offence"));
      await client.opened;
      await boundedMemory(server.url, BOUND, async () => {
        const message = "#".repeat(4000);
        for (let sent = 0; sent < ATTACK; sent += message.length) client.send(message);
        await untilHeld(client);
      });
      assert.ok(client.outbox.taken < ATTACK / 4000 / 2, `${client.outbox.taken} were taken`);
      await leave(client);
    });

    test("asks and does not listen: PINGs without end, of which it reads no answer", OPTIONS, async () => {
      const pinger = await openSession(echo());
      const socket = pinger.ws._socket;
      pinger.ws.pause();
      const ping = rawFrame(encode({ type: "ping", nonce: LAST }));
      const pings = Buffer.concat(Array(20_000).fill(ping));
      await boundedMemory(server.url, BOUND, async () => {
        for (let sent = 0; sent < 1_000_000; sent += 20_000) {
          // Whoever does not read it any more is safe as well.
          if (!socket.write(pings) && !(await drainsWithin(socket, 5000))) break;
        }
        await server.neighbour.goesOn();
      });
      pinger.stop();
    });

    test("announces a frame of 2 GiB, and is closed before it comes", OPTIONS, async () => {
      const probe = await openSession(echo());
      await boundedMemory(server.url, BOUND, async () => {
        probe.ws._socket.write(rawFrame(Buffer.from([0, 1]), 2 ** 31));
        const code = await probe.code();
        assert.ok([FRAME_TOO_BIG, Code.TOO_BIG, Code.PROTOCOL_ERROR].includes(code), `closed with ${code}`);
      });
    });

    test("sends frames of a million empty messages, and is closed with 4400", OPTIONS, async () => {
      const text = `1${"\u001e".repeat(1_000_000)}`;
      const batch = Buffer.concat([Buffer.of(0, 1), Buffer.alloc(1_000_000)]);
      await boundedMemory(server.url, BOUND, async () => {
        for (const frame of [text, batch]) {
          const probe = await openSession(echo());
          probe.send(frame);
          assert.equal(await probe.code(), Code.PROTOCOL_ERROR);
        }
      });
    });

    test("resumes another's token from another Origin, for which it is unknown", OPTIONS, async () => {
      const owner = await openSession(echo(), { attempt: 1 }, { origin: "http://localhost:1111" });
      owner.send({ type: "text", seq: 1, messages: ["mine"] });
      assert.deepEqual(await owner.messages(1), ["mine"]);
      const { token } = owner.welcome;
      for (const origin of ["http://127.0.0.1:2222", undefined]) {
        const thief = await openSession(echo(), { token, attempt: 1000, taken: 0 }, { origin });
        assert.deepEqual([thief.welcome.resumed, thief.welcome.taken], [false, 0]);
        assert.notEqual(thief.welcome.token, token);
        await thief.bye();
      }
      owner.send({ type: "text", seq: 2, messages: ["still mine"] });
      assert.deepEqual(await owner.messages(1), ["still mine"]);
      owner.stop();
      const back = await openSession(echo(), { token, attempt: 2, taken: 2 }, { origin: "http://localhost:1111" });
      assert.deepEqual([back.welcome.resumed, back.welcome.taken], [true, 2], "its attempts are its own as well");
      back.stop();
    });

    test("comes from an Origin that is not welcome, and gets no WebSocket", OPTIONS, async () => {
      await assert.rejects(openProbe(echo(), { origin: "https://evil.example" }), /refused with 403/);
    });

    test("replays a HELLO: on the same connection it is 4400, on another 4409", OPTIONS, async () => {
      const hello = { attempt: 7 };
      const first = await openSession(echo(), hello);
      const { token } = first.welcome;
      first.stop();
      const victim = await openSession(echo(), { token, attempt: 8 });
      for (let replay = 0; replay < 20; replay++) {
        const attacker = await openProbe(echo());
        attacker.hello({ token, attempt: 8 - (replay % 3) });
        assert.equal(await attacker.code(), Code.SUPERSEDED);
      }
      victim.send({ type: "text", seq: 1, messages: ["untouched"] });
      assert.deepEqual(await victim.messages(1), ["untouched"]);
      victim.hello({ token, attempt: 9 });
      assert.equal(await victim.code(), Code.PROTOCOL_ERROR);
    });
  });

  describe(`${name}: sessions without end`, () => {
    const MAX_SESSIONS = 6;
    const server = useInhabitedServer(serve, "--max-sessions", String(MAX_SESSIONS));
    const echo = () => `${server.url}/echo`;
    test("those that were never used make room for each other, and for nobody's else", OPTIONS, async () => {
      await boundedMemory(server.url, BOUND, async () => {
        const opened = [];
        // Each of them is welcome: whoever came before it, and said nothing, goes.
        for (let n = 0; n < 300; n++) opened.push(await openSession(echo()));
        await server.neighbour.goesOn();
        const last = opened.at(-1);
        last.send({ type: "text", seq: 1, messages: ["used"] });
        assert.deepEqual(await last.messages(1), ["used"]);
        const gone = await within(PATIENCE, "a close", opened[0].closed);
        assert.ok(gone.code !== 1000, "nobody said good-bye");
        for (const probe of opened) probe.stop();
      });
    });

    test("full of those that were used, it answers new ones with 4429, and the others go on", OPTIONS, async () => {
      const used = [];
      // The neighbour's is one, and the one that was used above is kept for as long as it may come back.
      for (;;) {
        const probe = await openProbe(echo());
        probe.hello();
        const isWelcome = await Promise.race([probe.until("welcome").then(() => true), probe.code().then(() => false)])
          .catch(() => false);
        if (!isWelcome) {
          assert.equal(await probe.code(), Code.OVERLOADED);
          break;
        }
        used.push(probe);
        probe.send({ type: "text", seq: 1, messages: ["used"] });
        assert.deepEqual(await probe.messages(1), ["used"]);
        assert.ok(used.length < MAX_SESSIONS, "there is an end");
      }
      assert.equal(used.length, MAX_SESSIONS - 2);
      for (let n = 0; n < 100; n++) {
        const probe = await openProbe(echo());
        probe.hello(n % 2 === 0 ? {} : { token: "nobody's" });
        assert.equal(await probe.code(), Code.OVERLOADED);
      }
      for (const probe of used) {
        probe.send({ type: "text", seq: 2, messages: ["goes on"] });
        assert.deepEqual(await probe.messages(1), ["goes on"]);
      }
      await server.neighbour.goesOn();
      await isHealthy(server.url);
      // Where one says good-bye there is room for one.
      const [first] = used;
      await first.bye();
      const client = connect(echo());
      await client.send("at last");
      assert.deepEqual(await takeFrom(client, 1), ["at last"]);
      await leave(client);
      for (const probe of used) probe.stop();
    });
  });
}

async function drainsWithin(socket, ms) {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), ms);
  try {
    await once(socket, "drain", { signal: stop.signal });
    return true;
  } catch (error) {
    if (error.name !== "AbortError") throw error;
    return false;
  } finally {
    clearTimeout(timer);
  }
}
