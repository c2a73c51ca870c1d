// What the page finds wrong with the messages that come, so that no client is fast by losing them.

import assert from "node:assert/strict";
import { test } from "node:test";

import { check, messagesOf } from "../page/messages.js";
import { PAYLOADS } from "../page/plan.js";

for (const payload of PAYLOADS) {
  const messages = messagesOf(payload);
  const come = (...numbers) => () => {
    for (const [index, n] of numbers.entries()) check(messages, messages.decode(messages.encode(messages.make(n))), index + 1);
  };

  test(`of ${payload}, what is lost, doubled or overtaken is noticed, and nothing else`, () => {
    come(1, 2, 3, 4)();
    assert.throws(come(1, 2, 4), /message 3 was due, and 4 came/);
    assert.throws(come(1, 2, 2, 3), /message 3 was due, and 2 came/);
    assert.throws(come(2, 1), /message 1 was due, and 2 came/);
  });

  test(`a message of ${payload} has its bytes, whichever it is`, () => {
    for (const n of [1, 2, 9, 10, 99_999, 100_000, 1_000_000]) assert.equal(messages.encode(messages.make(n)).length, messages.bytes);
  });
}
