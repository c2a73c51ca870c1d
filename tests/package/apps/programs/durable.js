// The entry `tautline` in a program, with a server that keeps a session for it.

import process from "node:process";
import { connect } from "tautline";
import { talk } from "../talk.js";

await talk((url, options) => connect(url, { ...options, durable: true }), process.argv[2], console.log);
