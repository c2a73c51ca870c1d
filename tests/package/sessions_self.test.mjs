// The tools themselves: the independent client against the independent server, direct and over a bad network, by the
// same suites that the project's server is tried with; what each does when the other breaks the rules; frames; the bad
// network.

import { startOwnServer } from "./sessions/own_server.mjs";
import { chaosSuite } from "./sessions/suite_chaos.mjs";
import { deliverySuite } from "./sessions/suite_delivery.mjs";
import { endsSuite } from "./sessions/suite_ends.mjs";
import { framesSuite } from "./sessions/suite_frames.mjs";
import { handshakeSuite } from "./sessions/suite_handshake.mjs";
import { hostileSuite } from "./sessions/suite_hostile.mjs";
import { livenessSuite } from "./sessions/suite_liveness.mjs";
import { wireSuite } from "./sessions/suite_wire.mjs";

wireSuite();
chaosSuite();
endsSuite();
for (const suite of [deliverySuite, handshakeSuite, livenessSuite, framesSuite, hostileSuite]) {
  suite("the independent server", startOwnServer);
}
