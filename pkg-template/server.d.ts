// The entry `tautline/server`: durable sessions on a server of `ws`.

import type { Buffer } from "node:buffer";
import type { EventEmitter } from "node:events";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Bytes, BytesSource, Codec } from "./options.js";
import type { ServerOptions } from "./server/options.js";
import type { Sessions, SessionsEvents } from "./server/sessions.js";
import type { SessionSocket } from "./server/socket.js";

export { TautlineError } from "./errors.js";
export type { ErrorCode } from "./errors.js";
export type { Bytes, BytesSource, Codec, CodecName } from "./options.js";
export type { Principal, ServerOptions, ServerOutbox } from "./server/options.js";
export type { Ended, Peer, Session, SessionEvents, SessionState, SessionStats } from "./server/session.js";
export type { Sessions, SessionsEvents, SessionsStats, ShutdownOptions } from "./server/sessions.js";
export type {
  RawData,
  SendCallback,
  SessionSocket,
  SessionSocketEventMap,
  SocketPayload,
} from "./server/socket.js";

/** What `durable` needs of a server: a `WebSocketServer` of `ws` (version 8) has it. */
export interface WebSocketServerLike extends EventEmitter {
  readonly options: object;
  readonly path: string;
  readonly clients: Set<SessionSocket>;
  address(): { port: number; family: string; address: string } | string | null;
  close(callback?: (error?: Error) => void): void;
  handleUpgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    callback: (socket: SessionSocket, request: IncomingMessage) => void,
  ): void;
  shouldHandle(request: IncomingMessage): boolean | Promise<boolean>;
}

type SocketOf<Server> = Server extends { clients: Set<infer Socket> } ? Socket : SessionSocket;

/** Where `ws` has no types, its server is `any`. */
type Typed<Server> = 0 extends 1 & Server ? WebSocketServerLike : Server;

/** The events of {@link ServerSessions}: those of sessions, and of the `ws` server, passed on. */
export interface ServerSessionsEvents<In, Out, Socket> extends SessionsEvents<In, Out, IncomingMessage, Socket> {
  listening: [];
  close: [];
  headers: [headers: string[], request: IncomingMessage];
  wsClientError: [error: Error, socket: Duplex, request: IncomingMessage];
}

/**
 * The sessions of a `ws` server, and that server itself, for libraries that take one: `on`, `clients`, `options`,
 * `address`, `close`, `handleUpgrade` and `shouldHandle` are as of the server, with durable clients in the place of
 * their connections. `clients` has the sockets of plain clients and the sessions that are used as sockets.
 *
 * `close` takes no more connections, as with `ws`; sessions go on for as long as their connections last. `shutdown` ends
 * them.
 */
export type ServerSessions<In = unknown, Out = In, Server = WebSocketServerLike> = Sessions<In, Out> &
  EventEmitter<ServerSessionsEvents<In, Out, SocketOf<Server>>> &
  Server;

/**
 * Makes a `ws` server durable: clients that connect with `durable` get sessions, all others are served as before. A new
 * session is a `session` event. Where nobody listens for that, it is a `connection` event with the interface of a socket,
 * so that libraries for `ws` run on sessions unchanged. Where nobody listens for either, it is closed with 1011.
 *
 * Say which pages may connect: see `allowOrigin`. On the `ws` server itself, durable clients are no `connection` events,
 * and not in its `clients`. It can be made durable once.
 *
 * @typeParam In what arrives, `unknown` unless you say so or the codec does
 * @typeParam Out what is sent, the same as `In` unless you say so or the codec does
 * @throws TypeError that names the option, for options that can't be used; and for what is no server, or is durable
 * already
 * @example
 * ```ts
 * import { durable } from "tautline/server";
 * import { WebSocketServer } from "ws";
 *
 * type Chat = { from: string; text: string };
 *
 * const wss = new WebSocketServer({ port: 8080 });
 * const sessions = durable<Chat>(wss, { allowOrigin: "https://example.com" });
 * sessions.on("session", async (session) => {
 *   for await (const message of session) await session.send(message);
 * });
 * ```
 * @example
 * ```ts
 * import { useServer } from "graphql-ws/use/ws";
 *
 * useServer({ schema }, durable(wss)); // subscriptions outlive connections
 * ```
 */
export function durable<
  In extends string = string,
  Out extends string = In,
  Server extends WebSocketServerLike = WebSocketServerLike,
>(wss: Server, options: ServerOptions<In, Out> & { codec: "text" }): ServerSessions<In, Out, Typed<Server>>;
export function durable<Server extends WebSocketServerLike = WebSocketServerLike>(
  wss: Server,
  options: ServerOptions<Bytes, BytesSource> & { codec: "bytes" },
): ServerSessions<Bytes, BytesSource, Typed<Server>>;
export function durable<In, Out = In, Server extends WebSocketServerLike = WebSocketServerLike>(
  wss: Server,
  options: ServerOptions<In, Out> & { codec: Codec<In, Out> },
): ServerSessions<In, Out, Typed<Server>>;
export function durable<In = unknown, Out = In, Server extends WebSocketServerLike = WebSocketServerLike>(
  wss: Server,
  options?: ServerOptions<In, Out>,
): ServerSessions<In, Out, Typed<Server>>;
