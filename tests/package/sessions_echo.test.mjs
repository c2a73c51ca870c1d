// The project's server against an independent client of `tautline.v1`: what is promised, over good and bad networks,
// and what becomes of everything that is forbidden.

import { startServer } from "./project.mjs";
import { deliverySuite } from "./sessions/suite_delivery.mjs";
import { framesSuite } from "./sessions/suite_frames.mjs";
import { handshakeSuite } from "./sessions/suite_handshake.mjs";
import { livenessSuite } from "./sessions/suite_liveness.mjs";

const serve = (...flags) => startServer(import.meta.dirname, ...flags);

for (const suite of [deliverySuite, handshakeSuite, livenessSuite, framesSuite]) suite("tautline-echo", serve);
