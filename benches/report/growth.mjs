// Whether a cost grows, decided from the points of a series by rules that are stated with the verdict.
//
// A time is that of one message, or one reconnect, so a flat line is a cost that is linear in how many there are. A heap is a
// total, so a flat line is none that grows.

import { median } from "./medians.mjs";
import { bytes, count, micros, millis, short } from "./numbers.mjs";
import { GROWTHS, inOrder } from "./works.mjs";

/** How much more one may cost at the end than at the cheapest point before, for each tenfold between the two. */
const TOLERANCE = 1.25;
/**
 * What a heap may rise from the first point to the last, in bytes: compiled code and what it has learnt come and go by half as
 * much. The smallest thing that could be left behind by each message, eight bytes, would be seven million.
 */
export const NOISE = 256 * 1024;
/** What the memory of wasm grows by, in bytes. */
const PAGE = 64 * 1024;

/** The parts of what a page holds: a total that comes and goes, and one that never shrinks. */
export const HEAP = "JavaScript heap";
export const WASM = "wasm memory";

export const RULES = {
  time: `A cost is linear or better where at the last point one costs at most ${TOLERANCE} times what it costs at the cheapest `
    + "point before, for each tenfold between the two; better than linear where it costs less than at the first point by as much. "
    + "Of ten points at even distances neither the median slope of all pairs may rise so, nor the median of the last three above "
    + "that of the first three: one odd point says nothing.",
  heap: `A heap does not grow where it rises by less than ${NOISE / 1024} KiB from the first point to the last, along the median `
    + "slope of all pairs of points, and from the median of the first three to that of the last three. It is not zero, as what the "
    + "browser compiles and learns about the code comes and goes by half as much while nothing is kept. What is kept is far more: "
    + "eight bytes for each message, the smallest thing that could be, are 7 MB from message 100,000 to 1,000,000, and for each "
    + "reconnect 30 bytes are found. The memory of wasm has no such noise: there no round may end with a page of 64 KiB more than "
    + "it had at the first point. Each client begins in a frame of its own, with no room left from works before.",
};

export const isHeap = (unit) => unit === "bytes";

/** The format of a series' figures. */
export function formatOf(unit) {
  if (isHeap(unit)) return bytes;
  if (unit.startsWith("µs")) return micros;
  if (unit.startsWith("ms")) return millis;
  return (value) => `${short(value)} ${unit}`;
}

/**
 * The series of several rounds as one, by the median at each x, with verdicts; grouped into what belongs in one plot:
 * `[{ work, part?, x, unit, rounds, lines: [{ client, points, growth?, verdict, met, words }] }]`, where `growth` is that of
 * a heap, in bytes.
 */
export function judge(series) {
  const groups = new Map();
  for (const { work, part, x, unit, client, points } of series) {
    const key = JSON.stringify([work, part ?? null, unit]);
    if (!groups.has(key)) groups.set(key, { work, ...(part && { part }), x, unit, clients: new Map() });
    const { clients } = groups.get(key);
    clients.set(client, [...(clients.get(client) ?? []), points]);
  }
  return sorted([...groups.values()].map(({ clients, ...group }) => ({
    ...group,
    rounds: Math.max(...[...clients.values()].map((rounds) => rounds.length)),
    lines: inOrder(clients.keys()).map((client) => lineOf(client, clients.get(client), group)),
  })));
}

function merge(rounds) {
  const at = new Map();
  for (const [x, y] of rounds.flat()) if (Number.isFinite(y)) at.set(x, [...(at.get(x) ?? []), y]);
  return [...at].map(([x, figures]) => [x, median(figures)]).sort(([a], [b]) => a - b);
}

function lineOf(client, rounds, { work, part, x, unit }) {
  const points = merge(rounds);
  const growth = isHeap(unit) ? growthOf(rounds, points, part) : undefined;
  const isEven = GROWTHS[work]?.scale === "linear";
  const verdictOnTime = isEven ? verdictOnSlope : verdictOnEnds;
  const verdict = points.length < 2 ? "unknown" : isHeap(unit) ? verdictOnHeap(growth, part) : verdictOnTime(points);
  const ends = endsOf(points, !isEven && verdict === "worse than linear", x, formatOf(unit));
  return { client, points, growth, verdict, met: MET[verdict], words: verdict === "unknown" ? ends : `${verdict}: ${ends}` };
}

/** The first point and the last, and between them the one that the last was held against, where that is why it is worse. */
function endsOf(points, tellsLeast, x, format) {
  const told = (point) => `${format(point[1])} at ${count(point[0])}`;
  const [first, last] = [points[0], points.at(-1)];
  if (points.length === 0) return "no points";
  if (points.length === 1) return `${told(first)} ${x}, and no other point`;
  const least = cheapestBefore(points);
  const between = tellsLeast && least !== first ? [least] : [];
  return `${[first, ...between, last].map(told).join(", ")} ${x}`;
}

const MET = { "better than linear": true, linear: true, "worse than linear": false, "no growth": true, grows: false };

function verdictOnSlope(points) {
  const rising = 1 + rise(points) / median(points.map(([, y]) => y));
  const stepping = 1 + step(points) / early(points);
  if (Math.max(rising, stepping) > TOLERANCE) return "worse than linear";
  return rising * TOLERANCE < 1 ? "better than linear" : "linear";
}

function verdictOnEnds(points) {
  const [first, last] = [points[0], points.at(-1)];
  const cheapest = cheapestBefore(points);
  const tenfolds = Math.max(1, Math.log10(last[0] / cheapest[0]));
  if (last[1] > cheapest[1] * TOLERANCE ** tenfolds) return "worse than linear";
  return last[1] * TOLERANCE < first[1] ? "better than linear" : "linear";
}

const cheapestBefore = (points) => points.slice(0, -1).reduce((least, point) => (point[1] < least[1] ? point : least));

function verdictOnHeap(growth, part) {
  return growth < limitOf(part) ? "no growth" : "grows";
}

/** From how many bytes on a heap grows. */
export const limitOf = (part) => (part === WASM ? PAGE : NOISE);

/** What a heap holds more in the end; NaN where there are no two points. Of wasm the round counts that grew most. */
function growthOf(rounds, points, part) {
  if (points.length < 2) return NaN;
  if (part !== WASM) return Math.max(rise(points), step(points));
  return Math.max(...rounds.map((own) => own.at(-1)[1] - own[0][1]));
}

/** From the first point to the last, along the median of the slopes between all pairs: one odd point does not bend it. */
function rise(points) {
  const slopes = points.flatMap(([x, y], index) => points.slice(index + 1).map(([other, more]) => (more - y) / (other - x)));
  return median(slopes) * (points.at(-1)[0] - points[0][0]);
}

/** From the first three to the last three, which a late jump does not hide from. */
const step = (points) => median(points.slice(-3).map(([, y]) => y)) - early(points);
const early = (points) => median(points.slice(0, 3).map(([, y]) => y));

function sorted(groups) {
  const place = ({ work }) => (work in GROWTHS ? Object.keys(GROWTHS).indexOf(work) : Object.keys(GROWTHS).length);
  // Times before heaps, else as they came.
  return groups.sort((a, b) => place(a) - place(b) || isHeap(a.unit) - isHeap(b.unit));
}
