// partysocket's WebSocket for any server, as it is without options.

import WebSocket from "partysocket/ws";

import { openEventSocket } from "../event_socket.js";

export const open = (url, { payload }) => openEventSocket(new WebSocket(url), { payload, triesAgain: true });
