// What a client, or a slip of the application's, is not to do to a server in Node: end its process, keep its memory, its
// sockets or its time.

import { testIn } from "./node_server/elsewhere.mjs";

for (const runtime of ["Node 22", "Node 24"]) {
  for (const suite of ["hostility", "slips"]) testIn(runtime, `suite_${suite}.mjs`);
}
