// What a server of `tautline.v1` is asked at each step of its making, against one that runs and echoes. Nothing is known
// of its settings but what its WELCOME says.

import assert from "node:assert/strict";

import { startChaos } from "../chaos.mjs";
import { within } from "../conversation.mjs";
import { connect } from "./client.mjs";
import { leave, takeFrom } from "./kit.mjs";
import { KINDS, shortly, tally } from "./payloads.mjs";
import { openProbe, openSession } from "./probe.mjs";
import { Code, encode, LAST, PROTOCOL, sizeOf, Type } from "./wire.mjs";

/** What an answer may take. */
const PATIENCE = 20_000;
/** 128 bits in the densest alphabet that is text on every keyboard. */
const TOKEN_LENGTH = 20;
/** What a busy machine adds. */
const SLACK = 2000;
/** More messages of 4 kB than any echo holds for a client that takes none back. */
const ENDLESS = 50_000;
/** Heartbeats that are longer take too long to wait for. */
const LONGEST_HEARTBEAT = 15_000;

const STRANGER = "https://stranger.example";

const HELLO = { type: "hello", token: "", taken: 0, limit: 9, attempt: 1, maxMessage: 99, protocols: [] };

/** Frames that no client may send in an open session, most of them from the table of rule 14. */
const FORBIDDEN = {
  "an empty binary frame": Buffer.alloc(0),
  "a type that does not exist": Buffer.of(7, 0),
  "an ACK that is cut short": Buffer.of(3, 1),
  "a number that is not in its shortest form": Buffer.of(4, 0x80, 0),
  "a number above 2^53 - 1": Buffer.of(4, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10),
  "a byte behind the body": Buffer.of(5, 0x2a, 0),
  "a BATCH without a message": Buffer.of(0, 1),
  "a BATCH that declares more than there is": Buffer.of(0, 1, 8, 0x61),
  "a BATCH whose text is not UTF-8": Buffer.of(0, 1, 2, 0xff),
  "a BATCH at position 0": Buffer.of(0, 0, 0),
  "a BATCH beyond the last position": encode({ type: "batch", seq: LAST, messages: ["", ""] }),
  "a BYE whose reason is not UTF-8": Buffer.of(6, 0xe8, 7, 1, 0xff),
  "a text frame with a zero in front": "01\u001ex",
  "a text frame without a message": "1",
  "a text frame that is just a text": "hello",
  "a message after a gap": { type: "text", seq: 2, messages: ["x"] },
  "an ACK of what was never sent": { type: "ack", taken: 1, limit: 1024 },
  "a second HELLO": { ...HELLO, attempt: 2 },
};

/** As the first frame of a connection. */
const NO_HELLO = {
  "a message before the HELLO": { type: "text", seq: 1, messages: ["x"] },
  "a PING before the HELLO": { type: "ping", nonce: 1 },
  "a HELLO that takes no message at all": Buffer.of(1, 0, 0, 0, 1, 0, 0),
  "a HELLO that is cut short": Buffer.of(1, 0, 0, 0x80, 0x20),
  "a HELLO with a token of 129 bytes": encode({ ...HELLO, token: "t".repeat(129) }),
};

const text = (seq, ...messages) => ({ type: "text", seq, messages });

/** That the session answers: its next message, at `seq`, comes back at `seq`. */
async function answers(probe, seq = 1) {
  probe.send(text(seq, "are you there"));
  let frame = await probe.until();
  while (!frame.messages) frame = await probe.until();
  assert.deepEqual([frame.seq, ...frame.messages], [seq, "are you there"], "it echoes, each message at its position");
}

/** A session whose first message has come back. */
async function openUsed(url, hello) {
  const probe = await openSession(url, hello);
  await answers(probe);
  return probe;
}

/** Sends all of them with a client that keeps every rule, and has them back. */
async function exchange(client, messages) {
  const echoes = takeFrom(client, messages.length);
  for (const message of messages) await client.send(message);
  assert.deepEqual((await echoes).map(shortly), messages.map(shortly));
  await within(PATIENCE, "an ACK of all of it", client.flush());
}

/** Has a client that keeps every rule talk through a bad network, without a session lost. */
async function throughChaos(url, network, act) {
  const { origin, pathname, search } = new URL(url);
  const chaos = await startChaos(origin, network);
  const client = connect(`${chaos.url}${pathname}${search}`, { minDelay: 1, maxDelay: 20 });
  try {
    await act(client);
    assert.equal(client.take(), undefined, "nothing comes beyond what was sent");
    assert.equal(client.stats.lost, 0, "no session is lost");
    assert.ok(client.stats.reconnects >= 3, `${client.stats.reconnects} cuts are too few to tell`);
    chaos.calm();
    assert.equal((await within(PATIENCE, "the end", client.close())).code, 1000);
  } finally {
    await leave(client);
    await chaos.stop();
  }
}

const numbered = (count, more = "") => Array.from({ length: count }, (_, n) => `${n} ${more}`);

const greeting = [
  {
    rule: 12,
    name: `it selects ${PROTOCOL}, without compression`,
    async run(url) {
      const probe = await openProbe(url);
      assert.equal(probe.ws.protocol, PROTOCOL);
      assert.equal(probe.ws.extensions, "");
      probe.stop();
    },
  },
  {
    rule: 1,
    name: "a HELLO is answered with the WELCOME of a new session, each with its own token",
    async run(url) {
      const probes = [await openSession(url), await openSession(url)];
      for (const { welcome } of probes) {
        const { resumed, taken, limit, token, resumeMs, protocol } = welcome;
        assert.deepEqual({ resumed, taken, protocol }, { resumed: false, taken: 0, protocol: "" });
        assert.ok(limit >= 1, "it grants the client at least one position");
        assert.ok(token.length >= TOKEN_LENGTH, `${token.length} characters are fewer than 128 bits`);
        assert.ok(resumeMs > 0, "with a resume_ms of 0 a client would come back without a pause");
      }
      assert.notEqual(probes[0].welcome.token, probes[1].welcome.token);
      for (const probe of probes) probe.stop();
    },
  },
  {
    rule: 1,
    name: "bytes behind a HELLO are room to grow, and ignored",
    async run(url) {
      const probe = await openProbe(url);
      probe.send(Buffer.concat([encode(HELLO), Buffer.of(1, 2, 3)]));
      assert.equal((await probe.until()).type, "welcome");
      probe.stop();
    },
  },
];

const messages = [
  {
    rule: 3,
    name: "a text comes back, at position 1",
    async run(url) {
      (await openUsed(url)).stop();
    },
  },
  {
    rule: 4,
    name: "what the application took is acknowledged without being asked for",
    async run(url) {
      const probe = await openSession(url);
      probe.send(text(1, "one"));
      assert.equal((await probe.until("ack")).taken, 1);
      probe.stop();
    },
  },
  {
    rule: 3,
    name: "several messages in one frame, texts and bytes, and the smallest frames there are",
    async run(url) {
      const probe = await openSession(url);
      if (probe.welcome.limit < 7) return `its limit of ${probe.welcome.limit} is too low for this`;
      probe.send(text(1, "a", "", "größe"));
      probe.send({ type: "batch", seq: 4, messages: ["\u001e", Uint8Array.of(0, 255)] });
      probe.send(Buffer.of(Type.BATCH, 6, 0));
      probe.send("7\u001e");
      assert.deepEqual(await probe.messages(7), ["a", "", "größe", "\u001e", Uint8Array.of(0, 255), "", ""]);
      probe.stop();
    },
  },
  {
    rule: 3,
    name: "messages of every kind and size come back as they were",
    async run(url) {
      const client = connect(url);
      await client.opened;
      await exchange(client, KINDS.filter((payload) => sizeOf(payload) <= client.welcome.maxMessage));
      await leave(client);
    },
  },
  {
    rule: 5,
    name: "the largest message comes back",
    async run(url) {
      const client = connect(url, { maxMessage: LAST, window: 2 ** 20 });
      await client.opened;
      await exchange(client, [new Uint8Array(client.welcome.maxMessage).fill(7), "z".repeat(client.welcome.maxMessage)]);
      await leave(client);
    },
  },
];

const comingBack = [
  {
    rule: 2,
    name: "the session goes on: token and positions stay, what was not taken comes again, duplicates are dropped",
    async run(url) {
      const first = await openSession(url);
      if (first.welcome.limit < 3) return `its limit of ${first.welcome.limit} is too low for this`;
      first.send(text(1, "one", "two", "three"));
      assert.deepEqual(await first.messages(3), ["one", "two", "three"]);
      first.stop();
      const { token } = first.welcome;
      const second = await openSession(url, { token, taken: 1, attempt: 2 });
      const { resumed, taken } = second.welcome;
      assert.deepEqual([resumed, taken, second.welcome.token], [true, 3, token]);
      const frame = await second.until();
      assert.deepEqual([frame.seq, ...frame.messages], [2, "two", "three"]);
      second.send(text(2, "two", "three", "four"));
      assert.deepEqual(await second.messages(1), ["four"], "what it had is not taken twice");
      second.stop();
    },
  },
  {
    rule: 9,
    name: "a later attempt gets the session, and the connection before it is closed with 4409",
    async run(url) {
      const first = await openSession(url, { attempt: 5 });
      const second = await openSession(url, { token: first.welcome.token, attempt: 6 });
      assert.equal(second.welcome.resumed, true);
      assert.equal(await first.code(), Code.SUPERSEDED);
      await answers(second);
      second.stop();
    },
  },
  {
    rule: 9,
    name: "an attempt that comes late is closed with 4409, and changes nothing",
    async run(url) {
      const late = await openProbe(url);
      const current = await openUsed(url, { attempt: 4 });
      late.hello({ token: current.welcome.token, attempt: 4, taken: 1, limit: 1 });
      assert.equal(await late.code(), Code.SUPERSEDED);
      await answers(current, 2);
      current.stop();
      const next = await openSession(url, { token: current.welcome.token, attempt: 5 });
      assert.equal(next.welcome.resumed, true);
      assert.equal((await next.messages(2)).length, 2, "the late one has taken nothing");
      next.stop();
    },
  },
  {
    rule: 2,
    name: "nothing is lost, repeated or reordered with cuts behind any byte, those of the handshakes among them",
    run(url) {
      const cutAfterBytes = (number) => (number <= 60 ? 1 + ((number * 97) % 900) : undefined);
      return throughChaos(url, { cutAfterBytes }, (client) => exchange(client, numbered(400, "cut me ".repeat(20))));
    },
  },
  {
    rule: 2,
    name: "nor are 5,000 messages at 20 ms each way, with a reset every 250 ms",
    run(url) {
      return throughChaos(url, { delayMs: 20, resetEveryMs: 250 }, async (client) => {
        const received = takeFrom(client, 5000);
        for (let n = 0; n < 5000; n++) {
          await client.send(String(n));
          // Some 2,000 a second.
          if (n % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
        }
        assert.deepEqual(tally((await received).map(Number), 5000), { lost: 0, repeated: 0, outOfOrder: 0 });
      });
    },
  },
];

const flowControl = [
  {
    rule: 5,
    name: "it sends what the client's limit allows, and goes on when the limit rises",
    async run(url) {
      const probe = await openSession(url, { limit: 2 });
      if (probe.welcome.limit < 4) return `its limit of ${probe.welcome.limit} is too low for this`;
      probe.send(text(1, "a", "b", "c", "d"));
      assert.deepEqual(await probe.messages(2), ["a", "b"]);
      probe.send({ type: "ping", nonce: 1 });
      for (let frame = await probe.until(); frame.type !== "pong"; frame = await probe.until()) {
        assert.equal(frame.messages, undefined, "nothing beyond the limit");
      }
      probe.send({ type: "ack", taken: 2, limit: 4 });
      assert.deepEqual(await probe.messages(2), ["c", "d"]);
      probe.stop();
    },
  },
  {
    rule: 5,
    name: "its own limit holds back a client whose echoes nobody takes; it never falls; beyond it is 4400",
    async run(url) {
      const sender = await openSession(url, { limit: 0 });
      const { token, maxMessage } = sender.welcome;
      let { limit } = sender.welcome;
      let seq = 1;
      // Covers one position.
      const message = { type: "batch", messages: [new Uint8Array(Math.min(4000, maxMessage))] };
      // Until it has not moved for so many answers to a PING.
      for (let still = 0; still < 100; still++) {
        for (; seq <= limit; seq++, still = 0) sender.send({ ...message, seq });
        assert.ok(seq < ENDLESS, `it has taken ${seq} messages and does not stop`);
        sender.send({ type: "ping", nonce: 1 });
        for (let frame = await sender.until(); frame.type !== "pong"; frame = await sender.until()) {
          if (frame.type !== "ack") continue;
          assert.ok(frame.limit >= limit, "the limit has fallen");
          ({ limit } = frame);
        }
      }
      sender.stop();
      const again = await openSession(url, { token, limit: 0, attempt: 2 });
      assert.ok(again.welcome.resumed && again.welcome.limit >= limit, "nor does it fall with a new connection");
      for (; seq <= again.welcome.limit; seq++) again.send({ ...message, seq });
      again.send(text(seq, "one too many"));
      assert.equal(await again.code(), Code.PROTOCOL_ERROR);
    },
  },
  {
    rule: 5,
    name: "a message above its max_message is answered with 4413",
    async run(url) {
      const probe = await openSession(url);
      probe.send({ type: "batch", seq: 1, messages: [new Uint8Array(probe.welcome.maxMessage + 1)] });
      assert.equal(await probe.code(), Code.TOO_BIG);
    },
  },
];

const ends = [
  {
    rule: 11,
    name: "a BYE ends the session, and its token is answered with its code and reason from then on",
    async run(url) {
      const first = await openUsed(url);
      await first.bye(4321, "enough 🪢");
      for (const attempt of [2, 3]) {
        const again = await openProbe(url);
        again.hello({ token: first.welcome.token, attempt });
        assert.deepEqual(await again.until(), { type: "bye", code: 4321, reason: "enough 🪢" });
        assert.equal(await again.code(), 1000);
      }
    },
  },
  {
    rule: 8,
    name: "a close without a BYE, be it with 1000, is none",
    async run(url) {
      const first = await openUsed(url);
      first.ws.close(1000);
      await first.code();
      const second = await openSession(url, { token: first.welcome.token, attempt: 2 });
      assert.equal(second.welcome.resumed, true);
      second.stop();
    },
  },
  {
    rule: 10,
    name: "an unknown token gets a new session, which waits for the client's ACK",
    async run(url) {
      const probe = await openSession(url, { token: "nobody knows this one", taken: 7, limit: 1000, attempt: 3 });
      const { resumed, taken, token } = probe.welcome;
      assert.deepEqual([resumed, taken, token === "nobody knows this one"], [false, 0, false]);
      probe.send(text(1, "hello"));
      assert.equal((await probe.until("ack")).taken, 1);
      probe.send({ type: "ping", nonce: 5 });
      assert.deepEqual(await probe.until(), { type: "pong", nonce: 5 }, "the HELLO's limit meant another session");
      probe.send({ type: "ack", taken: 0, limit: 10 });
      assert.deepEqual(await probe.messages(1), ["hello"]);
      probe.stop();
    },
  },
  {
    rule: 10,
    name: "so does one who has taken more than was sent, or less than was acknowledged",
    async run(url) {
      for (const taken of [2, 0]) {
        const first = await openUsed(url);
        first.send({ type: "ack", taken: 1, limit: 1024 });
        first.send({ type: "ping", nonce: 1 });
        await first.until("pong");
        first.stop();
        const second = await openSession(url, { token: first.welcome.token, taken, attempt: 2 });
        assert.equal(second.welcome.resumed, false, `after 1 was acknowledged, ${taken} can't be true`);
        assert.notEqual(second.welcome.token, first.welcome.token);
        second.stop();
      }
    },
  },
];

const liveness = [
  {
    rule: 7,
    name: "a PING is answered with a PONG, an ACK that is owed first; a PONG that nobody asked for is ignored",
    async run(url) {
      const probe = await openUsed(url);
      for (const nonce of [0, 127, 128, LAST]) {
        probe.send({ type: "pong", nonce: 4_000_000 });
        probe.send({ type: "ping", nonce });
        assert.equal((await probe.until("pong")).nonce, nonce);
      }
      probe.send(text(2, "and this"));
      let taken = 0;
      for (let frame = await probe.until(); !frame.messages; frame = await probe.until()) taken = frame.taken ?? taken;
      probe.send({ type: "ping", nonce: 9 });
      for (let frame = await probe.until(); frame.type !== "pong"; frame = await probe.until()) taken = frame.taken ?? taken;
      assert.equal(taken, 2);
      probe.stop();
    },
  },
  {
    rule: 7,
    name: "it is never silent for longer than its heartbeat",
    isSlow: true,
    async run(url) {
      const probe = await openSession(url);
      const { heartbeatMs } = probe.welcome;
      if (heartbeatMs === 0) return "it promises none";
      if (heartbeatMs > LONGEST_HEARTBEAT) return `its heartbeat of ${heartbeatMs} ms is too long to wait for`;
      for (let beat = 0; beat < 2; beat++) {
        const ping = probe.until("ping");
        // Rejects after its own patience, where nothing comes.
        ping.catch(() => {});
        const { nonce } = await within(heartbeatMs + SLACK, `a PING within ${heartbeatMs} ms`, ping);
        probe.send({ type: "pong", nonce });
      }
      probe.stop();
    },
  },
  {
    rule: 7,
    name: "a client that answers nothing is closed, and finds its session again",
    isSlow: true,
    async run(url) {
      const probe = await openSession(url);
      const { heartbeatMs, token } = probe.welcome;
      if (heartbeatMs === 0) return "it asks nobody";
      if (heartbeatMs > LONGEST_HEARTBEAT) return `its heartbeat of ${heartbeatMs} ms is too long to wait for`;
      const longest = 2 * heartbeatMs + 30_000;
      await within(longest, `a close within ${longest} ms`, probe.closed);
      const again = await openSession(url, { token, attempt: 2 });
      assert.equal(again.welcome.resumed, true);
      again.stop();
    },
  },
  {
    rule: 1,
    name: "a connection without a HELLO is closed with 4408",
    isSlow: true,
    async run(url) {
      const probe = await openProbe(url);
      assert.equal((await within(60_000, "a close within a minute", probe.closed)).code, Code.NO_HELLO);
    },
  },
];

const badInput = [
  ...Object.entries(FORBIDDEN).map(([what, frame]) => ({
    rule: 14,
    name: `${what} is answered with 4400, and ends the session`,
    async run(url) {
      const probe = await openSession(url);
      probe.send(frame);
      assert.equal(await probe.code(), Code.PROTOCOL_ERROR);
      assert.deepEqual(probe.frames.filter((frame) => frame.messages), [], "nothing of it was taken");
      const again = await openProbe(url);
      again.hello({ token: probe.welcome.token, attempt: 2 });
      const { type, code } = await again.until();
      assert.deepEqual([type, code], ["bye", Code.PROTOCOL_ERROR]);
      again.stop();
    },
  })),
  ...Object.entries(NO_HELLO).map(([what, frame]) => ({
    rule: 14,
    name: `${what} is answered with 4400`,
    async run(url) {
      const probe = await openProbe(url);
      probe.send(frame);
      assert.equal(await probe.code(), Code.PROTOCOL_ERROR);
    },
  })),
  {
    rule: 12,
    name: "a page of an origin that nobody allowed gets no session",
    async run(url) {
      const outcome = await openSession(url, {}, { origin: STRANGER }).then(() => "a session", () => "nothing");
      assert.equal(outcome, "nothing");
    },
  },
];

const speed = [
  {
    rule: 6,
    name: "2,000 small messages come back in 500 frames or fewer",
    async run(url) {
      const client = connect(url, { window: 4096 });
      await client.opened;
      const before = client.stats.framesIn;
      await exchange(client, numbered(2000));
      const frames = client.stats.framesIn - before;
      assert.ok(frames <= 500, `${frames} frames`);
      await leave(client);
    },
  },
];

export const STEPS = [
  { title: "The greeting", checks: greeting },
  { title: "Messages", checks: messages },
  { title: "Coming back", checks: comingBack },
  { title: "Flow control", checks: flowControl },
  { title: "Ends and losses", checks: ends },
  { title: "Silence", checks: liveness },
  { title: "Bad input", checks: badInput },
  { title: "Few frames", checks: speed },
];
