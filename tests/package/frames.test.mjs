// What the package reads of frames by itself: the size of a text on the wire, which positions are counted by, against the
// platform's own encoder; and how many messages a frame may have.

import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";

import { need, ROOT } from "./project.mjs";

const file = path.join(ROOT, "pkg", "frames.js");
need(file, "cargo xtask build");
const { unpack, utf8Length } = await import(file);
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
