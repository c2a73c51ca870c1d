// The bars that this project sets itself: each with its figure, and whether it is met. Nothing here is tuned to a result:
// where a run did not measure what a bar asks for, it says so.

import { HEAP, isHeap, limitOf, WASM } from "./growth.mjs";
import { ratioOf, rowOf } from "./medians.mjs";
import { bytes, count, times } from "./numbers.mjs";
import { BASELINE, CLIENTS, GROWTHS, kindOf, PAYLOADS } from "./works.mjs";

const THROUGHPUT = ["echo", "in", "out"];
const PLAIN = ["tautline", "tautline-rust"];
const DURABLE = ["tautline-durable", "tautline-rust-durable"];
const OURS = [...PLAIN, ...DURABLE];
const GROWING = [
  { work: "million", words: "message 100,000 to 1,000,000", last: 1_000_000 },
  { work: "reconnects", words: "reconnect 1,000 to 10,000", last: 10_000 },
];
/** What costs of each client of ours are to be flat. */
const COSTS = [
  { work: "sockets" },
  { work: "sockets-firefox" },
  { work: "outbox", part: "accept" },
  { work: "outbox", part: "drain" },
  { work: "million" },
  { work: "reconnects" },
];
/** In place of `met`, where there is nothing to meet. */
export const NONE = "none";
const PEERS = Object.keys(CLIENTS).filter((client) => kindOf(client) === "peer");

/**
 * `[{ client, words, bound, figure, met, aim? }]`: `met` is undefined where the run has not what it takes, and `NONE` where nothing
 * is asked. A quick run has not what it takes for what may not grow: fewer messages.
 */
export function bars({ machine, tables, groups }) {
  return [
    ...throughputOfDurable(tables),
    ...PLAIN.flatMap((client) => throughputOfPlain(tables, client)),
    ...OURS.flatMap((client) => roundTrips(tables, client)),
    ...DURABLE.map((client) =>
      atMost(client, "processor time per message of the echo, to websocket",
        ratio(tables, "cpu", "json", client, "perMessage"), 0.1)),
    ...DURABLE.map((client) => losses(tables, client)),
    ...OURS.map((client) =>
      noGrowth(client, "wasm and heap together, message 100,000 to 1,000,000",
        machine.quick ? NaN : rowOf(tables, "memory", "json", client)?.values.growth?.median)),
    ...OURS.flatMap((client) => GROWING.flatMap((growing) => heaps(groups, client, growing))),
    ...OURS.flatMap((client) => costs(machine.quick ? [] : groups, client)),
  ];
}

function throughputOfDurable(tables) {
  const words = (to) => `echo of JSON, to ${to}`;
  const echo = (client, to) => ratio(tables, "echo", "json", client, "rate", to);
  return [
    atLeast("tautline-durable", words(BASELINE), echo("tautline-durable"), 20, 25),
    atLeast("tautline-rust-durable", words(BASELINE), echo("tautline-rust-durable"), 15),
    atLeast("tautline-rust-durable", words("gloo-net"), echo("tautline-rust-durable", "gloo-net"), 15),
  ];
}

/**
 * In and out together with the echo, as a mean: a single one is off by some 2 %, which is as far as they are from the bar. The least
 * of all payloads is told, and held against nothing: what it costs to bring a long text into wasm no client in Rust can save.
 */
function throughputOfPlain(tables, client) {
  const echo = (to) => ratio(tables, "echo", "json", client, "rate", to);
  const ratios = THROUGHPUT.map((work) => ratio(tables, work, "json", client, "rate"));
  const all = tables
    .filter(({ work }) => THROUGHPUT.includes(work))
    .map(({ work, payload }) => ({
      name: `${work} of ${nameOf(payload)}`,
      figure: ratio(tables, work, payload, client, "rate"),
    }));
  const least = first(all, (a, b) => a.figure - b.figure);
  const beside = PEERS.map((peer) => ({ name: peer, figure: echo(peer) }));
  // The best may be the one that is missing.
  const closest = beside.every(isThere) ? first(beside, (a, b) => a.figure - b.figure) : undefined;
  return [
    atLeast(client, `echo of JSON, to ${BASELINE}`, echo(BASELINE), 0.97),
    atLeast(client, `geometric mean of echo, in and out, to ${BASELINE}`, geometricMean(ratios), 0.97),
    atLeast(client, `echo of JSON, to ${closest ? `${closest.name}, best peer` : "the best peer"}`, closest?.figure, 1),
    ...(all.length > 1 ? [told(client, `least of ${all.length} throughputs${named(least)}, to ${BASELINE}`, least)] : []),
  ];
}

/** That of JSON, and the longest of all others. */
function roundTrips(tables, client) {
  const others = tables
    .filter(({ work, payload }) => work === "round-trip" && payload !== "json")
    .map(({ work, payload }) => ({ name: nameOf(payload), figure: ratio(tables, work, payload, client, "mean") }));
  // Who has failed with one has not what it takes.
  const most = others.every(isThere) ? first(others, (a, b) => b.figure - a.figure) : undefined;
  const json = ratio(tables, "round-trip", "json", client, "mean");
  return [
    atMost(client, `mean round trip of JSON, to ${BASELINE}`, json, 1.25, 1.15),
    atMost(client, `round trip of ${most?.name ?? "others"}, longest other, to ${BASELINE}`, most?.figure, 1.25, 1.15),
  ];
}

/** Of all rounds together: a median would hide one. */
function losses(tables, client) {
  const row = rowOf(tables, "loss", "json", client);
  const figure = row && row.failed === undefined ? row.values.lost.high + row.values.twice.high : NaN;
  const words = "messages lost or doubled under cuts";
  return bar(client, words, Number.isFinite(figure) ? count(figure) : "–", "0", (limit) => figure <= limit, figure, 0);
}

function heaps(groups, client, { work, words, last }) {
  return [HEAP, WASM].map((part) => {
    const group = groups.find((group) => group.work === work && group.part === part && isHeap(group.unit));
    const { points = [], growth } = group?.lines.find((line) => line.client === client) ?? {};
    return noGrowth(client, `${part}, ${words}`, points.at(-1)?.[0] >= last ? growth : NaN, limitOf(part));
  });
}

function costs(groups, client) {
  return COSTS.map(({ work, part }) => {
    const { title } = GROWTHS[work];
    const group = groups.find((group) => group.work === work && group.part === part && !isHeap(group.unit));
    const { verdict, met } = group?.lines.find((line) => line.client === client) ?? {};
    const figure = verdict?.replace(" than linear", "") ?? "–";
    return { client, words: `cost: ${part ? `${title}, ${part}` : title}`, bound: "linear", figure, met };
  });
}

function atLeast(client, words, figure, bound, aim) {
  return bar(client, words, timesBeside(bound, figure), `≥ ${bound}×`, (limit) => figure >= limit, figure, bound, aim);
}

function atMost(client, words, figure, bound, aim) {
  return bar(client, words, timesBeside(bound, figure), `≤ ${bound}×`, (limit) => figure <= limit, figure, bound, aim);
}

/** With as many decimals as tell it from its bound. */
function timesBeside(bound, figure) {
  const usual = times(figure);
  return usual === times(bound) && figure !== bound ? `${figure.toPrecision(4)}×` : usual;
}

/** What has no bound. */
function told(client, words, one) {
  return { client, words, bound: "", figure: times(one?.figure), met: one && NONE };
}

function noGrowth(client, words, figure, most = limitOf(HEAP)) {
  return bar(client, words, signed(figure), `< ${most / 1024} KiB`, (limit) => figure < limit, figure, most);
}

function bar(client, words, figure, bound, passes, measured, limit, aim) {
  const met = Number.isFinite(measured) ? passes(limit) : undefined;
  return { client, words, bound: aim ? `${bound}, aim ${aim}×` : bound, figure, met, ...(aim && met && { aim: passes(aim) }) };
}

/** A bar's answer, in a word. */
export function answer({ met, aim }) {
  if (met === undefined) return "not measured";
  if (met === NONE) return "–";
  return met ? (aim ? "yes, aim too" : "yes") : "NO";
}

const signed = (value) => (Number.isFinite(value) ? `${value > 0 ? "+" : value < 0 ? "−" : ""}${bytes(Math.abs(value))}` : "–");
const nameOf = (payload) => (payload === "json" ? "JSON" : (PAYLOADS[payload] ?? payload));
const named = (one) => (one ? ` (${one.name})` : "");

/** NaN where one of the two has no figure, or has failed in between. */
function ratio(tables, work, payload, client, name, to = BASELINE) {
  const valueOf = (row) => (row?.failed === undefined ? row?.values[name] : undefined);
  return ratioOf(...[client, to].map((client) => valueOf(rowOf(tables, work, payload, client))));
}

/** NaN where one of them is. */
const geometricMean = (figures) => figures.reduce((product, figure) => product * figure) ** (1 / figures.length);

/** The first in order, of those that have a figure. */
const first = (list, order) => list.filter(isThere).sort(order)[0];
const isThere = ({ figure }) => Number.isFinite(figure);
