// A SessionSocket in Node 22 and 24: held against the socket of `ws` that it stands for, and as what it is beyond that.

import { testHereIn } from "./node_server/elsewhere.mjs";

const SUITES = ["differences", "ends", "events", "sends", "sessions"];

for (const runtime of ["Node 22", "Node 24"]) {
  for (const suite of SUITES) testHereIn(runtime, `server_socket_${suite}.mjs`);
}
