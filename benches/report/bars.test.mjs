// The bars: met, missed, or not measured.

import assert from "node:assert/strict";
import { test } from "node:test";

import { answer, bars } from "./bars.mjs";
import { judge } from "./growth.mjs";
import { rounds, tenPoints, wholeRun } from "./made_up.mjs";
import { summarise } from "./medians.mjs";

const barsOf = ({ machine = {}, records = [], series = [] }) =>
  bars({ machine, tables: summarise(records), groups: judge(series) });
const find = (list, client, words) => {
  const bar = list.find((bar) => bar.client === client && bar.words.startsWith(words));
  assert.ok(bar, `${client}: ${words}`);
  return bar;
};
const echoes = (rates) => Object.entries(rates).flatMap(([client, rate]) => rounds("echo", "json", client, "rate", [rate]));

test("a run that is as good as it should be meets every bar", () => {
  for (const bar of barsOf(wholeRun())) assert.equal(bar.met, true, `${bar.client}: ${bar.words}: ${bar.figure}`);
});

test("nothing measured is nothing met, and nothing missed", () => {
  const list = barsOf({});
  assert.ok(list.length > 20);
  for (const bar of list) assert.equal(answer(bar), "not measured", `${bar.client}: ${bar.words}`);
});

test("the durable echo is held against 20 times, and the aim is told apart", () => {
  const listAt = (rate) => barsOf({ records: echoes({ websocket: 100, "tautline-durable": rate }) });
  const at = (rate) => answer(find(listAt(rate), "tautline-durable", "echo"));
  assert.equal(at(1999), "NO");
  assert.equal(at(2000), "yes");
  assert.equal(at(2500), "yes, aim too");
});

test("the durable echo in Rust is held against gloo-net, too", () => {
  const list = barsOf({ records: echoes({ websocket: 100, "gloo-net": 120, "tautline-rust-durable": 1600 }) });
  assert.equal(find(list, "tautline-rust-durable", "echo of JSON, to websocket").met, true);
  const bar = find(list, "tautline-rust-durable", "echo of JSON, to gloo-net");
  assert.equal(bar.met, false);
  assert.equal(bar.figure, "13.3×");
});

test("the plain echo is held against the fastest peer, whoever that is", () => {
  const records = echoes({ websocket: 100, partysocket: 98, "gloo-net": 99.5, tautline: 99, "tautline-rust": 100 });
  const list = barsOf({ records });
  const best = "echo of JSON, to gloo-net, best peer";
  const [javaScript, rust] = ["tautline", "tautline-rust"].map((client) => find(list, client, best));
  assert.equal(javaScript.met, false);
  assert.equal(rust.met, true);
});

test("plain throughput is there, back and both ways", () => {
  const ratesOf = (work, rate) => [
    ...rounds(work, "json", "websocket", "rate", [100]),
    ...rounds(work, "json", "tautline", "rate", [rate]),
  ];
  const at = (...records) => find(barsOf({ records: records.flat() }), "tautline", "geometric mean of echo");
  const bar = at(ratesOf("echo", 100), ratesOf("in", 90), ratesOf("out", 95));
  assert.equal(bar.met, false);
  assert.equal(bar.figure, "0.95×");
  assert.equal(at(ratesOf("echo", 101), ratesOf("in", 90), ratesOf("out", 105)).met, true);
  assert.equal(at(ratesOf("echo", 101), ratesOf("in", 101)).met, undefined);
});

test("a client that failed has not met a bar", () => {
  const failure = { work: "echo", payload: "json", client: "tautline-durable", round: 1, failed: "gone" };
  const records = [...echoes({ websocket: 100 }), failure];
  assert.equal(answer(find(barsOf({ records }), "tautline-durable", "echo")), "not measured");
});

test("heaps count where the run was as long as the bar says", () => {
  const series = (step, at) => [
    { work: "million", part: "JavaScript heap", client: "tautline", x: "messages", unit: "bytes", points: tenPoints(step, at) },
  ];
  const heap = (list) => find(list, "tautline", "JavaScript heap, message 100,000");
  assert.equal(heap(barsOf({ series: series(100_000, () => 2e6) })).met, true);
  assert.equal(heap(barsOf({ series: series(100_000, (x) => 2e6 + x) })).met, false);
  assert.equal(find(barsOf({ series: series(10_000, () => 2e6) }), "tautline", "heap, message 100,000").met, undefined);
});

test("a quick run says nothing about memory", () => {
  const records = [{ work: "memory", payload: "json", client: "tautline", round: 1, values: { wasm: 1, js: 1, growth: 0 } }];
  const words = "wasm and heap together";
  assert.equal(find(barsOf({ records }), "tautline", words).met, true);
  assert.equal(find(barsOf({ machine: { quick: true }, records }), "tautline", words).met, undefined);
});
