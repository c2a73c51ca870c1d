// A server of Bun.

import { durable, type BunSessions } from "tautline/server/bun";

type Chat = { text: string };

const sessions: BunSessions<Chat> = durable<Chat>({
  allowOrigin: (origin) => origin.endsWith(".example.com"),
  authenticate: (request) => request.headers.get("authorization"),
  address: ({ headers }) => headers.get("x-real-ip") ?? undefined,
});
sessions.on("session", async (session, request) => {
  const { pathname } = new URL(request.url);
  for await (const { text } of session) await session.send({ text: `${pathname}: ${text.trim()}` });
});
sessions.on("connection", (socket) => socket.on("message", (data) => socket.send(data)));

Bun.serve({
  async fetch(request, server) {
    if (await sessions.upgrade(request, server)) return;
    return new Response(`${sessions.stats().sessions}`);
  },
  websocket: sessions.websocketWith({
    message: (socket: Bun.ServerWebSocket, message: string | Buffer) => socket.send(message),
    maxPayloadLength: 2 ** 20,
  }),
});
await sessions.shutdown({ mode: "detach" });
