// A chat with one room. Every line reaches everybody once and in order, whatever becomes of their connections; and
// everybody sees who is there, who is cut off at the moment, and who comes and goes.

import { createReadStream } from "node:fs";
import http from "node:http";
import { durable } from "tautline/server";
import { WebSocketServer } from "ws";

const { PORT = 8080, ORIGIN = `http://localhost:${PORT}` } = process.env;
const people = new Map(); // from session to name

// The page, and what it imports.
const server = http.createServer(({ url }, response) => {
  const [, script] = /^\/tautline\/(\w+\.js)$/.exec(url) ?? [];
  const file = script ? new URL(script, import.meta.resolve("tautline")) : new URL("index.html", import.meta.url);
  response.setHeader("content-type", script ? "text/javascript" : "text/html");
  createReadStream(file).on("error", () => response.writeHead(404).end()).pipe(response);
});

function tell(message) {
  // Nobody waits for one who is thousands of lines behind.
  for (const session of people.keys()) session.send(message).catch(() => session.close(4000, "too far behind"));
}

function tellWho(notice) {
  tell({ notice, people: [...people].map(([{ state }, name]) => ({ name, isThere: state === "attached" })) });
}

const sessions = durable(new WebSocketServer({ server, path: "/chat" }), { allowOrigin: ORIGIN, maxMessage: 4096 });
sessions.on("session", async (session, request) => {
  const name = new URL(request.url, ORIGIN).searchParams.get("name")?.slice(0, 40) || "Nobody";
  people.set(session, name);
  tellWho(`${name} is here`);
  session.on("detach", () => tellWho()).on("resume", () => tellWho());
  // Until the session ends. What a client sends can be anything.
  for await (const line of session) if (typeof line?.text === "string") tell({ name, text: line.text });
  people.delete(session);
  tellWho(`${name} has left`);
});

server.listen(PORT, "127.0.0.1", () => console.log(`listening on ${ORIGIN}`));
process.once("SIGTERM", () => sessions.shutdown().then(() => server.close()));
