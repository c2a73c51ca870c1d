// Medians, spreads and ratios, of whole rounds and of what is left where something failed.

import assert from "node:assert/strict";
import { test } from "node:test";

import { rounds } from "./made_up.mjs";
import { median, ratioOf, rowOf, summarise } from "./medians.mjs";
import { bytes, count, micros, percent, rate, short, times } from "./numbers.mjs";

test("the median is the one in the middle, or between the two there", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 3, 2]), 2.5);
  assert.equal(median([7]), 7);
  assert.ok(Number.isNaN(median([])));
  const figures = [10, 9, 100];
  assert.equal(median(figures), 10, "by size, not by their letters");
  assert.deepEqual(figures, [10, 9, 100], "what it is given stays as it is");
});

test("rounds become a median, a lowest, a highest, and a ratio to the baseline’s", () => {
  const tables = summarise([
    ...rounds("echo", "json", "websocket", "rate", [100, 90, 110]),
    ...rounds("echo", "json", "tautline-durable", "rate", [2000, 2600, 2200]),
  ]);
  assert.equal(tables.length, 1);
  const row = rowOf(tables, "echo", "json", "tautline-durable");
  assert.equal(row.rounds, 3);
  const { figures, ...rest } = row.values.rate;
  assert.deepEqual(rest, { median: 2200, low: 2000, high: 2600, ratio: 20 });
  assert.deepEqual([...figures], [[1, 2000], [2, 2600], [3, 2200]]);
  assert.equal(rowOf(tables, "echo", "json", "websocket").values.rate.ratio, 1);
});

test("a ratio is within each round, whatever the machine was like in it", () => {
  const tables = summarise([
    ...rounds("echo", "json", "websocket", "rate", [100, 50, 200]),
    ...rounds("echo", "json", "gloo-net", "rate", [80, 60]),
    ...rounds("echo", "json", "tautline", "rate", [99, 49, 202]),
  ]);
  const [websocket, glooNet, tautline] = ["websocket", "gloo-net", "tautline"].map((client) =>
    rowOf(tables, "echo", "json", client).values.rate);
  assert.equal(tautline.median / websocket.median, 0.99);
  assert.equal(tautline.ratio, 0.99);
  assert.equal(glooNet.ratio, 1, "the median of 0.8 and 1.2: a round that one of the two is missing in does not count");
  assert.equal(ratioOf(websocket, glooNet), (1.25 + 50 / 60) / 2);
  assert.ok(Number.isNaN(ratioOf(tautline, undefined)));
  assert.ok(Number.isNaN(ratioOf(undefined, tautline)));
});

test("one round is its own median", () => {
  const tables = summarise(rounds("echo", "json", "websocket", "rate", [123]));
  const { median, low, high, ratio } = rowOf(tables, "echo", "json", "websocket").values.rate;
  assert.deepEqual([median, low, high, ratio], [123, 123, 123, 1]);
});

test("a client that failed has the reason, and the rounds before it count", () => {
  const tables = summarise([
    ...rounds("echo", "json", "websocket", "rate", [100]),
    ...rounds("echo", "json", "ewebsock", "rate", [80, 60]),
    { work: "echo", payload: "json", client: "ewebsock", round: 3, failed: "Error: gone" },
    { work: "echo", payload: "json", client: "gloo-net", round: 1, failed: "Error: never there" },
  ]);
  const [partly, never] = ["ewebsock", "gloo-net"].map((name) => tables[0].rows.find(({ client }) => client === name));
  assert.equal(partly.failed, "Error: gone");
  assert.equal(partly.rounds, 2);
  assert.equal(partly.values.rate.median, 70);
  assert.deepEqual(never, { client: "gloo-net", failed: "Error: never there", rounds: 0, values: {} });
  assert.equal(rowOf(tables, "echo", "json", "gloo-net"), undefined);
});

test("without a baseline there is no ratio, and what is no number does not count", () => {
  const tables = summarise([
    ...rounds("wire", "json", "tautline", "out", [100, 104]),
    { work: "wire", payload: "json", client: "tautline", round: 3, values: { out: null } },
  ]);
  const { out } = rowOf(tables, "wire", "json", "tautline").values;
  assert.equal(out.median, 102);
  assert.ok(Number.isNaN(out.ratio));
});

test("works, payloads and clients come in one order, and what is not known comes last", () => {
  const tables = summarise([
    ...rounds("something", "json", "tautline", "value", [1]),
    ...rounds("out", "json", "tautline", "rate", [1]),
    ...rounds("echo", "65536", "tautline", "rate", [1]),
    ...rounds("echo", 16, "tautline", "rate", [1]),
    ...rounds("echo", "json", "somebody", "rate", [1]),
    ...rounds("echo", "json", "gloo-net", "rate", [1]),
    ...rounds("echo", "json", "websocket", "rate", [1]),
  ]);
  const names = tables.map(({ work, payload }) => `${work} ${payload}`);
  assert.deepEqual(names, ["echo json", "echo 16", "echo 65536", "out json", "something json"]);
  assert.deepEqual(tables[0].rows.map(({ client }) => client), ["websocket", "gloo-net", "somebody"]);
  assert.ok(rowOf(tables, "echo", "16", "tautline"), "a payload is one by its name, whether it came as a number or not");
});

test("numbers have three digits that mean something, and units that keep them short", () => {
  assert.equal(rate(18_423.7), "18,400/s");
  assert.equal(rate(412_345), "412,000/s");
  assert.equal(micros(104.26), "104 µs");
  assert.equal(micros(2.5), "2.50 µs");
  assert.equal(short(0), "0");
  assert.equal(short(0.012345), "0.0123");
  assert.equal(short(999.7), "1,000");
  assert.equal(short(NaN), "–");
  assert.equal(times(0.968), "0.97×");
  assert.equal(times(21.66), "21.7×");
  assert.equal(times(0.0462), "0.046×");
  assert.equal(times(NaN), "–");
  assert.equal(bytes(0), "0 B");
  assert.equal(bytes(9999), "10,000 B");
  assert.equal(bytes(1024 ** 2), "1.00 MiB");
  assert.equal(bytes(-65_536), "-64.0 KiB");
  assert.equal(bytes(8 * 1024 ** 3), "8.00 GiB");
  assert.equal(count(1_000_000), "1,000,000");
  assert.equal(percent(0.034), "3 %");
});
