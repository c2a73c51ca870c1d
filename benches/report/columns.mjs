// What the tables of a work show, for the terminal and for results.md alike: a work with one value has one table, with a column for
// each payload; one with several has a table for each payload, with a column for each value.

import { inOrder, PAYLOADS, workOf } from "./works.mjs";

/** `[{ title, columns: [{ title, format, compares, cell(client) }], clients }]`; none where all failed. */
export function gridsOf(work, tables) {
  const { values = {} } = workOf(work);
  const names = valueNames(tables, values);
  const column = (table, name, title) => ({
    title: title || (values[name]?.title ?? name),
    format: values[name]?.format ?? String,
    compares: values[name]?.better !== undefined,
    cell: (client) => cellOf(table, client, name),
    clients: table.rows.map(({ client }) => client),
  });
  const grid = (title, columns) => ({ title, columns, clients: inOrder(columns.flatMap(({ clients }) => clients)) });
  if (names.length === 0) return [];
  if (names.length === 1) return [grid("", tables.map((table) => column(table, names[0], payloadTitle(table.payload))))];
  return tables.map((table) => grid(payloadTitle(table.payload), names.map((name) => column(table, name))));
}

/** `{ median, low, high, ratio, rounds }`, or `{ failed }`, which is false where there is just nothing. */
function cellOf({ rows }, client, name) {
  const row = rows.find((row) => row.client === client);
  const value = row?.values[name];
  return value ? { ...value, rounds: row.rounds } : { failed: row?.failed !== undefined };
}

/** Those that are described first, then whatever else came. */
function valueNames(tables, described) {
  const came = new Set(tables.flatMap(({ rows }) => rows.flatMap(({ values }) => Object.keys(values))));
  return [...Object.keys(described).filter((name) => came.has(name)), ...[...came].filter((name) => !(name in described))];
}

const payloadTitle = (payload) => (payload === undefined || payload === null ? "" : (PAYLOADS[payload] ?? String(payload)));

/** Who failed at what, and why: `[{ who, why }]`, where `who` is `[client, payload]`. */
export function failuresOf(tables) {
  const failedOf = (rows) => rows.filter(({ failed }) => failed !== undefined);
  return tables.flatMap(({ payload, rows }) => failedOf(rows).map(({ client, failed, rounds }) => ({
    who: [client, payloadTitle(payload)].filter(Boolean),
    why: `failed${rounds > 0 ? ` in a round, ${rounds} counted` : ""}: ${failed.replaceAll(/\s+/g, " ")}`,
  })));
}
