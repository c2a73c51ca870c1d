// The report as a file of the repository, benches/results.md: what it was measured on and how, the bars, and every figure.

import { COUNTS, IN_FLIGHT, IN_FLIGHT_BYTES, RUN_IN, TURNS } from "../page/plan.js";
import { answer, bars } from "./bars.mjs";
import { failuresOf, gridsOf } from "./columns.mjs";
import { RULES } from "./growth.mjs";
import { conditions, summary } from "./machine.mjs";
import { bytes, count, times } from "./numbers.mjs";
import { BASELINE, GROWTHS, workOf } from "./works.mjs";

const { once, durable } = COUNTS.json;

const HOW = [
  "Page, server and whatever is between them share one machine, over loopback. The page is cross-origin isolated, as the "
    + "browser’s clock is coarse elsewhere, and no debugger or driver is attached, as those copy each frame. Each client is as "
    + "it is by default, but for socket.io, which is told to use WebSocket alone, and what it has against losses is on where "
    + "connections are cut. Firefox is told to open more WebSockets than it does by itself.",
  "Throughput and round trips: all clients are in one page, each with one connection, and take short turns on them; with JSON "
    + `${TURNS.json} in a round, so that each comes right behind each other one. A round’s figure is that of all its turns; what `
    + `goes before them on a connection, ${RUN_IN} turns, does not count, as the engine compiles meanwhile, nor does a first round. A `
    + `turn of a throughput has ${count(once)} messages of JSON, and ${count(durable)} where the client is durable, which take it as `
    + "long. In the echo "
    + `clients that deliver at most once keep up to ${count(IN_FLIGHT)} messages, or ${bytes(IN_FLIGHT_BYTES)}, on their way; `
    + "durable ones have only `await send`, which is some 1,000. One way nothing holds a client back but itself.",
  "Messages are made, encoded, decoded and checked as an application would: lost, doubled or disordered ones are a failure.",
].join("\n\n");

const WHOSE_GROWTH = "Tautline in both languages, and the browser’s WebSocket beside it where it has the same to do.";

export function markdown({ machine, tables, groups, charts }) {
  return [
    ...heading(machine, tables, charts),
    ...barsPart(bars({ machine, tables, groups })),
    ...works(tables),
    ...growth(tables, groups, charts),
  ].join("\n\n") + "\n";
}

function heading(machine, tables, charts) {
  const rounds = Math.max(0, ...tables.flatMap(({ rows }) => rows.map((row) => row.rounds)));
  return [
    "# Results",
    "Made by `cargo xtask bench`, which writes this file and its pictures. On another machine the figures are others; what should "
      + `stay are the ratios to \`${BASELINE}\`, the browser’s own WebSocket, which runs beside all others.`,
    ...(charts["echo.svg"] ? [image("echo.svg", `Messages a second, 100-byte JSON echoed. ${summary(machine, rounds)}`)] : []),
    "## How it was measured",
    list(conditions(machine, rounds)),
    HOW,
    `Each figure is the median of the rounds. × is the median of the ratios to \`${BASELINE}\` within each round: above 1 is more, `
      + "whichever is better. Below stand the lowest and the highest round.",
  ];
}

function barsPart(list) {
  const rows = list.map((bar) => [code(bar.client), bar.words, bar.bound, bar.figure, answer(bar)]);
  return [
    "## Bars",
    "What this project asks of itself; all with JSON of 100 bytes, where nothing else is said.",
    grid(["client", "what", "bound", "figure", "met"], rows, 3),
  ];
}

function works(tables) {
  return [...new Set(tables.map(({ work }) => work))]
    .filter((work) => !(work in GROWTHS))
    .flatMap((work) => workPart(work, tables.filter((table) => table.work === work)));
}

function workPart(work, tables) {
  const { title, says } = workOf(work);
  const grids = gridsOf(work, tables);
  return [
    `## ${title}`,
    ...(says ? [says] : []),
    ...grids.flatMap((one) => [...(grids.length > 1 ? [one.title] : []), tableOf(one)]),
    ...failures(tables),
  ];
}

function tableOf({ columns, clients }) {
  const rows = clients.map((client) => [code(client), ...columns.map((column) => cell(column, client))]);
  return grid(["client", ...columns.map((column) => headOf(column, clients))], rows, 1);
}

/** With the number of rounds, where there are several. */
function headOf({ title, cell }, clients) {
  return headIn(title, clients.map((client) => cell(client).rounds ?? 0));
}

function headIn(title, rounds) {
  const most = Math.max(...rounds);
  return most > 1 ? `${title}<br><sub>${most} rounds</sub>` : title;
}

function cell(column, client) {
  const { format, compares } = column;
  const { median, low, high, ratio, rounds, failed } = column.cell(client);
  if (median === undefined) return failed ? "failed" : "–";
  const figure = `**${format(median)}**${compares && Number.isFinite(ratio) ? ` ${times(ratio)}` : ""}`;
  return rounds > 1 ? `${figure}<br><sub>${format(low)} – ${format(high)}</sub>` : figure;
}

function failures(tables) {
  const failed = failuresOf(tables);
  if (failed.length === 0) return [];
  return [list(failed.map(({ who: [client, ...payload], why }) => `${[code(client), ...payload].join(", ")}: ${escape(why)}`))];
}

function growth(tables, groups, charts) {
  const failed = tables.filter(({ work }) => work in GROWTHS);
  const names = [...new Set([...groups, ...failed].map(({ work }) => work))];
  if (names.length === 0) return [];
  return [
    "## Costs that must not grow",
    WHOSE_GROWTH,
    RULES.time,
    RULES.heap,
    ...names.flatMap((work) => {
      const { title, says } = workOf(work);
      const own = groups.filter((group) => group.work === work);
      const rows = own.flatMap(({ part, unit, lines }) => lines.map(({ client, words }) => [part ?? unit, code(client), words]));
      return [
        `### ${title}`,
        ...(says ? [says] : []),
        ...(charts[`${work}.svg`] ? [image(`${work}.svg`, `${title}: the table below in a picture`)] : []),
        ...(rows.length > 0 ? [grid(["what", "client", headIn("in words", own.map(({ rounds }) => rounds))], rows, 3)] : []),
        ...failures(failed.filter((table) => table.work === work)),
      ];
    }),
  ];
}

/** A table; the first `left` columns to the left, the others to the right. */
function grid(head, rows, left) {
  const line = (cells) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map((_, index) => (index < left ? "---" : "---:"))), ...rows.map(line)].join("\n");
}

const list = (items) => items.map((item) => `- ${item}`).join("\n");
const image = (file, words) => `![${words}](${file})`;
const code = (words) => `\`${words}\``;
const escape = (words) => words.replaceAll(/[\\`*_<>|[\]]/g, "\\$&");
