// What the suites send, and what they say of what came back.

import { sizeOf } from "./wire.mjs";

const bytesOf = (length) => Uint8Array.from({ length }, (_, index) => (index * 7 + length) % 256);

/** Texts, bytes, empty messages, separators, and sizes around everything that is counted. */
export const KINDS = [
  "",
  new Uint8Array(0),
  "text",
  '{"json":true}',
  "wörld 🪢",
  "\u001e",
  "between \u001e and \u001e\u001e",
  "\ufeffa mark that is kept",
  "\u0000",
  "7\u001e8",
  Uint8Array.of(0),
  bytesOf(256),
  ...[4095, 4096, 4097, 8191, 8192].flatMap((size) => ["x".repeat(size), bytesOf(size)]),
  // A character of three bytes on each side of a position's end.
  "€".repeat(1365),
  "€".repeat(1366),
  // Of two units and four bytes.
  "🪢".repeat(1023),
  "🪢".repeat(1024),
  `a${"🪢".repeat(1023)}`,
  `${"🪢".repeat(1023)}aaa`,
  "y".repeat(65_536),
  bytesOf(200_000),
];

/** A payload as a line, so that a difference is shown short. */
export const shortly = (payload) => {
  const kind = typeof payload === "string" ? "text" : "bytes";
  const size = sizeOf(payload);
  const content = size > 40 ? `#${hashOf(payload)}` : JSON.stringify(Buffer.from(payload).toString("latin1"));
  return `${kind} ${size} ${content}`;
};

function hashOf(payload) {
  let hash = 0;
  for (const byte of Buffer.from(payload)) hash = (hash * 31 + byte) | 0;
  return (hash >>> 0).toString(16);
}

/** What became of the messages 0, 1, 2, … by their numbers as they came. */
export function tally(numbers, count) {
  const seen = new Set();
  const result = { lost: 0, repeated: 0, outOfOrder: 0 };
  let last = -1;
  for (const number of numbers) {
    if (seen.has(number)) result.repeated++;
    else if (number < last) result.outOfOrder++;
    seen.add(number);
    last = Math.max(last, number);
  }
  for (let number = 0; number < count; number++) if (!seen.has(number)) result.lost++;
  return result;
}
