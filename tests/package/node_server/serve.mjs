#!/usr/bin/env node
// The server for Node as a program of its own, for tests that are no Node programs: installs the package of pkg/ into a fresh
// project and starts `serve_node.mjs` there, in Node 24. SIGTERM ends both.

import { startNodeServer } from "./start.mjs";

const server = await startNodeServer(24, ...process.argv.slice(2));
console.log(`listening on ${server.url}`);
for (const signal of ["SIGINT", "SIGTERM"]) {
  // Else this one ends before the server has.
  process.removeAllListeners(signal);
  process.once(signal, async () => process.exit(await server.stop()));
}
