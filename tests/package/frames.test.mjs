// What the package reads and writes of frames by itself: the size of a text on the wire, which positions are counted by, against
// the platform's own encoder; how many messages a frame may have; and the frame of many messages, against how it is read.

import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";

import { need, ROOT } from "./project.mjs";

const file = path.join(ROOT, "pkg", "frames.js");
need(file, "cargo xtask build");
const { pack, unpack, utf8Length } = await import(file);
const { readOptions } = await import(path.join(ROOT, "pkg", "options.js"));

const encoded = (text) => new TextEncoder().encode(text).length;

/** Code units from all that is counted differently: one, two and three bytes, first and second halves of pairs. */
const UNITS = [0x00, 0x1e, 0x41, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xd800, 0xdbff, 0xdc00, 0xdfff, 0xe000, 0xfeff, 0xffff];

test("a text has as many bytes as in UTF-8, whatever stands beside what", () => {
  for (const first of UNITS) {
    for (const second of UNITS) {
      for (const third of UNITS) {
        const text = String.fromCharCode(first, second, third);
        assert.equal(utf8Length(text), encoded(text), JSON.stringify(text));
      }
    }
  }
  assert.equal(utf8Length("🪢".repeat(1024)), 4096);
});

test("a frame has no more messages than the window", () => {
  assert.equal(unpack("1\x1e\x1e\x1e", 3).messages.length, 3);
  assert.equal(unpack("1\x1e\x1e\x1e", 2), undefined);
  const empty = (count) => Uint8Array.of(0, 1, ...Array(count).fill(1)).buffer;
  assert.equal(unpack(empty(3), 3).messages.length, 3);
  assert.equal(unpack(empty(4), 3), undefined);
});

test("an inbox without bounds takes a frame for what it is", () => {
  const { window } = readOptions({ durable: true, inbox: { messages: Infinity, bytes: Infinity } }, "ws://localhost");
  assert.deepEqual(unpack("1\x1ea\x1eb\x1ec", window), { first: 1, messages: ["a", "b", "c"] });
});

test("texts are a text frame, however many, and with anything else among them bytes; both are read as they were", () => {
  const texts = ["a", "{}", "", "é"];
  assert.equal(pack(7, texts), "7\x1ea\x1e{}\x1e\x1eé");
  assert.deepEqual(unpack(pack(7, texts), 4), { first: 7, messages: texts });
  // A text with the separator in it; and lengths around those at which the number before a message grows.
  const lengths = [0, 1, 62, 63, 64, 65, 8190, 8191, 8192, 8193, 20_000, 3, 100];
  const ascii = lengths.map((length) => "x".repeat(length));
  const lists = [ascii, ascii.toReversed(), ["é".repeat(40)], Array(9).fill(""), Array(500).fill("{}")];
  for (const [index, list] of lists.entries()) {
    const [first, mixed] = [index % 2 === 0 ? 1 : 2 ** 40 + index, [...list, "a\x1eb"]];
    assert.deepEqual(unpack(pack(first, list), list.length), { first, messages: list }, `list ${index}`);
    assert.equal(typeof pack(first, list), "string", `list ${index}`);
    assert.deepEqual(unpack(pack(first, list, false).slice().buffer, list.length), { first, messages: list }, `list ${index}`);
    const frame = pack(first, mixed);
    assert.ok(frame instanceof Uint8Array, `list ${index}`);
    assert.deepEqual(unpack(frame.slice().buffer, mixed.length), { first, messages: mixed }, `list ${index}`);
  }
  assert.deepEqual(unpack(pack(1, ["a\ud800", "🪢"], false).slice().buffer, 2).messages, ["a\ufffd", "🪢"]);
  const mixed = ["", Uint8Array.of(0, 255), "x".repeat(20_000), "é", ""];
  const read = unpack(pack(1, mixed, false).slice().buffer, 5).messages;
  assert.deepEqual(read.map((message) => (typeof message === "string" ? message : new Uint8Array(message))), mixed);
  const { messages } = unpack(pack(1, [...ascii, Uint8Array.of(1, 2)]).slice().buffer, 99);
  assert.deepEqual(messages.slice(0, -1), ascii);
  assert.deepEqual(new Uint8Array(messages.at(-1)), Uint8Array.of(1, 2));
});
