// The project's server against clients of `tautline.v1` that mean harm.

import { startServer } from "./project.mjs";
import { hostileSuite } from "./sessions/suite_hostile.mjs";

hostileSuite("tautline-echo", (...flags) => startServer(import.meta.dirname, ...flags));
