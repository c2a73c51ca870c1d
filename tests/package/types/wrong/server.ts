// Mistakes with `tautline/server`, and the entries for Deno and Bun.

import http from "node:http";
import { durable, type Session, type SessionSocket } from "tautline/server";
import { durable as durableInBun } from "tautline/server/bun";
import { durable as durableInDeno } from "tautline/server/deno";
import { WebSocketServer } from "ws";
declare const wss: WebSocketServer;
declare const session: Session<number, string>;
declare const socket: SessionSocket;

// a server without one → Expected 1-2 arguments
durable();
// a server that is none of `ws` → is missing the following properties from type 'WebSocketServerLike'
durable(http.createServer());
// a server's option that does not exist → 'heartbeet' does not exist in type 'ServerOptions
durable(wss, { heartbeet: 1 });
// a server's option that does not exist beside a codec → 'maxMesage' does not exist in type
durable(wss, { codec: "text", maxMesage: 1 });
// a part of a server's option that does not exist → 'mesages' does not exist in type 'ServerOutbox'
durable(wss, { outbox: { mesages: 1 } });
// an option of the client's → 'reconnect' does not exist in type 'ServerOptions
durable(wss, { reconnect: false });
// a time in words → Type 'string' is not assignable to type 'number'
durable(wss, { resume: "2m" });
// no heartbeat, as the client's is left out → Type 'boolean' is not assignable to type 'number'
durable(wss, { heartbeat: false });
// an outbox that is a number → has no properties in common with type 'ServerOutbox'
durable(wss, { outbox: 100 });
// an origin that is a pattern → Type 'RegExp' is not assignable to type
durable(wss, { allowOrigin: /example/ });
// subprotocols that are no list → Type 'string' is not assignable to type 'readonly string[]'
durable(wss, { protocols: "chat" });
// a principal that is a number → Type 'number' is not assignable to type 'Principal
durable(wss, { authenticate: () => 1 });
// an address that is a number → Type 'number' is not assignable to type 'string'
durable(wss, { address: () => 1 });
// Node's request taken for a web one → Property 'text' does not exist on type 'IncomingMessage'
durable(wss).on("session", (session, request) => request.text());
// a web request taken for Node's, in Deno → Property 'socket' does not exist on type 'Request'
durableInDeno({ address: (request) => request.socket.remoteAddress });
// a web request taken for Node's, in Bun → Property 'socket' does not exist on type 'Request'
durableInBun({ address: (request) => request.socket.remoteAddress });
// a server of `ws` in Deno → Argument of type 'WebSocketServer' is not assignable to parameter of type 'ServerOptions
durableInDeno(wss);
// a codec of servers that does not exist → Type '"xml"' is not assignable
durable(wss, { codec: "xml" });
// a codec of servers without decode → Property 'decode' is missing
durable(wss, { codec: { encode: String } });
// text for sessions that have no strings → Type '"text"' is not assignable
durable<{ a: 1 }>(wss, { codec: "text" });
// bytes for sessions that have no bytes → Type '"bytes"' is not assignable
durable<string>(wss, { codec: "bytes" });
// an answer of the wrong type → 'number' is not assignable to parameter of type 'string'
await session.send(1);
// an answer of the wrong type, by the server's types → 'number' is not assignable to parameter of type 'string'
durable<string>(wss).on("session", (session) => session.send(1));
// an object sent as text by a server → '{}' is not assignable to parameter of type 'string'
durable(wss, { codec: "text" }).on("session", (session) => session.send({}));
// a string sent as bytes by a server → 'string' is not assignable to parameter of type 'BytesSource'
durable(wss, { codec: "bytes" }).on("session", (session) => session.send(""));
// bytes taken for a string → Property 'trim' does not exist on type 'Uint8Array<ArrayBuffer>'
durable(wss, { codec: "bytes" }).on("session", (session) => session.on("message", (message) => message.trim()));
// a client's message used before its type is known → 'message' is of type 'unknown'
durable(wss).on("session", (session) => session.on("message", (message) => message.text));
// a client's message of the wrong type → Property 'trim' does not exist on type 'number'
for await (const message of session) message.trim();
// returned messages of the wrong type → Property 'toFixed' does not exist on type 'string'
session.on("end", ({ unacknowledged }) => unacknowledged[0]?.toFixed());
// a session that may be closed by a word → Argument of type 'string' is not assignable to parameter of type 'number'
session.close("bye");
// a session's state that does not exist → have no overlap
if (session.state === "open") session.id;
// a session's state that is set → it is a read-only property
session.state = "ended";
// a principal that may not be known → is possibly 'undefined'
session.peer.principal.length;
// a way to shut down that does not exist → Type '"now"' is not assignable
durable(wss).shutdown({ mode: "now" });
// a boolean sent as `ws` does not → Argument of type 'boolean' is not assignable to parameter of type 'SocketPayload'
socket.send(true);
// a binary type of a session's that does not exist → Type '"text"' is not assignable
socket.binaryType = "text";
// a file of the server that is no entry → Cannot find module 'tautline/server/hub.js'
await import("tautline/server/hub.js");
