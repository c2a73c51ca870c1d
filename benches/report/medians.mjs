// Many rounds, one figure: the median of each value, the lowest and the highest round, and the ratio to the baseline's. A client
// that failed has the reason instead, and rounds that are missing are simply not counted.

import { BASELINE, inOrder, PAYLOADS, WORKS } from "./works.mjs";

export function median(figures) {
  const sorted = [...figures].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  if (sorted.length === 0) return NaN;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/**
 * What one value is, of another: the median of the rounds' ratios. Within a round all clients take turns, and have the same from the
 * machine; from round to round it changes. NaN where no round has both.
 */
export function ratioOf(own, other) {
  const rounds = [...(own?.figures.keys() ?? [])].filter((round) => other?.figures.has(round));
  return median(rounds.map((round) => own.figures.get(round) / other.figures.get(round)));
}

/**
 * What a run measured, as a table for each work and payload, in a fixed order:
 * `{ work, payload, rows: [{ client, failed?, rounds, values: { name: { median, low, high, ratio, figures } } }] }`, where `figures`
 * has that of each round.
 */
export function summarise(records) {
  const tables = new Map();
  for (const record of records) {
    const key = JSON.stringify([record.work, record.payload ?? null]);
    if (!tables.has(key)) tables.set(key, { work: record.work, payload: record.payload, records: [] });
    tables.get(key).records.push(record);
  }
  return [...tables.values()]
    .map(({ work, payload, records }) => ({ work, payload, rows: rowsOf(records) }))
    .sort((a, b) => placeOfWork(a.work) - placeOfWork(b.work) || placeOfPayload(a.payload) - placeOfPayload(b.payload));
}

/** The row of a client; undefined where there is none, or no figures. */
export function rowOf(tables, work, payload, client) {
  const table = tables.find((table) => table.work === work && String(table.payload) === String(payload));
  const row = table?.rows.find((row) => row.client === client);
  return row?.rounds > 0 ? row : undefined;
}

function rowsOf(records) {
  const clients = inOrder(records.map(({ client }) => client));
  const rows = clients.map((client) => rowFrom(client, records.filter((record) => record.client === client)));
  const baseline = rows.find(({ client }) => client === BASELINE);
  for (const { values } of rows) {
    for (const [name, value] of Object.entries(values)) value.ratio = ratioOf(value, baseline?.values[name]);
  }
  return rows;
}

function rowFrom(client, records) {
  const done = records.filter((record) => record.failed === undefined);
  const failed = records.find((record) => record.failed !== undefined)?.failed;
  const values = {};
  for (const name of new Set(done.flatMap((record) => Object.keys(record.values)))) {
    const all = done.map((record) => [record.round, record.values[name]]);
    const figures = new Map(all.filter(([, figure]) => Number.isFinite(figure)));
    if (figures.size === 0) continue;
    const rounds = [...figures.values()];
    values[name] = { median: median(rounds), low: Math.min(...rounds), high: Math.max(...rounds), figures };
  }
  return { client, ...(failed !== undefined && { failed: String(failed) }), rounds: done.length, values };
}

/** What is not known comes after all that is. */
function placeOfWork(work) {
  const known = Object.keys(WORKS);
  return work in WORKS ? known.indexOf(work) : known.length;
}

/** Not by the list's keys: numbers come first among those, and JSON is what most look for. */
function placeOfPayload(payload) {
  if (payload === "json") return -1;
  return String(payload) in PAYLOADS ? Number(payload) : Number.MAX_VALUE;
}
