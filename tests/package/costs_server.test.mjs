// What a message costs a server in Node, counted.

import { testIn } from "./node_server/elsewhere.mjs";

for (const runtime of ["Node 22", "Node 24"]) testIn(runtime, "suite_costs.mjs");
