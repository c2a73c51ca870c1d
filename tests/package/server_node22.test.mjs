// `tautline/server` in Node 22 against an independent client of `tautline.v1`: what is promised, over good and bad
// networks, and what becomes of everything that is forbidden.

import { startNodeServer } from "./node_server/start.mjs";
import { deliverySuite } from "./sessions/suite_delivery.mjs";
import { framesSuite } from "./sessions/suite_frames.mjs";
import { handshakeSuite } from "./sessions/suite_handshake.mjs";
import { livenessSuite } from "./sessions/suite_liveness.mjs";

const serve = (...flags) => startNodeServer(22, ...flags);

for (const suite of [deliverySuite, handshakeSuite, livenessSuite, framesSuite]) suite("Node 22", serve);
