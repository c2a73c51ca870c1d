// A picture for each work of growth: what one message or reconnect costs, or what the heap holds, as something grows. One panel
// for each figure, side by side, with one legend. Costs that lie far apart are on a logarithmic scale; all else begins at zero.

import { formatOf, isHeap } from "./growth.mjs";
import { count } from "./numbers.mjs";
import { at, picture, text } from "./svg.mjs";
import { CLIENTS, GROWTHS, inOrder, kindOf } from "./works.mjs";

/** Of a panel; where there are three, they are narrower, so that the picture is no wider than a text. */
const WIDTHS = { 1: 440, 2: 430, 3: 288 };
/** Costs that lie further apart than this have a logarithmic scale. */
const FAR = 4;
const HEIGHT = 176;
const MARGIN = 24;
const AXIS = 58;
const HEAD = 112;
const FOOT = 62;

export function plot(work, groups) {
  const { title = work, scale = "linear" } = GROWTHS[work] ?? {};
  const columns = Math.min(3, groups.length);
  const panel = WIDTHS[columns];
  const width = columns * panel;
  const rows = Math.ceil(groups.length / columns);
  const key = legend(inOrder(groups.flatMap(({ lines }) => lines.map(({ client }) => client))), width);
  const top = HEAD + key.height;
  const height = top + rows * (HEIGHT + FOOT) + (rows - 1) * 34;

  const parts = [text(MARGIN, 38, title, "t"), key.drawn];
  for (const [index, group] of groups.entries()) {
    const x = (index % columns) * panel;
    const y = top + Math.floor(index / columns) * (HEIGHT + FOOT + 34);
    parts.push(`<g transform="translate(${x + MARGIN} ${y})">${drawPanel(group, scale, panel - 2 * MARGIN)}</g>`);
  }
  const description = groups
    .flatMap(({ part, lines }) => lines.map(({ client, words }) => `${part ? `${part}, ` : ""}${client}: ${words}`))
    .join("; ");
  return picture({ width, height, title, description, style: STYLE }, parts);
}

const STYLE = `.l{fill:none;stroke-width:2;stroke-linejoin:round}
.baseline{stroke:var(--baseline);stroke-dasharray:6 4}
.peer{stroke:var(--peer);stroke-dasharray:2 3}
.plain{stroke:var(--plain)}
.durable{stroke:var(--durable);stroke-width:3}
.rust{stroke-dasharray:9 5}
.p{stroke-dasharray:none;stroke-width:6;stroke-linecap:round}
.durable.p{stroke-width:7}`;

/** Of one client's line: its colour, and whether it is broken. */
const classOf = (client) => (CLIENTS[client]?.face === "Rust" ? `${kindOf(client)} rust` : kindOf(client));

/** As many in a line as fit. */
function legend(clients, width) {
  let [x, y] = [MARGIN, 62];
  const drawn = clients.map((client) => {
    const wide = 34 + client.length * 7 + 18;
    if (x + wide > width && x > MARGIN) [x, y] = [MARGIN, y + 20];
    const item = `<path class="l ${classOf(client)}" d="M${x} ${y - 4}h26"/>${text(x + 33, y, client)}`;
    x += wide;
    return item;
  });
  return { drawn: drawn.join(""), height: y - 62 };
}

function drawPanel({ part, unit, x: what, lines }, xScale, width) {
  const drawn = lines.filter(({ points }) => points.length > 0);
  const xs = drawn.flatMap(({ points }) => points.map(([x]) => x));
  const ys = drawn.flatMap(({ points }) => points.map(([, y]) => y));
  const isFar = !isHeap(unit) && Math.min(...ys) > 0 && Math.max(...ys) > FAR * Math.min(...ys);
  const across = xScale === "log" ? logScale(xs, AXIS, width, [...new Set(xs)]) : linearScale(xs, AXIS, width);
  const up = isFar ? logScale(ys, HEIGHT, 0) : linearScale(ys, HEIGHT, 0, isHeap(unit) ? 1024 : 10);
  const format = isHeap(unit) ? bytesOnAxis(up.ticks.at(-1)) : formatOf(unit);
  const parts = [text(0, -14, [part, !isHeap(unit) && unit].filter(Boolean).join(", "), "h")];
  for (const tick of up.ticks) {
    const label = format(tick).replace(/(\.\d*?)0+(?= )/, "$1").replace(/\.(?= )/, "");
    parts.push(`<path class="g" d="M${AXIS} ${at(up.place(tick))}H${width}"/>`, text(AXIS - 8, up.place(tick) + 4, label, "s e"));
  }
  for (const tick of across.ticks) {
    const place = across.place(tick);
    const anchor = place > width - 12 ? "s e" : "s m";
    parts.push(text(place, HEIGHT + 19, compact(tick, across.ticks.at(-1)), anchor));
  }
  parts.push(text((AXIS + width) / 2, HEIGHT + 39, what, "s m"));
  // The thick ones first, so that the thin ones show on them.
  for (const { client, points } of drawn.toReversed()) {
    const places = points.map(([x, y]) => `${at(across.place(x))} ${at(up.place(y))}`);
    parts.push(`<path class="l ${classOf(client)}" d="M${places.join("L")}"/>`,
      `<path class="l p ${classOf(client)}" d="${places.map((place) => `M${place}h0`).join("")}"/>`);
  }
  return parts.join("");
}

/** From the step of 1, 2, 5 below the least to the one above the most; ticks at the tens where there are many. */
function logScale(figures, from, to, own) {
  const steps = [];
  const [least, most] = [Math.min(...figures), Math.max(...figures)];
  if (own) steps.push(...own.sort((a, b) => a - b));
  else {
    for (let ten = Math.floor(Math.log10(least)); ten <= Math.ceil(Math.log10(most)); ten++) {
      steps.push(...[1, 2, 5].map((step) => step * 10 ** ten));
    }
    while (steps.length > 2 && steps[1] <= least) steps.shift();
    while (steps.length > 2 && steps.at(-2) >= most) steps.pop();
  }
  const [low, high] = [Math.log10(steps[0]), Math.log10(steps.at(-1))];
  const span = high - low || 1;
  const tens = steps.filter((step) => Number.isInteger(Math.round(Math.log10(step) * 1e9) / 1e9));
  const ticks = !own && steps.length > 6 && tens.length > 1 ? tens : steps;
  return { ticks, place: (value) => from + ((Math.log10(value) - low) / span) * (to - from) };
}

/** From zero to a round number, in four steps or so. `base` is 1024 for bytes. */
function linearScale(figures, from, to, base = 10) {
  const most = Math.max(...figures) || 1;
  const unit = base === 1024 ? 1024 ** Math.floor(Math.log(most) / Math.log(1024)) : 1;
  const rough = most / unit / 4;
  const ten = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((step) => step * ten >= rough * 0.8) * ten * unit;
  const count = Math.ceil(most / step - 1e-9);
  const ticks = Array.from({ length: count + 1 }, (_, index) => index * step);
  return { ticks, place: (value) => from + (value / ticks.at(-1)) * (to - from) };
}

/** The ticks of one axis have one unit. */
function bytesOnAxis(most) {
  const power = Math.min(3, Math.floor(Math.log(most) / Math.log(1024)));
  return (value) => `${count(value / 1024 ** power)} ${["B", "KiB", "MiB", "GiB"][power]}`;
}

/** 1,000; and where an axis goes to 10,000 and more, 1k · 100k · 1M: it has little room. */
function compact(value, most) {
  if (value >= 1e6) return `${count(value / 1e6)}M`;
  if (value >= 1000 && most >= 10_000) return `${count(value / 1000)}k`;
  return count(value);
}
