// wire.mjs by itself: the specification's examples, round trips, and each kind of malformation.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { costOf, decode, encode, LAST, Malformed, sizeOf, varint } from "./wire.mjs";

const HELLO = { type: "hello", token: "", taken: 0, limit: 1024, attempt: 1, maxMessage: 2 ** 20, protocols: [] };
const WELCOME = {
  type: "welcome",
  resumed: true,
  token: "tok",
  taken: 3,
  limit: 131,
  resumeMs: 120_000,
  heartbeatMs: 15_000,
  maxMessage: 2 ** 20,
  protocol: "chat",
};

/** What goes over the wire, as text or as hex. */
const EXAMPLES = [
  [{ type: "text", seq: 7, messages: ['{"a":1}', '{"b":2}'] }, '7\u001e{"a":1}\u001e{"b":2}'],
  [{ type: "text", seq: 1, messages: ["", ""] }, "1\u001e\u001e"],
  [{ type: "batch", seq: 300, messages: ["\u001e", Uint8Array.of(1, 2)] }, "00 ac02 02 1e 05 0102"],
  [HELLO, "01 00 00 8008 01 808040 00"],
  [{ ...HELLO, token: "tok", protocols: ["chat", "é"] }, "01 03 746f6b 00 8008 01 808040 02 04 63686174 02 c3a9"],
  [WELCOME, "02 01 03 746f6b 03 8301 c0a907 9875 808040 04 63686174"],
  [{ type: "ack", taken: 127, limit: 128 }, "03 7f 8001"],
  [{ type: "ping", nonce: 0 }, "04 00"],
  [{ type: "pong", nonce: LAST }, "05 ffffffffffffff0f"],
  [{ type: "bye", code: 1000, reason: "ok" }, "06 e807 02 6f6b"],
];

/** Bytes, and the word for what is wrong with them. */
const MALFORMED = [
  ["", "empty"],
  ["07", "type"],
  ["04", "truncated"],
  ["04 80", "truncated"],
  ["04 8000", "overlong"],
  ["04 8080808080808010", "range"],
  ["04 808080808080808001", "range"],
  ["04 00 00", "trailing"],
  ["06 e807 01 ff", "utf-8"],
  ["06 e807 02 61", "truncated"],
  ["00 01", "no-message"],
  ["00 00 00", "position"],
  ["00 ffffffffffffff0f 00 00", "position"],
  ["00 01 06 6161", "truncated"],
  ["00 01 04 c328", "utf-8"],
  [`01 8101 ${"61".repeat(129)} 00 00 01 01 00`, "token"],
  ["01 00 00 00 01 00 00", "max-message"],
  [`01 00 00 00 01 01 21 ${"00".repeat(33)}`, "protocols"],
  [`01 00 00 00 01 01 00 ${"00".repeat(8192 - 6)}`, "hello"],
];
const MALFORMED_TEXTS = ["", "1", "hello", "\u001e", "0\u001e", "01\u001e", "-1\u001e", "1 \u001e"];

const hex = (digits) => Buffer.from(digits.replaceAll(" ", ""), "hex");
const wireOf = (frame, wire) => (frame.type === "text" ? Buffer.from(wire) : hex(wire));
const decodeExample = ([frame, wire]) => decode(wireOf(frame, wire), frame.type !== "text");

/** That decoding gives a frame or says what is wrong, and never anything else. */
function decodesOrSays(bytes, isBinary) {
  try {
    return decode(bytes, isBinary);
  } catch (error) {
    if (error instanceof Malformed) return null;
    throw error;
  }
}

export function wireSuite() {
  describe("wire.mjs", () => {
    test("frames are what the specification says, both ways", () => {
      for (const [frame, wire] of EXAMPLES) {
        assert.deepEqual(Buffer.from(encode(frame)), wireOf(frame, wire));
        assert.deepEqual(decodeExample([frame, wire]), frame);
      }
    });

    test("numbers go round up to the last, in the shortest form", () => {
      for (let bits = 0; bits <= 53; bits++) {
        for (const value of [2 ** bits - 1, 2 ** bits, 2 ** bits + 1].filter((value) => value <= LAST)) {
          const bytes = varint(value);
          assert.equal(bytes.length, Math.max(1, Math.ceil(value.toString(2).length / 7)));
          assert.equal(decode(Buffer.concat([Buffer.of(4), bytes]), true).nonce, value);
        }
      }
      assert.throws(() => varint(LAST + 1), RangeError);
    });

    test("each malformation is called by its name", () => {
      for (const [bytes, kind] of MALFORMED) assert.throws(() => decode(hex(bytes), true), { kind }, bytes);
      for (const text of [...MALFORMED_TEXTS, `${LAST + 1}\u001e`]) {
        assert.throws(() => decode(Buffer.from(text), false), Malformed, text);
      }
    });

    test("no part of a frame is a frame; of a BATCH, only whole messages are", () => {
      for (const [frame, wire] of EXAMPLES.filter(([{ type }]) => type !== "text")) {
        const bytes = wireOf(frame, wire);
        for (let length = 0; length < bytes.length; length++) {
          const part = decodesOrSays(bytes.subarray(0, length), true);
          if (frame.type !== "batch") assert.equal(part, null);
          else if (part) assert.deepEqual(part.messages, frame.messages.slice(0, part.messages.length));
        }
      }
    });

    test("whatever byte is changed, it is a frame or malformed", () => {
      for (const [frame, wire] of EXAMPLES) {
        const bytes = wireOf(frame, wire);
        for (let at = 0; at < bytes.length; at++) {
          for (let value = 0; value < 256; value++) decodesOrSays(bytes.with(at, value), frame.type !== "text");
        }
      }
    });

    test("what follows is ignored in HELLO and WELCOME, and an unknown flag as well", () => {
      for (const frame of [HELLO, WELCOME]) {
        assert.deepEqual(decode(Buffer.concat([encode(frame), Buffer.of(1, 2)]), true), frame);
      }
      const flagged = encode(WELCOME);
      flagged[1] = 3;
      assert.deepEqual(decode(flagged, true), WELCOME);
    });

    test("a mark at the beginning of a text is kept", () => {
      const frame = { type: "batch", seq: 1, messages: ["\ufeffa"] };
      assert.deepEqual(decode(encode(frame), true), frame);
      assert.deepEqual(decode(Buffer.from("1\u001e\ufeffa"), false).messages, ["\ufeffa"]);
    });

    test("positions grow with every 4,096 bytes of UTF-8", () => {
      assert.deepEqual([0, 1, 4095, 4096, 8191, 8192].map(costOf), [1, 1, 1, 2, 2, 3]);
      assert.deepEqual(["é", "🪢", Uint8Array.of(1, 2)].map(sizeOf), [2, 4, 2]);
    });
  });
}
