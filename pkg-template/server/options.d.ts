import type { IncomingMessage } from "node:http";
import type { Codec, CodecName } from "../options.js";

/** Bounds of what was sent and is not yet taken by the client's application; past them `send` waits. */
export interface ServerOutbox {
  /**
   * How many messages it holds.
   *
   * @default 4096
   */
  messages?: number;
  /**
   * How much it holds, all messages together, in bytes; a text counts its bytes in UTF-8. Also the largest message that
   * can be sent.
   *
   * @default 16 MiB (16 * 2 ** 20)
   */
  bytes?: number;
}

/**
 * What `authenticate` may answer: a string that is not empty is the principal, who the client is; `true` lets it in
 * without one. Everything else is a refusal.
 */
export type Principal = string | boolean | null | undefined;

/**
 * How the sessions of a server behave: names, meanings and defaults of the Rust server. All times are in milliseconds.
 * Whatever can't be used is a TypeError that names the option.
 *
 * @typeParam Request the request of an upgrade: Node's, or with Deno and Bun the platform's
 */
export interface ServerOptions<In = unknown, Out = In, Request = IncomingMessage> {
  /**
   * How messages travel: the same as at the client. `"json"`: everything that `JSON.stringify` takes. `"text"`: strings
   * as they are. `"bytes"`: ArrayBuffers and views out, Uint8Arrays in. Or a codec of your own. A session that is used
   * as a socket (`asSocket`) has strings and bytes as they are, and no codec.
   *
   * @default "json"
   * @example
   * ```ts
   * durable(wss, { codec: "text" }); // Session<string>
   * ```
   */
  codec?: CodecName<In, Out> | Codec<In, Out>;
  /**
   * How long a session outlives its connection, and how long its end is remembered. Raise it for longer outages; what
   * sessions without a connection hold is bounded by `maxDetachedBytes`.
   *
   * @default 120_000
   */
  resume?: number;
  /**
   * How long the server is silent at most, so that a client can tell a dead link; a client that was silent for twice
   * that is asked whether it is there. 0: as long as it likes, and nobody is asked.
   *
   * @default 15_000
   */
  heartbeat?: number;
  /**
   * How long a client has to answer that. Then its connection is closed with 1001, and the session waits for the next.
   *
   * @default 5_000
   */
  probe?: number;
  /**
   * How long a client has for its first frame. Then its connection is closed with 4408. Before that, `authenticate` has
   * as long for its answer.
   *
   * @default 5_000
   */
  handshakeTimeout?: number;
  /**
   * How long `close` waits until what was sent is taken.
   *
   * @default 5_000
   */
  closeTimeout?: number;
  /**
   * How much of a client's may have arrived and wait to be taken, in positions: a message takes up one, and one more for
   * each 4 KiB. The client waits then; one that doesn't is closed with 4400. Raise it for long round trips. At least 1.
   *
   * @default 1024
   */
  window?: number;
  /**
   * The largest message that is taken, in bytes. A larger one ends its session with 4413. At least 1; no more than fits
   * into a string, half a GiB with Node.
   *
   * @default 1 MiB (2 ** 20)
   */
  maxMessage?: number;
  /**
   * Bounds of what was sent to a client and is not yet taken by its application.
   *
   * @default { messages: 4096, bytes: 16 * 2 ** 20 }
   * @example
   * ```ts
   * durable(wss, { outbox: { messages: 100, bytes: 2 ** 20 } }); // slow clients hold up their senders sooner
   * ```
   */
  outbox?: ServerOutbox;
  /**
   * How many sessions there may be. One more is refused with 4429, unless one can go whose client never said anything
   * after it was greeted: the oldest of them then ends with 4429.
   *
   * @default 10_000
   */
  maxSessions?: number;
  /**
   * How many sessions an address may have; of IPv6, a network of 64 bits. One more is refused with 4429.
   *
   * @default Infinity
   */
  maxSessionsPerAddress?: number;
  /**
   * How many sessions a principal may have. One more is refused with 4429.
   *
   * @default Infinity
   */
  maxSessionsPerPrincipal?: number;
  /**
   * How much all sessions may hold, both ways, in bytes, until sending has to wait; 32 are added for each message. Past
   * that `send` waits where anything that was sent before is not taken, so that each session still gets on, one message
   * at a time. What clients send is not held back by it: that is bounded for each session, by `window`.
   *
   * @default 1 GiB (2 ** 30)
   */
  maxHeldBytes?: number;
  /**
   * How much sessions without a connection may hold, all together, in bytes; 32 are added for each message. Past that
   * one ends: of the principal, or else the address, that holds most with all of theirs, the one whose connection went
   * last.
   *
   * @default 256 MiB (2 ** 28)
   */
  maxDetachedBytes?: number;
  /**
   * Pages of which origins may connect, as a browser spells them, or a function that says which: by `true`, and at once.
   * An error, a promise and any other value but `false` refuse the page, and are told once by a warning of the process.
   * Clients that send no `Origin` are no pages, and always may. A page that may not is closed with 4401. A session can be
   * resumed from the origin that made it only, whatever this says.
   *
   * @default no page may; the first that is refused for that is a warning of the process
   * @example
   * ```ts
   * durable(wss, { allowOrigin: ["https://example.com", "https://www.example.com"] });
   * durable(wss, { allowOrigin: (origin) => origin.endsWith(".example.com") });
   * ```
   */
  allowOrigin?: string | readonly string[] | ((origin: string) => boolean);
  /**
   * The application's subprotocols. The first that a client wants and that is among them is `session.protocol`.
   *
   * @default with `ws`, what the server's own option `handleProtocols` says of those that the client offers, without it
   * the first of them, as with any of its sockets; with Deno and Bun, none
   */
  protocols?: readonly string[];
  /**
   * Who a client is, by the request of its upgrade. A string that is not empty is the principal: a session can be
   * resumed by the same one only, and has it in `peer`. `true` lets a client in without one. Anything else, an error and
   * a rejection refuse it: it is closed with 4401, asks for a fresh URL where it can, and tries once more. The first error
   * or rejection is a warning of the process, too. Asked for every connection, those that resume a session included. An
   * answer that takes longer than `handshakeTimeout` comes too late: the connection is cut, and the client comes back.
   * (With Bun, it is for its own `idleTimeout` to end that.)
   *
   * @default lets in everybody
   * @example
   * ```ts
   * durable(wss, {
   *   async authenticate(request) {
   *     const token = new URL(request.url ?? "/", "ws://localhost").searchParams.get("token");
   *     return (await userOf(token))?.id; // undefined: refused
   *   },
   * });
   * ```
   */
  authenticate?(request: Request): Principal | PromiseLike<Principal>;
  /**
   * The client's address, for `maxSessionsPerAddress` and `session.peer`. Behind a proxy, read the header that it sets;
   * without it, all clients have the proxy's. Anything but a string that is not empty: none, and no quota. An error, and a
   * promise, refuse the client with 4401; the first is a warning of the process.
   *
   * @default the other end of the connection
   * @example
   * ```ts
   * durable(wss, { address: (request) => request.headers["x-real-ip"]?.toString() });
   * ```
   */
  address?(request: Request): string | undefined;
}
