// A program of Deno that serves as serve_node.mjs does, by Deno's own server and `tautline/server/deno`.

import { durable } from "tautline/server/deno";

import { echo } from "./echo.mjs";
import { readFlags } from "./flags.mjs";
import { answerOf, counts, endOnSignal } from "./web.mjs";

const { port, shutdown, allows, options } = readFlags(Deno.args);
const sessions = durable(options);
sessions.on("session", echo);

function upgradePlain(request) {
  const { socket, response } = Deno.upgradeWebSocket(request, { idleTimeout: 0 });
  socket.onopen = () => counts.plain++;
  socket.onclose = () => counts.plain--;
  socket.onmessage = ({ data }) => socket.send(data);
  return response;
}

// Before it says that it listens. Not by the server's own shutdown: that may wait for ever, or keep the process, where a
// connection was cut within its handshake.
endOnSignal(sessions, shutdown, () => Deno.exit());
Deno.serve(
  { hostname: "127.0.0.1", port, onListen: ({ port }) => console.log(`listening on http://127.0.0.1:${port}`) },
  async (request, info) => {
    const answer = answerOf(request, sessions, allows);
    if (answer) return answer;
    if (request.headers.get("upgrade") !== "websocket") return new Response(null, { status: 426 });
    counts.accepted++;
    return (await sessions.upgrade(request, info)) ?? upgradePlain(request);
  },
);
