// The README's picture: how many messages a second each client gets echoed, as bars.

import { summary } from "./machine.mjs";
import { rate, times } from "./numbers.mjs";
import { KNOT, at, picture, text } from "./svg.mjs";
import { CLIENTS, kindOf, titleOf } from "./works.mjs";

const WIDTH = 860;
const MARGIN = 28;
/** Where the names end and the bars begin. */
const LEFT = 214;
/** What the longest bar leaves for its figures. */
const FIGURES = 142;
const ROW = 27;
const BAR = 17;
const HEAD = 104;
const GROUP = 34;

/** Undefined where nothing was measured for it. */
export function chart(tables, machine) {
  const table = tables.find(({ work, payload }) => work === "echo" && payload === "json");
  const rows = (table?.rows ?? [])
    .filter(({ values }) => values.rate)
    .map(({ client, values, rounds }) => ({ client, rounds, face: CLIENTS[client]?.face ?? "Others", ...values.rate }))
    .sort((a, b) => b.median - a.median);
  if (rows.length === 0) return undefined;

  const rounds = Math.max(...rows.map((row) => row.rounds));
  const scale = (WIDTH - MARGIN - LEFT - FIGURES) / rows[0].median;
  const parts = [
    `<g transform="translate(${MARGIN} 26) scale(.9)">${KNOT}</g>`,
    text(84, 46, "Messages a second, echoed through one WebSocket", "t"),
    text(84, 67, `100-byte JSON, sent, echoed, parsed and checked. ${summary(machine, rounds)}`, "s"),
  ];
  let y = HEAD;
  const faces = [...new Set([...Object.values(CLIENTS).map(({ face }) => face), "Others"])];
  for (const face of faces) {
    const group = rows.filter((row) => row.face === face);
    if (group.length === 0) continue;
    parts.push(text(MARGIN, y + 14, face, "h"), `<path class="g" d="M${LEFT} ${y + 9.5}H${WIDTH - MARGIN}"/>`);
    y += GROUP;
    for (const row of group) {
      parts.push(bar(row, y, Math.max(2, row.median * scale)));
      y += ROW;
    }
    y += 8;
  }
  const description = rows
    .map(({ client, face, median }) => `${titleOf(client)}${face === "Rust" ? " (Rust)" : ""}: ${rate(median)}`)
    .join("; ");
  const title = "Messages a second, 100-byte JSON echoed";
  return picture({ width: WIDTH, height: y + 14, title, description, style: STYLE }, [DEFINITIONS, ...parts]);
}

const STYLE = `.baseline{fill:var(--baseline)}
.peer{fill:var(--peer)}
.plain{fill:var(--plain)}
.durable{fill:var(--durable)}`;

/** The strands of a rope, laid over the bars of what holds. */
const DEFINITIONS = `<defs><pattern id="r" width="12" height="${BAR}" patternUnits="userSpaceOnUse">`
  + `<path d="M-2 ${BAR + 2}Q3 ${BAR - 4} 4 ${BAR / 2}T10 -2" `
  + 'fill="none" stroke="var(--strand)" stroke-width="1.6" opacity=".75"/></pattern></defs>';

function bar({ client, median, ratio }, y, width) {
  const kind = kindOf(client);
  const own = kind === "plain" || kind === "durable";
  const shape = (fill) => `<rect width="${at(width)}" height="${BAR}" rx="${at(Math.min(4, width / 2))}" ${fill}/>`;
  const share = Number.isFinite(ratio) ? `<tspan class="s" dx="7">${times(ratio)}</tspan>` : "";
  return `${text(LEFT - 14, y + 13, titleOf(client), own ? "e b" : "e")}<g transform="translate(${LEFT} ${y})">`
    + `${shape(`class="${kind}"`)}${kind === "durable" ? shape('fill="url(#r)"') : ""}`
    + `<text x="${at(width + 9)}" y="13"><tspan class="b">${rate(median)}</tspan>${share}</text></g>`;
}
