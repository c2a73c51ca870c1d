// A program of Bun that serves as serve_node.mjs does, by Bun's own server and `tautline/server/bun`.

import { durable } from "tautline/server/bun";

import { echo } from "./echo.mjs";
import { readFlags } from "./flags.mjs";
import { answerOf, counts, endOnSignal } from "./web.mjs";

const { port, shutdown, allows, options } = readFlags(Bun.argv.slice(2));
const sessions = durable(options);
sessions.on("session", echo);

const server = Bun.serve({
  hostname: "127.0.0.1",
  port,
  async fetch(request, server) {
    const answer = answerOf(request, sessions, allows);
    if (answer) return answer;
    if (request.headers.get("upgrade") !== "websocket") return new Response(null, { status: 426 });
    counts.accepted++;
    if (await sessions.upgrade(request, server)) return undefined;
    server.upgrade(request);
    return undefined;
  },
  websocket: sessions.websocketWith({
    open: () => counts.plain++,
    close: () => counts.plain--,
    message: (socket, data) => socket.send(data),
  }),
});
endOnSignal(sessions, shutdown, () => server.stop());
console.log(`listening on http://127.0.0.1:${server.port}`);
