// Every entry, where none of them may ask for more than the platform has.

import { connect } from "tautline";
import * as react from "tautline/react";
import { connect as slim } from "tautline/slim";
import { streams } from "tautline/streams";
import wasm from "tautline/tautline.wasm";
import TautSocket from "tautline/websocket";

console.log(connect, react.useSocket, slim, streams, wasm, TautSocket);
