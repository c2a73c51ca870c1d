// Both ends from the packed package: its client, in a page and in Node, and `tautline/server`, over bad networks.

import { durableDeliverySuite } from "./durable_delivery.mjs";
import { startNodeServer } from "./node_server/start.mjs";

durableDeliverySuite({
  "tautline/server in Node 24": (...flags) => startNodeServer(24, ...flags),
});
