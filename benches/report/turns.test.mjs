// The order in which clients are measured.

import assert from "node:assert/strict";
import { test } from "node:test";

import { inTurn } from "../page/turns.js";

for (const length of [1, 2, 3, 4, 7, 12]) {
  test(`of ${length}, all take part each time, and each comes right behind each other one as often`, () => {
    const list = Array.from({ length }, (_, index) => `client ${index}`);
    const turns = length % 2 === 0 ? length : 2 * length;
    const behind = new Map();
    for (let turn = 0; turn < turns; turn++) {
      const order = inTurn(list, turn);
      assert.deepEqual([...order].sort(), [...list].sort());
      for (let place = 1; place < length; place++) {
        const pair = `${order[place]} behind ${order[place - 1]}`;
        behind.set(pair, (behind.get(pair) ?? 0) + 1);
      }
    }
    assert.equal(behind.size, length * (length - 1));
    assert.deepEqual([...new Set(behind.values())], length > 1 ? [turns / length] : []);
  });
}
