// An express application and durable sockets on one HTTP server. The cookie of the login decides who may connect; what a
// request changes is told to all pages of the same user, each change once and in order.

import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import path from "node:path";
import { fileURLToPath } from "node:url";
import express from "express";
import { durable } from "tautline/server";
import { WebSocketServer } from "ws";

const { PORT = 8080, ORIGIN = `http://localhost:${PORT}` } = process.env;

/** From the secret in a cookie to the user. */
const logins = new Map();
/** From the user to the notes. */
const notes = new Map();
/** From the session to the secret of its login. */
const pages = new Map();

const secretOf = ({ headers }) => /(?:^|; )login=(\w+)/.exec(headers.cookie ?? "")?.[1];
const userOf = (request) => logins.get(secretOf(request));

function tell(session, message) {
  // Nobody waits for one that is thousands of changes behind.
  session.send(message).catch(() => session.close(4000, "too far behind"));
}

const app = express();
app.use(express.static(path.join(import.meta.dirname, "public")));
app.use("/tautline", express.static(path.dirname(fileURLToPath(import.meta.resolve("tautline")))));
app.use(express.json());

app.post("/login", ({ body }, response) => {
  // An application would ask for more than a name.
  if (typeof body?.user !== "string" || body.user === "") return response.sendStatus(400);
  const secret = randomBytes(16).toString("hex");
  logins.set(secret, body.user);
  response.cookie("login", secret, { httpOnly: true, sameSite: "strict" }).sendStatus(204);
});

app.post("/logout", (request, response) => {
  const secret = secretOf(request);
  logins.delete(secret);
  // Or they would go on until their connections are lost.
  for (const [session, login] of pages) if (login === secret) session.close(4401, "logged out");
  response.clearCookie("login").sendStatus(204);
});

app.post("/notes", (request, response) => {
  const user = userOf(request);
  const { note } = request.body ?? {};
  if (!user) return response.sendStatus(401);
  if (typeof note !== "string") return response.sendStatus(400);
  notes.set(user, [...(notes.get(user) ?? []), note]);
  for (const session of pages.keys()) if (session.peer.principal === user) tell(session, { added: note });
  response.sendStatus(204);
});

const server = createServer(app);
const sockets = new WebSocketServer({ noServer: true });
const sessions = durable(sockets, {
  allowOrigin: ORIGIN,
  authenticate: userOf, // who has no login is closed with 4401
  maxSessionsPerPrincipal: 20,
});

server.on("upgrade", (request, socket, head) => {
  if (request.url !== "/live") return socket.destroy();
  // The function gets clients that are not durable. Nobody has looked at their cookies.
  sockets.handleUpgrade(request, socket, head, (plain) => plain.close(4000, "connect with durable"));
});

sessions.on("session", async (session, request) => {
  pages.set(session, secretOf(request));
  // All there is, and from now on each change.
  tell(session, { notes: notes.get(session.peer.principal) ?? [] });
  await session.closed;
  pages.delete(session);
});

server.listen(PORT, "127.0.0.1", () => console.log(`listening on ${ORIGIN}`));
process.once("SIGTERM", () => sessions.shutdown().then(() => server.close()));
