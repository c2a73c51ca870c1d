// Verdicts on costs that must not grow, by the rules that the report states.

import assert from "node:assert/strict";
import { test } from "node:test";

import { HEAP, judge, NOISE, WASM } from "./growth.mjs";
import { tenPoints } from "./made_up.mjs";

const line = (series) => judge([{ work: "sockets", client: "tautline", x: "sockets", unit: "µs/message", ...series }])[0].lines[0];
const verdict = (points) => line({ points }).verdict;
const heap = (points) => line({ work: "million", unit: "bytes", points });

test("a cost that stays is linear, and one that falls is better", () => {
  assert.equal(verdict([[1, 50], [10, 51], [100, 50], [1000, 52]]), "linear");
  assert.equal(verdict([[10, 80], [1000, 40], [100_000, 39]]), "better than linear");
});

test("a cost may be a quarter more for each tenfold, and not more", () => {
  assert.equal(verdict([[1, 100], [10, 124]]), "linear");
  assert.equal(verdict([[1, 100], [10, 126]]), "worse than linear");
  assert.equal(verdict([[1, 100], [100, 155]]), "linear");
  assert.equal(verdict([[1, 100], [100, 158]]), "worse than linear");
});

test("it is held against the cheapest point, not the first", () => {
  assert.equal(verdict([[10, 90], [1000, 10], [100_000, 30]]), "worse than linear");
  assert.equal(verdict([[10, 90], [1000, 10], [100_000, 12]]), "better than linear");
});

test("of ten points the slope counts, and no odd one", () => {
  const million = (at) => line({ work: "million", points: tenPoints(100_000, at) });
  const slope = (more) => (x) => 100 + (more * (x - 550_000)) / 900_000;
  assert.equal(million(slope(24)).verdict, "linear");
  assert.equal(million(slope(26)).verdict, "worse than linear");
  assert.equal(million(slope(-19)).verdict, "linear");
  assert.equal(million(slope(-21)).verdict, "better than linear");
  assert.equal(million((x) => (x === 1_000_000 ? 200 : 100)).verdict, "linear");
  assert.equal(million((x) => slope(40)(x) - (x === 1_000_000 ? 40 : 0)).verdict, "worse than linear");
  assert.equal(million((x) => (x >= 800_000 ? 130 : 100)).verdict, "worse than linear", "a step");
  assert.equal(million(slope(26)).words, "worse than linear: 87.0 µs at 100,000, 113 µs at 1,000,000 sockets");
});

test("a heap does not grow where it rises by less than noise", () => {
  assert.equal(heap(tenPoints(100_000, () => 2_000_000)).verdict, "no growth");
  assert.equal(heap(tenPoints(100_000, (x) => 2_000_000 - x / 10)).verdict, "no growth");
  assert.equal(heap(tenPoints(100_000, (x) => 2_000_000 + (x / 900_000) * (NOISE - 10))).verdict, "no growth");
  assert.equal(heap(tenPoints(100_000, (x) => 2_000_000 + (x / 900_000) * (NOISE + 10))).verdict, "grows");
});

test("one odd point does not make a heap grow, nor hide that it does", () => {
  const odd = (at) => tenPoints(100_000, (x) => at(x) + (x === 1_000_000 ? 900_000 : 0));
  assert.equal(heap(odd(() => 2_000_000)).verdict, "no growth");
  assert.equal(heap(tenPoints(1000, (x) => 7 * x)).growth, 63_000);
  assert.equal(heap(tenPoints(100_000, (x) => 2_000_000 + x - (x === 1_000_000 ? 1_000_000 : 0))).verdict, "grows");
});

test("a heap that jumps late grows, and wasm’s by its very last point", () => {
  const jump = (from, part) => line({
    work: "reconnects",
    unit: "bytes",
    part,
    points: tenPoints(1000, (x) => 2_000_000 + (x >= from ? NOISE : 0)),
  }).verdict;
  assert.equal(jump(9000, HEAP), "grows");
  assert.equal(jump(10_000, HEAP), "no growth");
  assert.equal(jump(10_000, WASM), "grows");
});

test("wasm grows by a page, in one of several rounds", () => {
  const one = { work: "reconnects", client: "tautline", x: "reconnects", unit: "bytes", part: WASM };
  const round = (more) => ({ ...one, points: [[1000, 1_179_648], [10_000, 1_179_648 + more]] });
  const [kept] = judge([round(0), round(65_535), round(0)])[0].lines;
  assert.deepEqual([kept.verdict, kept.growth], ["no growth", 65_535]);
  const [grown] = judge([round(0), round(65_536), round(0)])[0].lines;
  assert.deepEqual([grown.verdict, grown.growth], ["grows", 65_536]);
});

test("rounds of one series are one, by the median at each x", () => {
  const one = { work: "sockets", client: "tautline", x: "sockets", unit: "µs/message" };
  const series = [3, 1, 2].map((y) => ({ ...one, points: [[1, y], [10, 2 * y]] }));
  assert.deepEqual(judge(series)[0].lines[0].points, [[1, 2], [10, 4]]);
  assert.equal(judge(series)[0].rounds, 3);
});

test("a series with one point or none has no verdict, and says so", () => {
  const one = line({ points: [[1, 50]] });
  assert.equal(one.met, undefined);
  assert.equal(one.words, "50.0 µs at 1 sockets, and no other point");
  assert.equal(line({ points: [] }).words, "no points");
  assert.equal(line({ points: [[1, null], [10, null]] }).words, "no points");
});

test("words have the figures at both ends", () => {
  assert.equal(line({ points: [[1, 2.1], [1000, 2.2]] }).words, "linear: 2.10 µs at 1, 2.20 µs at 1,000 sockets");
  assert.equal(
    line({ points: [[1, 2.6], [10, 2.1], [1000, 6]] }).words,
    "worse than linear: 2.60 µs at 1, 2.10 µs at 10, 6.00 µs at 1,000 sockets",
  );
});

test("series with different figures are different groups: works in order, times before heaps", () => {
  const groups = judge([
    { work: "million", part: "JavaScript heap", client: "tautline", x: "messages", unit: "bytes", points: [[1, 1]] },
    { work: "million", client: "tautline", x: "messages", unit: "µs/message", points: [[1, 1]] },
    { work: "million", client: "websocket", x: "messages", unit: "µs/message", points: [[1, 1]] },
    { work: "sockets", client: "tautline", x: "sockets", unit: "µs/message", points: [[1, 1]] },
  ]);
  assert.deepEqual(groups.map(({ work, part, unit }) => [work, part, unit]), [
    ["sockets", undefined, "µs/message"],
    ["million", undefined, "µs/message"],
    ["million", "JavaScript heap", "bytes"],
  ]);
  assert.deepEqual(groups[1].lines.map(({ client }) => client), ["websocket", "tautline"]);
});
