// Libraries over durable sockets, in pages and on servers in Node 22 and 24.

import { testHereIn } from "./node_server/elsewhere.mjs";

for (const runtime of ["Node 22", "Node 24"]) {
  for (const suite of ["graphql", "yjs"]) testHereIn(runtime, `durable_libraries_${suite}.mjs`);
}
