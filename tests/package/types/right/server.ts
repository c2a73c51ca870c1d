// A server for Node, with the types of `ws`.

import { useServer } from "graphql-ws/use/ws";
import http, { type IncomingMessage } from "node:http";
import {
  durable,
  TautlineError,
  type Bytes,
  type BytesSource,
  type Codec,
  type Ended,
  type ServerOptions,
  type ServerSessions,
  type Session,
  type SessionSocket,
  type SessionState,
} from "tautline/server";
import { WebSocket, WebSocketServer, type Server } from "ws";

type In = { type: "ping" };
type Out = { type: "pong"; at: number };

const wss = new WebSocketServer({ server: http.createServer(), path: "/chat" });
const sessions = durable<In, Out>(wss, {
  resume: 60_000,
  heartbeat: 0,
  probe: 1,
  handshakeTimeout: 1,
  closeTimeout: 1,
  window: 1,
  maxMessage: 2 ** 16,
  outbox: { messages: 10 },
  maxSessions: Infinity,
  maxSessionsPerAddress: 10,
  maxSessionsPerPrincipal: 10,
  maxHeldBytes: 0,
  maxDetachedBytes: 0,
  allowOrigin: ["https://example.com"],
  protocols: ["chat"],
  authenticate: async ({ headers }) => headers.authorization,
  address: (request) => request.socket.remoteAddress,
});
sessions satisfies ServerSessions<In, Out>;
const annotated: ServerSessions<In, Out> = durable(wss);

sessions.on("session", async (session, request) => {
  session satisfies Session<In, Out>;
  request satisfies IncomingMessage;
  [session.id, session.protocol] satisfies string[];
  [session.peer.origin, session.peer.principal, session.peer.address] satisfies (string | undefined)[];
  for await (const message of session) message.type satisfies "ping";
  await session.send({ type: "pong", at: session.stats().outbox.bytes });
  await session.flush();
  const { code, reason, unacknowledged }: Ended<Out> = await session.close(4000, "bye");
  [code, unacknowledged[0]?.at, reason.length] satisfies (number | undefined)[];
});
sessions.once("session", (session) => {
  session
    .on("message", (message) => message satisfies In)
    .on("detach", () => session.state satisfies SessionState)
    .once("resume", () => session.stats().inbox.messages.toFixed())
    .on("error", (error) => error satisfies TautlineError)
    .on("end", ({ code, unacknowledged }) => [code, unacknowledged] satisfies [number, Out[]]);
  session.closed satisfies Promise<Ended<Out>>;
});
sessions.on("error", (error) => error.message).off("listening", () => {});

const { heldBytes, detachedBytes, connections } = sessions.stats();
[heldBytes, detachedBytes, connections] satisfies number[];
await sessions.shutdown({ mode: "bye", code: 1001, reason: "an update", timeout: 1000 });
sessions.forget();

// It compiles only while every state has its case.
export function words(state: SessionState): string {
  switch (state) {
    case "attached":
    case "detached":
    case "ended":
      return state;
  }
}

export async function hold(session: Session<string>) {
  await using held = session;
  const iterator = held[Symbol.asyncIterator]();
  const { value, done } = await iterator.next();
  if (!done) value.trim();
  await iterator.return?.();
  try {
    await held.send("");
  } catch (error) {
    if (error instanceof TautlineError && error.code === "overflow") throw error;
  }
}

// The codec decides the types, as at the client.
durable(wss, { codec: "json" }).on("session", (session) => session satisfies Session<unknown>);
durable(wss, { codec: "text" }).on("session", (session) => session satisfies Session<string>);
durable<"on" | "off">(wss, { codec: "text" }).on("session", (session) => session satisfies Session<"on" | "off">);
durable(wss, { codec: "bytes" }).on("session", async (session) => {
  session satisfies Session<Bytes, BytesSource>;
  for await (const bytes of session) await session.send(bytes.subarray(1) satisfies Uint8Array);
  for (const more of [new ArrayBuffer(1), new DataView(new ArrayBuffer(1)), Buffer.of(1)]) await session.send(more);
  (await session.closed).unacknowledged satisfies BytesSource[];
});
const dates: Codec<Date, number> = { encode: String, decode: (data) => new Date(Number(data)) };
durable(wss, { codec: dates }).on("session", (session) => session satisfies Session<Date, number>);
const chosen: ServerOptions<Date, number> = { codec: dates, authenticate: () => true };
durable(wss, chosen).on("session", (session) => session satisfies Session<Date, number>);

// For libraries it is a server of `ws`, and has sockets of one.
const server: WebSocketServer = sessions;
useServer({}, sessions);
sessions.on("connection", (socket, request) => [socket, request] satisfies [WebSocket, IncomingMessage]);
for (const client of sessions.clients) if (client.readyState === WebSocket.OPEN) client.send("to all");
annotated.on("connection", (socket) => socket.terminate());
sessions.handleUpgrade({} as IncomingMessage, http.request("").socket!, Buffer.alloc(0), (socket) => socket.ping());
[sessions.address(), sessions.shouldHandle({} as IncomingMessage), sessions.close(), server.options.port];

export function use(socket: SessionSocket, session: Session): WebSocket[] {
  socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }, (error) => error?.message));
  socket.once("close", (code, reason) => socket.close(code, reason.toString()));
  socket.onmessage = ({ data, target }) => typeof data === "string" && target.send(data.trim());
  socket.addEventListener("close", ({ code, wasClean }) => [code, wasClean] satisfies [number, boolean], { once: true });
  for (const data of ["", 1, Buffer.of(1), new ArrayBuffer(1), new Uint8Array(1), new Blob([])]) socket.send(data);
  if (socket.isPaused || socket.bufferedAmount > 2 ** 20) socket.resume();
  return [socket, session.asSocket()];
}

// A server whose sockets are of a class of the application's own.
class Named extends WebSocket {
  name = "";
}
const named = durable(new WebSocketServer<typeof Named>({ noServer: true, WebSocket: Named }));
named satisfies Server<typeof Named>;
named.on("connection", (socket) => socket.name.trim());
