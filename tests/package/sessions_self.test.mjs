// The tools themselves: the independent client against the independent server, direct and over a bad network; what each does
// when the other breaks the rules; frames; the bad network.

import { startOwnServer } from "./sessions/own_server.mjs";
import { chaosSuite } from "./sessions/suite_chaos.mjs";
import { deliverySuite } from "./sessions/suite_delivery.mjs";
import { endsSuite } from "./sessions/suite_ends.mjs";
import { wireSuite } from "./sessions/suite_wire.mjs";

wireSuite();
chaosSuite();
endsSuite();
deliverySuite("the independent server", startOwnServer);
