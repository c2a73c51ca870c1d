// What the programs of Deno and Bun have in common: the answers to requests, and the end of the process.

import process from "node:process";

import { forgetAll, healthOf } from "./echo.mjs";

/** How many WebSockets were opened so far, and how many plain ones are open. */
export const counts = { accepted: 0, plain: 0 };

/** The answer to a request that asks for no WebSocket on /echo, or may not; undefined for one that does. */
export function answerOf(request, sessions, allows) {
  const { pathname } = new URL(request.url);
  if (request.method === "GET" && pathname === "/health") {
    return Response.json(healthOf(sessions, counts.accepted, counts.plain));
  }
  if (request.method === "POST" && pathname === "/sessions/forget") return Response.json(forgetAll(sessions));
  if (pathname !== "/echo") return new Response(null, { status: 404 });
  const origin = request.headers.get("origin");
  // As `tautline-echo`, which refuses the upgrade itself, the plain one as well.
  return origin === null || allows(origin) ? undefined : new Response(null, { status: 403 });
}

/** Ends the sessions on SIGTERM, and then the server; what shutdown leaves behind would keep the process. */
export function endOnSignal(sessions, shutdown, stop) {
  process.once("SIGTERM", async () => {
    await sessions.shutdown(shutdown);
    await stop();
  });
}
