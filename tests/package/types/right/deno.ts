// A server of Deno, for Deno's own checker.

import { durable, type DenoSessions } from "tautline/server/deno";

type Chat = { text: string };

const sessions: DenoSessions<Chat> = durable<Chat>({
  allowOrigin: "https://example.com",
  authenticate: async (request) => request.headers.get("authorization"),
  address: ({ headers }) => headers.get("x-real-ip") ?? undefined,
});
sessions.on("session", async (session, request) => {
  const { pathname } = new URL(request.url);
  for await (const { text } of session) await session.send({ text: `${pathname}: ${text.trim()}` });
});
sessions.on("connection", (socket) => socket.on("message", (data) => socket.send(data)));

const server = Deno.serve({ port: 8080 }, async (request, info) => {
  return (await sessions.upgrade(request, info)) ?? new Response("hello");
});
Deno.serve((request, info) => sessions.upgrade(request, info) ?? new Response(`${sessions.stats().sessions}`));
await sessions.shutdown({ mode: "detach" });
await server.shutdown();
// @ts-expect-error It would be no error if the checker did not find the types.
sessions.shutDown();
