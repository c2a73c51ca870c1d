// The report for a terminal of 120 columns: a table for each work, then the bars, then the growth.

import { answer, bars } from "./bars.mjs";
import { failuresOf, gridsOf } from "./columns.mjs";
import { percent, times } from "./numbers.mjs";
import { GROWTHS, workOf } from "./works.mjs";

const WIDTH = 120;
const LEGEND = "Each figure is the median of the rounds; × is the median of the ratios to `websocket` within each round; ± is "
  + "half of what lies between the lowest round and the highest, as a part of the median.";

/** Rows of cells as lines, each column as wide as it must be. The first `left` columns begin at one edge, the others end at one. */
export function align(rows, { left = 1, gap = 2 } = {}) {
  const widths = [];
  for (const row of rows) for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, cell.length);
  return rows.map((row) => row
    .map((cell, index) => (index < left ? cell.padEnd(widths[index]) : cell.padStart(widths[index])))
    .join(" ".repeat(gap))
    .trimEnd());
}

/** Lines no longer than the terminal is wide, broken between words. */
export function wrap(text, { width = WIDTH, indent = "" } = {}) {
  const lines = [];
  for (const word of text.split(" ")) {
    if (lines.length > 0 && `${lines.at(-1)} ${word}`.length <= width) lines.push(`${lines.pop()} ${word}`);
    else lines.push(lines.length === 0 ? word : `${indent}${word}`);
  }
  return lines;
}

/** What `summarise` and `judge` made of a run, in words and figures. */
export function terminal({ machine, tables, groups }) {
  const blocks = [];
  for (const work of new Set(tables.map((table) => table.work))) {
    blocks.push(blockOf(work, tables.filter((table) => table.work === work)));
  }
  if (tables.length > 0) blocks.push(wrap(LEGEND));
  if (groups.length > 0) blocks.push(growthBlock(groups));
  blocks.push(barsBlock(bars({ machine, tables, groups })));
  return `${blocks.map((lines) => lines.join("\n")).join("\n\n")}\n`;
}

function blockOf(work, tables) {
  const { title, says } = workOf(work);
  return [
    ...wrap(says ? `${title.toUpperCase()}: ${says}` : title.toUpperCase()),
    ...gridsOf(work, tables).flatMap((grid) => ["", ...linesOf(grid)]),
    ...failuresOf(tables).flatMap(({ who, why }) => wrap(`  ${who.join(", ")}: ${why}`, { indent: "    " })),
  ];
}

function linesOf({ title, columns, clients }) {
  const body = clients.map((client) => [client, ...columns.map((column) => partsOf(column, client))]);
  return align([[title, ...columns.map((column) => column.title)], ...alignParts(body)]);
}

/** `["18,400/s", "1.00×", "±3 %"]`: columns of their own within the column. */
function partsOf({ cell, format, compares }, client) {
  const { median, low, high, ratio, rounds, failed } = cell(client);
  if (median === undefined) return [failed ? "failed" : "–"];
  if (!compares) return [format(median)];
  return [format(median), times(ratio), rounds > 1 ? `±${percent((high - low) / 2 / Math.abs(median))}` : ""];
}

function alignParts(body) {
  const widths = [];
  for (const [, ...cells] of body) {
    for (const [index, parts] of cells.entries()) {
      widths[index] ??= [];
      for (const [part, text] of parts.entries()) widths[index][part] = Math.max(widths[index][part] ?? 0, text.length);
    }
  }
  return body.map(([client, ...cells]) => [
    client,
    ...cells.map((parts, index) => widths[index].map((width, part) => (parts[part] ?? "").padStart(width)).join(" ")),
  ]);
}

function growthBlock(groups) {
  const lines = ["GROWTH"];
  for (const { work, part, unit, lines: clients } of groups) {
    const title = `${GROWTHS[work]?.title ?? work}, ${part ? `${part}, ` : ""}${unit}`;
    lines.push("", title, ...align(clients.map(({ client, words }) => [`  ${client}`, words]), { left: 2 }));
  }
  return lines;
}

function barsBlock(list) {
  const measured = list.filter(({ met }) => met !== undefined);
  const left = list.length - measured.length;
  const rows = measured.map((bar) => [bar.client, bar.words, bar.bound, bar.figure, answer(bar)]);
  return [
    "BARS",
    ...(rows.length > 0 ? ["", ...align([["", "", "bound", "figure", "met"], ...rows], { left: 3 })] : []),
    ...(left > 0 ? ["", `${rows.length > 0 ? `The other ${left}` : `All ${left}`} are not measured in this run.`] : []),
  ];
}
