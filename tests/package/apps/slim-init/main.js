// The entry `tautline/slim`, told where tautline.wasm lies: copied beside the page.

import { connect, init } from "tautline/slim";
import { talk } from "../talk.js";

init("./tautline.wasm");
talk(connect, new URLSearchParams(location.search).get("server"), console.log);
