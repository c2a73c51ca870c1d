// A program of a runtime that has a WebSocket: the entry `tautline`. It ends when its socket is closed.

import process from "node:process";
import { connect } from "tautline";
import { talk } from "../talk.js";

await talk(connect, process.argv[2], console.log);
