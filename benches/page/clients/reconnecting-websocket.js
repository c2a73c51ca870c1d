// reconnecting-websocket, as it is without options.

import ReconnectingWebSocket from "reconnecting-websocket";

import { openEventSocket } from "../event_socket.js";

export const open = (url, { payload }) => openEventSocket(new ReconnectingWebSocket(url), { payload, triesAgain: true });
