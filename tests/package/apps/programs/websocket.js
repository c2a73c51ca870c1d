// The entry `tautline/websocket` in a program.

import process from "node:process";
import TautSocket from "tautline/websocket";
import { talkWebSocket } from "../talk_websocket.js";

await talkWebSocket(TautSocket, process.argv[2], console.log);
