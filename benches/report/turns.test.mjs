// The order in which clients are measured.

import assert from "node:assert/strict";
import { test } from "node:test";

import { inTurn } from "../page/turns.js";

/** How often each of the words comes. */
function counted(words) {
  const counts = new Map();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

for (const length of [1, 2, 3, 4, 5, 7, 12]) {
  const list = Array.from({ length }, (_, index) => `client ${index}`);
  const turns = length % 2 === 0 ? length : 2 * length;
  const orders = Array.from({ length: turns }, (_, turn) => inTurn(list, turn));

  test(`of ${length}, all take part each time, and each comes behind each other one and at each place as often`, () => {
    for (const order of orders) assert.deepEqual(order.toSorted(), list.toSorted());
    const behind = counted(orders.flatMap((order) => order.slice(1).map((name, place) => `${name} behind ${order[place]}`)));
    assert.equal(behind.size, length * (length - 1));
    assert.ok([...behind.values()].every((times) => times === turns / length));
    const places = counted(orders.flatMap((order) => order.map((name, place) => `${name} at ${place}`)));
    assert.equal(places.size, length * length);
    assert.ok([...places.values()].every((times) => times === turns / length));
  });

  if (length > 2) {
    test(`of ${length}, none comes behind itself where one turn ends and the next begins`, () => {
      for (let turn = 0; turn < 2 * turns; turn++) assert.notEqual(inTurn(list, turn).at(-1), inTurn(list, turn + 1)[0]);
    });
  }
}
