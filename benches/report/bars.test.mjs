// The bars: met, missed, or not measured.

import assert from "node:assert/strict";
import { test } from "node:test";

import { answer, bars } from "./bars.mjs";
import { judge } from "./growth.mjs";
import { rounds, SPEEDS, tenPoints, wholeRun } from "./made_up.mjs";
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
  for (const bar of barsOf(wholeRun())) assert.match(answer(bar), /^yes|^–$/, `${bar.client}: ${bar.words}: ${bar.figure}`);
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
  const slow = Object.fromEntries(Object.keys(SPEEDS).map((client) => [client, 50]));
  const records = echoes({ ...slow, websocket: 100, partysocket: 98, "gloo-net": 99.5, tautline: 99, "tautline-rust": 100 });
  const list = barsOf({ records });
  const best = "echo of JSON, to gloo-net, best peer";
  const [javaScript, rust] = ["tautline", "tautline-rust"].map((client) => find(list, client, best));
  assert.equal(javaScript.met, false);
  assert.equal(rust.met, true);
  const without = barsOf({ records: records.filter(({ client }) => client !== "ewebsock") });
  assert.equal(find(without, "tautline-rust", "echo of JSON, to the best peer").met, undefined, "that may be the best");
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
  const later = [...echoes({ websocket: 100, "tautline-durable": 2500 }), { ...failure, round: 2 }];
  assert.equal(answer(find(barsOf({ records: later }), "tautline-durable", "echo")), "not measured");
});

const trips = (payload, mean) => [
  ...rounds("round-trip", payload, "websocket", "mean", [1000]),
  ...rounds("round-trip", payload, "tautline", "mean", [mean]),
];

test("a round trip of JSON is held against the browser’s, and so is the longest of all others", () => {
  const at = (words, ...records) => find(barsOf({ records: records.flat() }), "tautline", words);
  const ofJson = "mean round trip of JSON";
  assert.equal(at(ofJson, trips("json", 1260)).met, false);
  assert.equal(answer(at(ofJson, trips("json", 1250))), "yes");
  assert.equal(answer(at(ofJson, trips("json", 1150))), "yes, aim too");
  const records = [trips("json", 1000), trips("65536", 1300), trips("4096", 1200)];
  assert.equal(answer(at(ofJson, ...records)), "yes, aim too");
  const most = at("round trip of 64 KiB, longest other", ...records);
  assert.equal(most.met, false);
  assert.equal(most.figure, "1.30×");
});

test("a figure is told from its bound", () => {
  const at = (mean) => find(barsOf({ records: trips("json", mean) }), "tautline", "mean round trip of JSON").figure;
  assert.deepEqual([at(1254), at(1250), at(1240)], ["1.254×", "1.25×", "1.24×"]);
});

test("a durable client has a tenth of the processor’s time, and not more", () => {
  const cpu = (client, micros) => rounds("cpu", "json", client, "perMessage", [micros]);
  const at = (micros) =>
    find(barsOf({ records: [...cpu("websocket", 50), ...cpu("tautline-durable", micros)] }), "tautline-durable", "processor");
  assert.equal(at(5).met, true);
  assert.equal(at(5.1).met, false);
});

test("the least of all payloads is told, and asked for nothing", () => {
  const pair = (work, payload, rate) => [
    ...rounds(work, payload, "websocket", "rate", [100]),
    ...rounds(work, payload, "tautline-rust", "rate", [rate]),
  ];
  const records = [...pair("echo", "json", 101), ...pair("in", "65536", 71), ...pair("out", "16", 99)];
  const least = find(barsOf({ records }), "tautline-rust", "least of 3 throughputs (in of 64 KiB)");
  assert.equal(least.figure, "0.71×");
  assert.equal(answer(least), "–");
});

test("a cost that grows misses its bar", () => {
  const outbox = (cost) => [
    { work: "outbox", part: "drain", client: "tautline", x: "messages", unit: "µs/message", points: [[10, 1], [1000, cost]] },
  ];
  const at = (cost) => find(barsOf({ series: outbox(cost) }), "tautline", "cost: Messages in the outbox, drain");
  assert.equal(at(1.5).met, true);
  assert.equal(at(1.6).met, false);
  assert.equal(at(1.6).figure, "worse");
});

test("heaps count where the run was as long as the bar says", () => {
  const series = (step, at) => [
    { work: "million", part: "JavaScript heap", client: "tautline", x: "messages", unit: "bytes", points: tenPoints(step, at) },
  ];
  const heap = (list) => find(list, "tautline", "JavaScript heap, message 100,000");
  const wasm = (list) => find(list, "tautline", "wasm memory, message 100,000");
  assert.equal(heap(barsOf({ series: series(100_000, () => 2e6) })).met, true);
  assert.equal(wasm(barsOf({ series: series(100_000, () => 2e6) })).met, undefined, "one does not stand for the other");
  assert.equal(heap(barsOf({ series: series(100_000, (x) => 2e6 + x) })).met, false);
  assert.equal(heap(barsOf({ series: series(10_000, () => 2e6) })).met, undefined);
});

test("a durable client loses nothing, in no round", () => {
  const step = { work: "loss", payload: "json", client: "tautline-durable" };
  const loss = (round, lost, twice) => ({ ...step, round, values: { lost, twice, of: 9 } });
  const at = (...records) => find(barsOf({ records }), "tautline-durable", "messages lost or doubled").met;
  assert.equal(at(loss(1, 0, 0), loss(2, 0, 0)), true);
  assert.equal(at(loss(1, 0, 0), loss(2, 1, 0), loss(3, 0, 0)), false);
  assert.equal(at(loss(1, 0, 0), loss(2, 0, 1), loss(3, 0, 0)), false);
});

test("a quick run says nothing about memory", () => {
  const records = [{ work: "memory", payload: "json", client: "tautline", round: 1, values: { wasm: 1, js: 1, growth: 0 } }];
  const words = "wasm and heap together";
  assert.equal(find(barsOf({ records }), "tautline", words).met, true);
  assert.equal(find(barsOf({ machine: { quick: true }, records }), "tautline", words).met, undefined);
});
