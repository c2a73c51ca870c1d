// What a run measured, told: for the terminal, for benches/results.md, and as pictures. A function of its argument alone.

import { chart } from "./chart.mjs";
import { judge } from "./growth.mjs";
import { markdown } from "./markdown.mjs";
import { summarise } from "./medians.mjs";
import { plot } from "./plot.mjs";
import { terminal } from "./table.mjs";

/**
 * `{ terminal, markdown, charts: { name: svg } }` of `{ machine, records, series }`, as the page posted them. The charts' names
 * are those of their files beside results.md.
 */
export function report({ machine = {}, records = [], series = [] }) {
  const tables = summarise(records);
  const groups = judge(series);
  const charts = {};
  const picture = chart(tables, machine);
  if (picture) charts["echo.svg"] = picture;
  for (const work of new Set(groups.map((group) => group.work))) {
    charts[`${work}.svg`] = plot(work, groups.filter((group) => group.work === work));
  }
  return { terminal: terminal({ machine, tables, groups }), markdown: markdown({ machine, tables, groups, charts }), charts };
}
