// The entry `tautline`, as every bundler is given it.

import { connect } from "tautline";
import { talk } from "../talk.js";

talk(connect, new URLSearchParams(location.search).get("server"), console.log);
