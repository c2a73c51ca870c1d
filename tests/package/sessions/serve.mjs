#!/usr/bin/env node
// The independent server as a program, with the flags that `tautline-echo` has for sessions: it can stand in for it.

import { parseArgs } from "node:util";

import { startSessionServer } from "./server.mjs";

const NUMBERS = ["port", "resume-ms", "heartbeat-ms", "window", "max-message", "max-sessions"];
/** Flags of the real server that mean nothing here. */
const IGNORED = ["log", "www"];

const named = (names) => Object.fromEntries(names.map((name) => [name, { type: "string" }]));
const camel = (name) => name.replace(/-(.)/g, (_, letter) => letter.toUpperCase());

const { values } = parseArgs({
  options: { ...named(NUMBERS), ...named(IGNORED), "allow-origin": { type: "string", multiple: true } },
});
const options = { allowOrigin: values["allow-origin"] ?? [] };
for (const name of NUMBERS) {
  if (name in values) options[camel(name)] = Number(values[name]);
}
const server = await startSessionServer(options);
process.once("SIGTERM", async () => {
  await server.stop();
  process.exit(server.errors.length === 0 ? 0 : 1);
});
console.log(`listening on ${server.url}`);
