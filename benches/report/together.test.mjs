// Clients side by side: what counts, what a failure costs, and in which order they come.

import assert from "node:assert/strict";
import { test } from "node:test";

import { planOf, roundOf } from "../page/plan.js";
import { measureThroughput } from "../page/throughput.js";
import { takeTurns } from "../page/together.js";
import { measureTrips } from "../page/trips.js";
import { inTurn } from "../page/turns.js";

const JOB = { work: "echo", payload: "json", turns: 3, runIn: 2, firstTurn: 0, urlOf: ({ name }, path) => name + path };
const anyLong = (task) => task();

/** A job of clients that only note what happens to them. `missing` can't be loaded, and `refuses` can't be opened. */
function made(job = {}) {
  const log = [];
  const load = async (name) => {
    if (name === "missing") throw new Error("not there");
    return {
      name,
      async open(url) {
        log.push(`open ${url}`);
        if (name === "refuses") throw new Error("refused");
        return { close: async () => log.push(`close ${name}`) };
      },
    };
  };
  return { job: { ...JOB, load, ...job }, log };
}

test("all take every turn, the first ones do not count, and all are closed", async () => {
  const { job, log } = made();
  let calls = 0;
  const results = await takeTurns(["a", "b"], job, anyLong, (name) => `/${name}`, async ({ name }) => `${name}${calls++}`);
  assert.equal(calls, 2 * 5);
  assert.deepEqual([...results.keys()], ["a", "b"]);
  for (const [name, turns] of results) {
    assert.equal(turns.length, 3);
    assert.ok(turns.every((turn) => turn.startsWith(name) && Number(turn.slice(1)) >= 4), turns.join());
  }
  assert.deepEqual(log, ["open a/a", "open b/b", "close a", "close b"]);
});

test("who fails is closed at once, takes no further part, and costs the others nothing", async () => {
  const { job, log } = made();
  const part = async ({ name }) => {
    log.push(name);
    if (name === "fails") throw "a word";
  };
  const results = await takeTurns(["missing", "refuses", "fails", "stays"], job, anyLong, () => "/echo", part);
  assert.equal(results.get("missing").message, "not there");
  assert.equal(results.get("refuses").message, "refused");
  assert.equal(results.get("fails").message, "a word");
  assert.equal(results.get("stays").length, 3);
  assert.equal(log.filter((entry) => entry === "fails").length, 1);
  assert.equal(log[log.indexOf("fails") + 1], "close fails");
  assert.deepEqual(log.filter((entry) => entry.startsWith("close")), ["close fails", "close stays"]);
});

test("one that hangs is the only one that does", async () => {
  const soon = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  const limited = (task) => Promise.race([task(), soon().then(() => Promise.reject(new Error("no end")))]);
  const part = ({ name }) => (name === "hangs" ? new Promise(() => {}) : Promise.resolve(1));
  const results = await takeTurns(["hangs", "stays"], made().job, limited, () => "/echo", part);
  assert.equal(results.get("hangs").message, "no end");
  assert.deepEqual(results.get("stays"), [1, 1, 1]);
});

test("a rate is that of all turns that count", async () => {
  const { job, log } = made({ counts: { a: 40, refuses: 1 } });
  const times = [1000, 1000, 10, 20, 30];
  const part = async (client, channel, count) => ({ ms: times.shift(), more: count });
  const others = (sums, count) => ({ cpu: { perMessage: sums.more / count } });
  const path = (count) => `/push?messages=${count}`;
  const results = await measureThroughput(["a", "refuses"], job, anyLong, path, part, others);
  assert.deepEqual(results.get("a"), { echo: { rate: (3 * 40 * 1000) / 60 }, cpu: { perMessage: 1 } });
  assert.ok(results.get("refuses") instanceof Error);
  assert.equal(log[0], "open a/push?messages=40");
});

test("round trips are those of all turns that count", async () => {
  const trips = [[9000], [9000], [3, 1], Float64Array.of(2, 4), [5, 5]];
  const { job } = made({ work: "round-trip", counts: { a: 2 } });
  const results = await measureTrips(["a"], job, anyLong, async () => trips.shift());
  assert.deepEqual(results.get("a"), { "round-trip": { mean: 20 / 6, median: 4, p99: 5 } });
});

test("with JSON each comes behind each other one in every round, and with others over all rounds", () => {
  const jobs = planOf({ browser: "chromium" }).jobs.filter(({ work }) => ["echo", "in", "out", "round-trip"].includes(work));
  assert.equal(jobs.length, 16);
  for (const job of jobs) {
    const rounds = Array.from({ length: job.rounds }, (_, index) => ordersOf(job, index + 1));
    const wholes = job.payload === "json" ? rounds : [rounds.flat()];
    for (const orders of wholes) {
      const behind = new Map();
      for (const order of orders) {
        order.slice(1).forEach((name, place) => {
          const pair = `${name} behind ${order[place]}`;
          behind.set(pair, (behind.get(pair) ?? 0) + 1);
        });
      }
      const { length } = job.clients;
      assert.equal(behind.size, length * (length - 1), `${job.work} ${job.payload}`);
      assert.ok([...behind.values()].every((times) => times === orders.length / length), `${job.work} ${job.payload}`);
    }
  }
});

/** In which order the clients come, in each turn of a round that counts. */
function ordersOf(job, round) {
  const { turns, runIn, firstTurn } = roundOf(job, round);
  return Array.from({ length: turns }, (_, turn) => inTurn(job.clients, firstTurn + runIn + turn));
}

test("the turns that warm up are another round’s", () => {
  const [echo] = planOf({ browser: "chromium" }).jobs;
  assert.equal(roundOf(echo, 0).turns, echo.warmUp);
  assert.equal(roundOf(echo, 3).firstTurn, 3 * echo.turns);
});
