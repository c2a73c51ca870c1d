// The entry `tautline/server/bun`: durable sessions on the server of Bun.

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

/** What sessions need of the server of `Bun.serve`, the second argument of `fetch`. */
export interface UpgradingServer {
  upgrade(request: Request, options: { data: any; headers?: any }): boolean;
  requestIP(request: Request): { readonly address: string } | null;
}

/** Handlers for the sockets of plain clients, as `Bun.serve` takes them; and options for all sockets. */
export interface BunHandlers {
  open?(socket: any): unknown;
  message?(socket: any, message: any): unknown;
  close?(socket: any, code: number, reason: string): unknown;
  drain?(socket: any): unknown;
  ping?(socket: any, data: any): unknown;
  pong?(socket: any, data: any): unknown;
  /**
   * The largest frame, in bytes. What sessions need, the option `maxMessage` and 64 KiB more, is the least.
   *
   * @default what sessions need
   */
  maxPayloadLength?: number;
  /**
   * How much a connection may hold before what is sent is thrown away, in bytes. 16 MiB is the least.
   *
   * @default 16 MiB
   */
  backpressureLimit?: number;
  /** Any other option of Bun's, as it is. */
  [option: string]: unknown;
}

/** What `Bun.serve` takes as `websocket`. */
export interface BunWebSocket {
  open(socket: any): void;
  message(socket: any, message: any): void;
  close(socket: any, code: number, reason: string): void;
  drain(socket: any): void;
  ping(socket: any, data: any): void;
  pong(socket: any, data: any): void;
  readonly maxPayloadLength: number;
  readonly perMessageDeflate: false;
}

/** The sessions of a server of Bun. */
export interface BunSessions<In = unknown, Out = In> extends SessionsEmitter<In, Out, Request, SessionSocket> {
  /** Sessions that are used as sockets. */
  readonly clients: Set<SessionSocket>;
  /**
   * Upgrades the connection of a durable client: whether it did, or where `authenticate` is a promise, one of it. False
   * at once for every other request, which is yours to answer.
   */
  upgrade(request: Request, server: UpgradingServer): boolean | Promise<boolean>;
  /** The handlers for `Bun.serve`, where there are no plain clients. */
  readonly websocket: BunWebSocket;
  /**
   * The handlers for `Bun.serve`, with your own for plain clients, which you upgrade yourself.
   *
   * @example
   * ```ts
   * Bun.serve({
   *   async fetch(request, server) {
   *     if ((await sessions.upgrade(request, server)) || server.upgrade(request)) return;
   *     return new Response("hello");
   *   },
   *   websocket: sessions.websocketWith({ message: (socket, message) => socket.send(message) }),
   * });
   * ```
   */
  websocketWith(handlers: BunHandlers): BunWebSocket;
}

/**
 * Sessions for `Bun.serve`. The options are those of `tautline/server`; `protocols` without a list selects none.
 *
 * @throws TypeError that names the option, for options that can't be used
 * @example
 * ```ts
 * import { durable } from "tautline/server/bun";
 *
 * const sessions = durable({ allowOrigin: "https://example.com" });
 * sessions.on("session", async (session) => {
 *   for await (const message of session) await session.send(message);
 * });
 * Bun.serve({
 *   fetch: (request, server) => (sessions.upgrade(request, server) ? undefined : new Response("hello")),
 *   websocket: sessions.websocket,
 * });
 * ```
 */
export function durable<In extends string = string, Out extends string = In>(
  options: ServerOptions<In, Out, Request> & { codec: "text" },
): BunSessions<In, Out>;
export function durable(
  options: ServerOptions<Bytes, BytesSource, Request> & { codec: "bytes" },
): BunSessions<Bytes, BytesSource>;
export function durable<In, Out = In>(
  options: ServerOptions<In, Out, Request> & { codec: Codec<In, Out> },
): BunSessions<In, Out>;
export function durable<In = unknown, Out = In>(options?: ServerOptions<In, Out, Request>): BunSessions<In, Out>;
