// The entry `tautline/websocket`: the interface of the browser's WebSocket, over a socket that comes back.

import type { TautlineError } from "./errors.js";
import type { Options, Outbox, UrlSource } from "./options.js";
import type { CloseInfo, ListenerOptions } from "./socket.js";

export { TautlineError } from "./errors.js";
export type { ErrorCode } from "./errors.js";

/** What `send` takes, as the browser's class does. */
export type SocketData = string | ArrayBufferLike | ArrayBufferView | Blob;

/** As the options of `connect`, less the codec: the interface has its own conversions. */
export interface TautSocketOptions extends Omit<Options<unknown, SocketData>, "codec" | "protocols" | "outbox"> {
  /**
   * Delivers each message exactly once and in order, as the option of `connect`. The socket stays OPEN while its
   * session lives, so that code which knows nothing of coming back survives a cut; {@link TautSocket} says what that
   * means.
   *
   * @default false
   * @example
   * ```ts
   * const socket = new TautSocket("wss://example.com/orders", [], { durable: true });
   * ```
   */
  durable?: boolean;
  /**
   * It has no effect here: a socket ends with its session, as the interface has no way to tell of messages that nobody
   * knows the outcome of.
   */
  onSessionLost?: "return" | "resend";
  /**
   * Bounds of what `send` accepted and what is not yet handed to the browser, or where `durable`, not yet taken by the
   * other application. Past them `send` throws a QuotaExceededError, as there is no promise to wait for; with
   * `"drop-oldest"` the oldest messages make room instead (not with `durable`: a TypeError).
   *
   * @default { messages: 1024, bytes: 16 * 2 ** 20, overflow: "reject" }
   */
  outbox?: Omit<Outbox, "overflow"> & { overflow?: "reject" | "drop-oldest" };
}

// The platform's own where its types are there; else what they have in common.
type PlatformMessageEvent = typeof globalThis extends { MessageEvent: { prototype: infer E extends Event } }
  ? E
  : Event & { readonly data: any };
type PlatformCloseEvent = typeof globalThis extends { CloseEvent: { prototype: infer E extends Event } }
  ? E
  : Event & CloseInfo;

/** The events of a {@link TautSocket}, as those of the browser's class. */
export interface TautSocketEventMap {
  /** A connection is open: the first, and each one after a loss; where `durable`, the first alone. */
  open: Event;
  /** A message. `data` is a string, or a Blob or an ArrayBuffer, as `binaryType` says. */
  message: PlatformMessageEvent;
  /**
   * An attempt failed, or something is wrong with a connection: before its `close`. Here it may say what. Where
   * `durable`, none while the session lives.
   */
  error: Event & { readonly error?: TautlineError };
  /**
   * A connection is lost, or the socket closed for good; `readyState` tells which. Where `durable`, it is closed for
   * good.
   */
  close: PlatformCloseEvent;
}

/**
 * A WebSocket as the WHATWG describes it, which connects again by itself: for code that is written for the browser's
 * class, and for libraries that take such a class. It is assignable to `typeof WebSocket`.
 *
 * What differs from the browser's class because it comes back:
 *
 * - Each lost connection fires `close`, and `readyState` is CONNECTING again by then; each new connection fires
 *   `open` again. CLOSED is for good: after `close()`, or where coming back is given up.
 * - Each failed attempt fires `error`. `close` follows only where there is no other attempt.
 * - `send` before the first `open` throws an InvalidStateError, as in a browser. Later, while there is no connection,
 *   it queues, and the next connection sends it.
 * - `send` throws a QuotaExceededError where the outbox is full. A browser has no bound.
 * - `bufferedAmount` counts what waits for a connection, too: a text by its `length`.
 * - `close()` gives what is queued, and the server's answer, five seconds; an attempt has `connectTimeout`. A browser
 *   takes longer.
 * - `url`, `protocol` and `extensions` are those of the newest connection, and the URL may be a function (see
 *   `connect`).
 * - A page that is left closes its connection, and comes back when it is shown again: an open one would keep it out of
 *   the browser's cache of pages.
 *
 * And because it is a class of a page's own:
 *
 * - `isTrusted` of its events is false, an `error` event may have the property `error`, and promises that one listener
 *   resolves are heard after the last listener, not between two.
 * - It is no `instanceof WebSocket`.
 * - Where the page's `connect-src` forbids the server, `close` follows the `error` event after three seconds. Chromium's
 *   own class never fires it.
 *
 * With `reconnect: false` there is one connection and one `close`, as in a browser.
 *
 * With `durable: true`, against a server that speaks `tautline.v1`, the session stands where a connection stands in a
 * browser:
 *
 * - `open` fires once. While the session lives, `readyState` stays OPEN, however often the link breaks, and neither
 *   `close` nor `error` fires (but for a Blob that can't be read: code `encode`). `send` queues meanwhile.
 * - Each message is delivered exactly once and in order, both ways. A message counts as taken when its event is
 *   dispatched. Blobs are read before they are sent, and keep their place.
 * - `bufferedAmount` counts what the other application has not taken; a text by its bytes in UTF-8.
 * - `close()` waits, within its five seconds, until the other application has taken what was sent. Where the server ends
 *   the session, `close` has its code and reason.
 * - Where the server loses the session, `error` fires (its `error.code` is `session-lost`), then `close` with the code
 *   1006 and `wasClean` false: for good, as if a browser's connection broke. What had gone out may have arrived or not;
 *   a library that reconnects by itself makes a new socket, and does then what it does after any loss.
 *
 * A library that reconnects by itself and keeps state for each connection (graphql-ws, y-websocket) wants
 * `TautSocket.with({ durable: true })` where its server speaks `tautline.v1`, and otherwise
 * `TautSocket.with({ reconnect: false })`: over a class that reconnects silently, it would wait for answers that nobody
 * owes it.
 *
 * @example
 * ```ts
 * import TautSocket from "tautline/websocket";
 *
 * const socket = new TautSocket("wss://example.com/chat");
 * socket.onopen = () => socket.send("hello, world");
 * socket.onmessage = ({ data }) => console.log(data);
 *
 * createClient({ url, webSocketImpl: TautSocket.with({ reconnect: false }) }); // graphql-ws
 * createClient({ url, webSocketImpl: TautSocket.with({ durable: true }) }); // the same, over a session
 * ```
 */
export default class TautSocket extends EventTarget {
  /**
   * Begins to connect.
   *
   * @param url `ws:`, `wss:`, `http:`, `https:`, or relative to the page; or a function that is asked before every
   * attempt.
   * @param protocols subprotocols to offer, the most wanted first.
   * @param options as of `connect`; a browser's class has none.
   * @throws SyntaxError (a DOMException) for URLs and subprotocols, TypeError for options that can't be used.
   */
  constructor(url: UrlSource, protocols?: string | string[], options?: TautSocketOptions);

  /**
   * The same class, bound to options, for libraries that call `new Impl(url, protocols)`. Options that a call gives
   * itself win.
   *
   * @example
   * ```ts
   * new WebsocketProvider(url, room, doc, { WebSocketPolyfill: TautSocket.with({ reconnect: false }) }); // y-websocket
   * ```
   */
  static with(options: TautSocketOptions): typeof TautSocket;

  static readonly CONNECTING: 0;
  static readonly OPEN: 1;
  static readonly CLOSING: 2;
  static readonly CLOSED: 3;
  readonly CONNECTING: 0;
  readonly OPEN: 1;
  readonly CLOSING: 2;
  readonly CLOSED: 3;

  /** The absolute URL; "" until a function has given one. */
  readonly url: string;
  /** CONNECTING (0), OPEN (1), CLOSING (2) or CLOSED (3). CONNECTING again after a loss, unless `durable`. */
  readonly readyState: 0 | 1 | 2 | 3;
  /**
   * How much was accepted and has not left, as far as a page can know, in bytes; a text that waits counts its
   * `length`. Where `durable`, how much the other application has not taken; a text counts its bytes in UTF-8.
   */
  readonly bufferedAmount: number;
  /** The extensions that the server chose for the newest connection. */
  readonly extensions: string;
  /** The subprotocol that the server chose for the newest connection; where `durable`, for the session. */
  readonly protocol: string;
  /** How bytes arrive. @default "blob" */
  binaryType: "blob" | "arraybuffer";

  onopen: ((event: Event) => any) | null;
  onmessage: ((event: PlatformMessageEvent) => any) | null;
  onerror: ((event: TautSocketEventMap["error"]) => any) | null;
  onclose: ((event: PlatformCloseEvent) => any) | null;

  /**
   * Sends, or queues while there is no connection.
   *
   * @throws InvalidStateError before the first `open`; QuotaExceededError where the outbox is full (both
   * DOMExceptions).
   */
  send(data: SocketData): void;

  /**
   * Sends what is queued, then closes for good.
   *
   * @param code 1000, or 3000 to 4999; none unless given.
   * @param reason at most 123 bytes of UTF-8.
   * @throws InvalidAccessError for the code, SyntaxError for the reason (both DOMExceptions).
   */
  close(code?: number, reason?: string): void;

  addEventListener<K extends keyof TautSocketEventMap>(
    type: K,
    listener: ((this: TautSocket, event: TautSocketEventMap[K]) => any) | null,
    options?: boolean | ListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: ((event: Event) => void) | { handleEvent(event: Event): void } | null,
    options?: boolean | ListenerOptions,
  ): void;
  removeEventListener<K extends keyof TautSocketEventMap>(
    type: K,
    listener: ((this: TautSocket, event: TautSocketEventMap[K]) => any) | null,
    options?: boolean | { capture?: boolean },
  ): void;
  removeEventListener(
    type: string,
    listener: ((event: Event) => void) | { handleEvent(event: Event): void } | null,
    options?: boolean | { capture?: boolean },
  ): void;
}
