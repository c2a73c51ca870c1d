// The browser's own WebSocket: what all others are compared with.

import { openEventSocket } from "../event_socket.js";

export const open = (url, { payload }) => openEventSocket(new WebSocket(url), { payload });
