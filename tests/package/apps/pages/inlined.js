// The entry `tautline` by its URL.

import { connect } from "../node_modules/tautline/index.js";
import { talk } from "../talk.js";

talk(connect, new URLSearchParams(location.search).get("server"), console.log);
