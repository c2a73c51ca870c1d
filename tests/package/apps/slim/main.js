// The entry `tautline/slim`, where the bundler finds tautline.wasm by itself.

import { connect } from "tautline/slim";
import { talk } from "../talk.js";

talk(connect, new URLSearchParams(location.search).get("server"), console.log);
