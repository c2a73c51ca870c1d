// Without the types of `ws` its server is `any`, and sessions have types all the same.

import { durable, type ServerSessions } from "tautline/server";
import { WebSocketServer } from "ws";

type Chat = { text: string };

const sessions = durable<Chat>(new WebSocketServer({ port: 8080 }), { allowOrigin: "https://example.com" });
sessions satisfies ServerSessions<Chat>;
sessions.on("session", async (session, request) => {
  for await (const { text } of session) await session.send({ text: `${request.url}: ${text.trim()}` });
});
sessions.on("connection", (socket, { headers }) => {
  socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
  socket.ping(headers.host);
});
for (const client of sessions.clients) client.terminate();
// @ts-expect-error It would be no error if the sessions were `any` as well.
sessions.shutDown();
