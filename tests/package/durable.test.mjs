// Durable sockets of the packed package: what is promised, against the project's server and against one that was
// written from the specification alone.

import { durableDeliverySuite } from "./durable_delivery.mjs";
import { startServer } from "./project.mjs";
import { startOwnServer } from "./sessions/own_server.mjs";

durableDeliverySuite({
  "the independent server": startOwnServer,
  "tautline-echo": (...flags) => startServer(import.meta.dirname, ...flags),
});
