// `tautline/server`: what the hub's JavaScript owes beside the rules.

import { testIn } from "./node_server/elsewhere.mjs";

for (const runtime of ["Node 22", "Node 24"]) testIn(runtime, "suite_engine.mjs");
