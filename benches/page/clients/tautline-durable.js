// Tautline in a durable session.

import { connect } from "tautline";

import { openTautline } from "../tautline_socket.js";

export const open = (url, { payload }) => openTautline(connect, url, { payload, durable: true });
