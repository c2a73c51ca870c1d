// The entry `tautline/server/deno`: durable sessions on the server of Deno.

import type { Bytes, BytesSource, Codec } from "../options.js";
import type { ServerOptions } from "./options.js";
import type { SessionsEmitter } from "./sessions.js";
import type { SessionSocket } from "./socket.js";

export { TautlineError } from "../errors.js";
export type { ErrorCode } from "../errors.js";
export type { Bytes, BytesSource, Codec, CodecName } from "../options.js";
export type { Principal, ServerOptions, ServerOutbox } from "./options.js";
export type { Ended, Peer, Session, SessionEvents, SessionState, SessionStats } from "./session.js";
export type { Sessions, SessionsEvents, SessionsStats, ShutdownOptions } from "./sessions.js";
export type { RawData, SendCallback, SessionSocket, SessionSocketEventMap, SocketPayload } from "./socket.js";

/** What sessions read of the second argument of a handler of `Deno.serve`. */
export interface ConnectionInfo {
  readonly remoteAddr: object;
}

/** The sessions of a server of Deno. */
export interface DenoSessions<In = unknown, Out = In> extends SessionsEmitter<In, Out, Request, SessionSocket> {
  /** Sessions that are used as sockets. */
  readonly clients: Set<SessionSocket>;
  /**
   * Upgrades the connection of a durable client: gives the response, or where `authenticate` is a promise, one of it; a
   * 503 where that takes longer than `handshakeTimeout`. Undefined for every other request, which is yours to answer.
   *
   * @param info the handler's second argument; without it sessions have no address, unless the option `address` says it
   */
  upgrade(request: Request, info?: ConnectionInfo): Response | Promise<Response> | undefined;
}

/**
 * Sessions for `Deno.serve`. The options are those of `tautline/server`; `protocols` without a list selects none.
 *
 * @throws TypeError that names the option, for options that can't be used
 * @example
 * ```ts
 * import { durable } from "tautline/server/deno";
 *
 * const sessions = durable({ allowOrigin: "https://example.com" });
 * sessions.on("session", async (session) => {
 *   for await (const message of session) await session.send(message);
 * });
 * Deno.serve((request, info) => sessions.upgrade(request, info) ?? new Response("hello"));
 * ```
 *
 * A client that never answers a close keeps its connection, though no session: Deno has nothing that cuts a WebSocket.
 * Where clients may mean harm, put a proxy in front that bounds the connections of an address.
 *
 * To end, `await sessions.shutdown()`, and then abort the `signal` of `Deno.serve`: its own `shutdown` can wait for ever for
 * a client that went away while it connected.
 */
export function durable<In extends string = string, Out extends string = In>(
  options: ServerOptions<In, Out, Request> & { codec: "text" },
): DenoSessions<In, Out>;
export function durable(
  options: ServerOptions<Bytes, BytesSource, Request> & { codec: "bytes" },
): DenoSessions<Bytes, BytesSource>;
export function durable<In, Out = In>(
  options: ServerOptions<In, Out, Request> & { codec: Codec<In, Out> },
): DenoSessions<In, Out>;
export function durable<In = unknown, Out = In>(options?: ServerOptions<In, Out, Request>): DenoSessions<In, Out>;
