// The entry `tautline/websocket` by its URL.

import TautSocket from "../node_modules/tautline/websocket.js";
import { talkWebSocket } from "../talk_websocket.js";

talkWebSocket(TautSocket, new URLSearchParams(location.search).get("server"), console.log);
