// The package's queue, beside an array that does the same.

import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";

import { need, ROOT } from "./project.mjs";

const file = path.join(ROOT, "pkg", "queue.js");
need(file, "cargo xtask build");
const { Queue } = await import(file);

/** Numbers below a bound, the same ones for the same seed. */
function random(seed) {
  return (bound) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((seed / 2 ** 32) * bound);
  };
}

/** What can be done to both, by the queue's method; `below` gives a number below a bound. */
const STEPS = {
  push: (queue, array, below) => {
    const item = below(1000);
    array.push(item);
    queue.push(item);
  },
  pop: (queue, array) => {
    array.pop();
    queue.pop();
  },
  shift: (queue, array) => assert.equal(queue.shift(), array.shift()),
  take: (queue, array, below) => {
    const count = below(4);
    assert.deepEqual(queue.take(count), array.splice(0, count));
  },
  "take all": (queue, array) => assert.deepEqual(queue.take(), array.splice(0)),
  at: (queue, array, below) => {
    const index = below(array.length + 1);
    assert.equal(queue.at(index), array[index]);
  },
  slice: (queue, array, below) => {
    const [index, count] = [below(array.length + 1), below(4)];
    assert.deepEqual(queue.slice(index, count), array.slice(index, index + count));
  },
  set: (queue, array, below) => {
    if (array.length === 0) return;
    const index = below(array.length);
    array[index] = below(1000);
    queue.set(index, array[index]);
  },
};

/** Now long, now short, now empty. */
const MOODS = [
  ["push", "push", "push", "pop", "shift", "at", "slice", "set"],
  ["push", "shift", "shift", "pop", "take", "at", "slice", "set"],
  ["push", "shift", "take all"],
];

test("whatever is done to it, and in whatever order, a queue gives what an array gives", () => {
  for (let seed = 0; seed < 2000; seed++) {
    const below = random(seed);
    const queue = new Queue();
    const array = [];
    const done = [];
    try {
      for (let i = 0; i < 60; i++) {
        const mood = MOODS[Math.floor(i / 15) % MOODS.length];
        const step = mood[below(mood.length)];
        done.push(step);
        STEPS[step](queue, array, below);
        assert.equal(queue.length, array.length);
        assert.deepEqual(queue.slice(0, Infinity), array);
      }
    } catch (error) {
      throw new Error(`seed ${seed}, after ${done.join(", ")}`, { cause: error });
    }
  }
});
