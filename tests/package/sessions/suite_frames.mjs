// Conformance: frames that are malformed, or right and forbidden. Each ends its own session, and nobody else's. The
// same tests for every server: it echoes on /echo.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { isHealthy, PATIENCE, useInhabitedServer } from "./kit.mjs";
import { openProbe, openSession } from "./probe.mjs";
import { Code, encode, LAST, string, Type, varint } from "./wire.mjs";

const OPTIONS = { timeout: PATIENCE };
const WINDOW = 16;
const MAX_MESSAGE = 65_536;
/** How the WebSocket itself says that a text is not UTF-8. */
const NOT_UTF8 = 1007;

const text = (seq, ...messages) => ({ type: "text", seq, messages });
const bytes = (...parts) => Buffer.concat(parts.map((part) => (typeof part === "number" ? Buffer.of(part) : part)));
const hello = (fields) => ({
  type: "hello",
  token: "",
  taken: 0,
  limit: 16,
  attempt: 1,
  maxMessage: MAX_MESSAGE,
  protocols: [],
  ...fields,
});

/** The first number above what a varint may be: 2^53. */
const TOO_HIGH = Buffer.of(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10);
const ENDLESS = Buffer.alloc(20, 0x80);
const NO_TEXT = Buffer.of(0xc3, 0x28);

/** In an open session that has sent nothing yet. */
const FORBIDDEN = {
  "an empty binary frame": Buffer.alloc(0),
  "an unknown type": Buffer.of(7),
  "a type of another kind of thing": Buffer.of(0xff, 1, 2),
  "an ACK without numbers": Buffer.of(Type.ACK),
  "an ACK that ends within a varint": Buffer.of(Type.ACK, 0, 0x80),
  "a varint longer than it has to be": Buffer.of(Type.PING, 0x81, 0),
  "a zero in two bytes": Buffer.of(Type.PONG, 0x80, 0),
  "a varint above 2^53 - 1": bytes(Type.PING, TOO_HIGH),
  "a varint without an end": bytes(Type.PING, ENDLESS, 1),
  "an ACK with bytes behind it": Buffer.of(Type.ACK, 0, 1, 0),
  "a PING with bytes behind it": Buffer.of(Type.PING, 0, 0),
  "a PONG with bytes behind it": Buffer.of(Type.PONG, 0, 0),
  "a BYE with bytes behind it": bytes(Type.BYE, varint(1000), string(""), 0),
  "a BYE whose reason is not UTF-8": bytes(Type.BYE, varint(1000), 2, NO_TEXT),
  "a BYE whose reason is longer than its frame": bytes(Type.BYE, varint(1000), 5, Buffer.from("long")),
  "a BATCH without a position": Buffer.of(Type.BATCH),
  "a BATCH without a message": Buffer.of(Type.BATCH, 1),
  "a BATCH at position 0": Buffer.of(Type.BATCH, 0, 0),
  "a BATCH whose message is longer than its frame": bytes(Type.BATCH, 1, varint(6), Buffer.from("ab")),
  "a BATCH that announces more than there is memory": bytes(Type.BATCH, 1, varint(LAST - 1), 1),
  "a BATCH whose text is not UTF-8": bytes(Type.BATCH, 1, varint(4), NO_TEXT),
  "a BATCH whose second text is not UTF-8": bytes(Type.BATCH, 1, 0, varint(4), NO_TEXT),
  "a BATCH with a surrogate in its text": bytes(Type.BATCH, 1, varint(6), Buffer.of(0xed, 0xa0, 0x80)),
  "a BATCH that goes beyond the last position": bytes(Type.BATCH, varint(LAST), 0, 0),
  "an empty text frame": "",
  "a text frame without a message": "1",
  "a text frame that is just a text": "hello",
  "a text frame without a position": "\u001ehello",
  "a text frame at position 0": "0\u001ehello",
  "a text frame with a leading zero": "01\u001ehello",
  "a text frame with a sign": "+1\u001ehello",
  "a text frame with a space": " 1\u001ehello",
  "a text frame with a fraction": "1.0\u001ehello",
  "a text frame with digits of another script": "\u0661\u001ehello",
  "a text frame above the last position": `${LAST + 1}\u001ehello`,
  "a message after a gap": text(2, "too early"),
  "a message far past everything": text(LAST, "much too early"),
  "a message that begins past the limit": text(1, ...Array(WINDOW + 1).fill("")),
  "an ACK of what was never sent": { type: "ack", taken: 1, limit: 16 },
  "a second HELLO": hello({ attempt: 2 }),
  "a WELCOME from a client": {
    type: "welcome",
    resumed: false,
    token: "t",
    taken: 0,
    limit: 1,
    resumeMs: 1,
    heartbeatMs: 1,
    maxMessage: 1,
    protocol: "",
  },
};

/** As the first frame of a connection. */
const NO_HELLO = {
  "data instead of a HELLO": text(1, "hello"),
  "a BATCH instead of a HELLO": { type: "batch", seq: 1, messages: ["hello"] },
  "an ACK instead of a HELLO": { type: "ack", taken: 0, limit: 1 },
  "a PING instead of a HELLO": { type: "ping", nonce: 1 },
  "a HELLO without a body": Buffer.of(Type.HELLO),
  "a HELLO that ends too early": encode(hello({ protocols: ["chat"] })).subarray(0, -1),
  "a HELLO with a token that is too long": hello({ token: "t".repeat(129) }),
  "a HELLO with too many subprotocols": hello({ protocols: Array.from({ length: 33 }, (_, n) => `chat.v${n}`) }),
  "a HELLO with a subprotocol that is too long": hello({ protocols: ["p".repeat(8192)] }),
  "a HELLO that announces more subprotocols than there is memory": bytes(
    encode(hello()).subarray(0, -1),
    varint(LAST),
  ),
  "a HELLO whose token is not UTF-8": bytes(Type.HELLO, 2, NO_TEXT, 0, 16, 1, 16, 0),
  "a HELLO that takes no message at all": hello({ maxMessage: 0 }),
  "a HELLO with an overlong number": bytes(Type.HELLO, 0, 0, 16, Buffer.of(0x81, 0), 16, 0),
  "a HELLO as text": "\u0001",
};

export function framesSuite(name, serve) {
  describe(`${name}: frames`, () => {
    const flags = ["--window", String(WINDOW), "--max-message", String(MAX_MESSAGE)];
    const server = useInhabitedServer(serve, ...flags);
    const echo = () => `${server.url}/echo`;

    /** The server closes this one, and nothing else has happened. */
    async function closes(probe, ...codes) {
      const code = await probe.code();
      assert.ok(codes.includes(code), `closed with ${code} instead of ${codes.join(" or ")}`);
      assert.deepEqual(probe.frames.filter(({ messages }) => messages), [], "no message of it was taken");
      await isHealthy(server.url);
      await server.neighbour.goesOn();
    }

    for (const [what, frame] of Object.entries(FORBIDDEN)) {
      test(`${what} is answered by 4400`, OPTIONS, async () => {
        const probe = await openSession(echo());
        probe.send(frame);
        await closes(probe, Code.PROTOCOL_ERROR);
      });
    }

    for (const [what, frame] of Object.entries(NO_HELLO)) {
      test(`${what} is answered by 4400`, OPTIONS, async () => {
        const probe = await openProbe(echo());
        probe.send(frame);
        await closes(probe, Code.PROTOCOL_ERROR);
      });
    }

    test("a text frame that is not UTF-8 is answered by 1007 or 4400", OPTIONS, async () => {
      const probe = await openSession(echo());
      probe.ws.send(bytes(Buffer.from("1\u001e"), NO_TEXT), { binary: false });
      await closes(probe, Code.PROTOCOL_ERROR, NOT_UTF8);
    });

    test("no message of a frame that is wrong at its end is taken", OPTIONS, async () => {
      const probe = await openSession(echo());
      const good = encode({ type: "batch", seq: 1, messages: ["fine", "fine too"] });
      probe.send(bytes(good, varint(20), Buffer.from("short")));
      await closes(probe, Code.PROTOCOL_ERROR);
    });

    test("a message above the announced size is answered by 4413, and one of that size is not", OPTIONS, async () => {
      for (const message of ["m".repeat(MAX_MESSAGE + 1), new Uint8Array(MAX_MESSAGE + 1)]) {
        const probe = await openSession(echo());
        assert.equal(probe.welcome.maxMessage, MAX_MESSAGE);
        const isText = typeof message === "string";
        probe.send({ type: isText ? "text" : "batch", seq: 1, messages: [message.slice(0, MAX_MESSAGE)] });
        assert.equal((await probe.messages(1))[0].length, MAX_MESSAGE);
        const seq = 1 + 1 + MAX_MESSAGE / 4096;
        probe.send({ type: isText ? "text" : "batch", seq, messages: [message] });
        await closes(probe, Code.TOO_BIG);
      }
    });

    test("duplicates, ACKs of the past and fragments are nothing forbidden", OPTIONS, async () => {
      const probe = await openSession(echo());
      probe.send(text(1, "one", "two"));
      assert.deepEqual(await probe.messages(2), ["one", "two"]);
      probe.send({ type: "ack", taken: 2, limit: 1024 });
      probe.send({ type: "ack", taken: 1, limit: 0 });
      probe.send(text(1, "one", "two", "three"));
      probe.ws.send("4\u001efo", { fin: false });
      probe.ws.send("ur", { fin: true });
      assert.deepEqual(await probe.messages(2), ["three", "four"]);
      assert.equal(probe.frames.filter(({ messages }) => messages).length, 0, "once each");
      probe.stop();
    });

    test("a frame of the smallest kind of each type is right", OPTIONS, async () => {
      const probe = await openSession(echo());
      probe.send(Buffer.of(Type.BATCH, 1, 0));
      probe.send("2\u001e");
      probe.send(Buffer.of(Type.BATCH, 3, 1));
      assert.deepEqual(await probe.messages(3), ["", "", new Uint8Array(0)]);
      probe.send(Buffer.of(Type.ACK, 3, 0));
      probe.send(Buffer.of(Type.PONG, 0));
      probe.send(Buffer.of(Type.PING, 0));
      await probe.until("pong");
      probe.send(Buffer.of(Type.BYE, 0, 0));
      // What comes behind a BYE is nobody's any more; that it was right, the next one is told.
      probe.ws.close(1000);
      assert.equal(await probe.code(), 1000);
      const again = await openProbe(echo());
      again.hello({ token: probe.welcome.token, attempt: 2 });
      assert.deepEqual(await again.until(), { type: "bye", code: 0, reason: "" });
      again.stop();
    });
  });
}
