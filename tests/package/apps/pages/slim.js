// The entry `tautline/slim` by its URL: tautline.wasm lies beside it.

import { connect } from "../node_modules/tautline/slim.js";
import { talk } from "../talk.js";

talk(connect, new URLSearchParams(location.search).get("server"), console.log);
