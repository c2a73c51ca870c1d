// `tautline/server` in its own process: options, who may come in, the session as the application has it, and the server
// of `ws` that it sits on.

import { testIn } from "./node_server/elsewhere.mjs";

for (const runtime of ["Node 22", "Node 24"]) {
  for (const suite of ["options", "admission", "session", "host"]) testIn(runtime, `suite_${suite}.mjs`);
}
