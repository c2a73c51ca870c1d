#!/usr/bin/env node
// A program of Node that serves as `tautline-echo` does, by `ws` and `tautline/server`: durable sessions and plain
// connections on /echo, /health, /sessions/forget; and GET /memory. SIGTERM ends it.

import http from "node:http";
import v8 from "node:v8";
import vm from "node:vm";
import { durable } from "tautline/server";
import { WebSocketServer } from "ws";

import { echo, forgetAll, healthOf } from "./echo.mjs";
import { readFlags } from "./flags.mjs";

const { port, shutdown, collectMs, allows, options } = readFlags(process.argv.slice(2));
let accepted = 0;

v8.setFlagsFromString("--expose-gc");
const collectGarbage = vm.runInNewContext("gc");
if (collectMs > 0) setInterval(collectGarbage, collectMs).unref();

/** What the process holds once all that nobody needs is gone. */
function memory() {
  for (let round = 0; round < 3; round++) collectGarbage();
  return process.memoryUsage();
}

const server = http.createServer((request, response) => {
  const answer = (status, body) => {
    response.writeHead(status, { "content-type": "application/json", connection: "close" });
    response.end(JSON.stringify(body));
  };
  if (request.method === "GET" && request.url === "/health") answer(200, healthOf(sessions, accepted, plain.size));
  else if (request.method === "POST" && request.url === "/sessions/forget") answer(200, forgetAll(sessions));
  else if (request.url === "/memory") answer(200, memory());
  else answer(404, {});
});

const wss = new WebSocketServer({
  server,
  path: "/echo",
  // As `tautline-echo`, which refuses the upgrade itself, the plain one as well.
  verifyClient: ({ origin }, done) => done(origin === undefined || allows(origin), 403),
});
wss.on("headers", () => accepted++);
const sessions = durable(wss, options);
sessions.on("session", echo);

const plain = new Set();
wss.on("connection", (socket) => {
  plain.add(socket);
  socket.on("error", () => {});
  socket.on("close", () => plain.delete(socket));
  socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
});

server.listen(port, "127.0.0.1", () => console.log(`listening on http://127.0.0.1:${server.address().port}`));

// Nothing else ends the process: what shutdown leaves behind would keep it.
process.once("SIGTERM", async () => {
  server.close();
  for (const socket of plain) socket.close(1001);
  await sessions.shutdown(shutdown);
});
