// socket.io's server, with the works that tautline-echo has for all others: echo, push and sink, by the query.

import http from "node:http";
import { Server } from "socket.io";

import { messagesOf } from "../page/messages.js";

const server = http.createServer();
const options = {
  transports: ["websocket"],
  cors: { origin: true },
  // As everywhere here: processor time for bytes is another trade.
  perMessageDeflate: false,
  maxHttpBufferSize: 1024 * 1024,
};
const servers = [
  new Server(server, options),
  // What it has against losses costs a copy of each message, and is off where nobody asks for it.
  new Server(server, { ...options, path: "/recovering/", connectionStateRecovery: {} }),
];

const WORKS = {
  echo: (socket) => (message) => socket.emit("message", message),
  push(socket, { messages, bytes }) {
    const { make } = messagesOf(bytes);
    return () => {
      for (let n = 1; n <= Number(messages); n++) socket.emit("message", make(n));
    };
  },
  sink(socket, { messages }) {
    let taken = 0;
    return () => {
      if (++taken % Number(messages) === 0) socket.emit("message", { taken: Number(messages) });
    };
  },
};

for (const one of servers) {
  one.on("connection", (socket) => {
    const { query } = socket.handshake;
    socket.on("message", WORKS[query.work](socket, query));
  });
}

server.listen(0, "127.0.0.1", () => console.log(`listening on http://127.0.0.1:${server.address().port}`));
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(0));
