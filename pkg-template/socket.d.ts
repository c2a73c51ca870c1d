/// <reference lib="esnext.disposable" />
import type { TautlineError } from "./errors.js";
import type { Bytes, BytesSource, Codec, Options, UrlSource } from "./options.js";

/**
 * Where a socket stands. `connecting`: an attempt is under way. `open`: connected, and where `durable`, agreed on the
 * session. `waiting`: not connected, until the next attempt. `closed`: for good.
 */
export type State = "connecting" | "open" | "waiting" | "closed";

/** How a connection ended. */
export interface CloseInfo {
  /**
   * The close code: what the server sent, what `close` was given, or 1006 where the link broke or never came to be.
   */
  readonly code: number;
  /** The words that came with the code; "" where there were none. */
  readonly reason: string;
  /** Whether both sides said that this is the end. */
  readonly wasClean: boolean;
}

/** Figures about a socket, from its start to now; after its end, as they were then. */
export interface Stats {
  readonly state: State;
  /** Attempts to connect, all together. */
  readonly attempts: number;
  /** Connections opened after the first one. */
  readonly reconnects: number;
  /** Messages handed to the browser. One that goes out again, as a durable session goes on, counts once. */
  readonly sent: number;
  /** Messages that arrived. One that arrives again, as a durable session goes on, counts once. */
  readonly received: number;
  /**
   * Accepted by `send` and not yet handed to the browser; where `durable`, not yet taken by the other application.
   * `bytes` counts a text's `length`, and where `durable`, its bytes in UTF-8.
   */
  readonly outbox: { readonly messages: number; readonly bytes: number };
  /** Arrived and not yet taken by the application; `bytes` as in `outbox`. */
  readonly inbox: { readonly messages: number; readonly bytes: number };
  /**
   * Messages of the outbox that went out and are not known to be taken by the other application; 0 without `durable`.
   */
  readonly unacknowledged: number;
  /**
   * How many milliseconds the server took for its last answer to a greeting or a PING; null without `durable`, as a
   * plain WebSocket has none to tell, and before the first.
   */
  readonly rtt: number | null;
  /** How the last connection, or attempt to make one, ended; null before the first did. */
  readonly lastClose: CloseInfo | null;
}

/** Fired each time a connection is open: the first, and each one after a loss. */
export interface OpenEvent extends Event {
  /**
   * Whether a durable session goes on where it was. False where one begins, be it in place of one that was lost, and
   * always without `durable`.
   */
  readonly resumed: boolean;
}

/** Fired for each message, in order, once there is a listener; until then messages wait in the inbox. */
export interface SocketMessageEvent<In = unknown> extends Event {
  /** The message, decoded. */
  readonly data: In;
}

/**
 * Fired once for each *open* connection that is lost and will be tried again, whether or not a durable session outlives
 * it. The last one fires only `close`.
 */
export interface DisconnectEvent extends Event, CloseInfo {
  /** In how many milliseconds the next attempt begins; null while the page is offline or put aside: nobody knows. */
  readonly retryIn: number | null;
}

/**
 * Fired each time `state` changes, failed attempts included, and when `waiting` gets another end: the page came
 * online, or became visible.
 */
export interface StateChangeEvent extends Event {
  readonly state: State;
  /** The state before; `waiting` again where only `retryIn` is new. */
  readonly previous: State;
  /**
   * In how many milliseconds the next attempt begins; null in other states, and while the page is offline or put
   * aside.
   */
  readonly retryIn: number | null;
  /** Why it is `waiting` or `closed`; undefined where nothing failed. */
  readonly cause: TautlineError | undefined;
}

/**
 * Fired when the server has lost a durable session (an outage was longer than it keeps one, or it was restarted), right
 * before the `open` of the one that begins in its place. What never went out goes out in that one.
 *
 * @example
 * ```ts
 * socket.addEventListener("sessionlost", ({ unacknowledged }) => {
 *   console.warn(`of ${unacknowledged.length} messages nobody knows whether they arrived`);
 * });
 * ```
 */
export interface SessionLostEvent<Out = unknown> extends Event {
  /**
   * The messages that had gone out, and of which nobody knows whether they arrived, the oldest first, as `codec.decode`
   * reads them; one that it can't read is there as its payload. Empty where they are sent again.
   */
  readonly unacknowledged: Out[];
  /** How many are sent again, as `onSessionLost: "resend"` asks for; 0 where they are in `unacknowledged`. */
  readonly resent: number;
}

/**
 * Fired for what no promise of yours tells: a message that can't be decoded, a heartbeat's that can't be encoded, a
 * URL provider that failed; and, right before `close`, why the socket closed for good, unless it was `close` or the
 * policy.
 */
export interface SocketErrorEvent extends Event {
  readonly error: TautlineError;
}

/** Fired once, when the socket is closed for good; nothing comes after it. */
export interface SocketCloseEvent<Out = unknown> extends Event, CloseInfo {
  /**
   * The messages that were accepted and never went out, and where `durable`, those that did and are not known to be
   * taken; the oldest first, as `codec.decode` reads them. One that it can't read is there as its payload.
   */
  readonly unacknowledged: Out[];
}

/** The events of a socket, by name; each type says when it fires. */
export interface SocketEventMap<In = unknown, Out = In> {
  open: OpenEvent;
  message: SocketMessageEvent<In>;
  disconnect: DisconnectEvent;
  statechange: StateChangeEvent;
  sessionlost: SessionLostEvent<Out>;
  error: SocketErrorEvent;
  close: SocketCloseEvent<Out>;
}

/**
 * A function that is given the event, or an object with a method `handleEvent` that is. One that is written for the platform's
 * `MessageEvent` is as good: methods are compared both ways.
 */
export type Listener<E> = { handleEvent(event: E): void }["handleEvent"] | { handleEvent(event: E): void };

/** As of every EventTarget. */
export interface ListenerOptions {
  capture?: boolean;
  once?: boolean;
  passive?: boolean;
  signal?: AbortSignal;
}

/**
 * A connection that comes back. `In` is what arrives, `Out` what is sent.
 *
 * One consumer takes the messages: `for await`, `readable` of `tautline/streams`, or `message` listeners. A second
 * kind is an error with the code `consumer`. Until there is one, they wait in the inbox.
 */
export interface Socket<In = unknown, Out = In> extends EventTarget, AsyncIterable<In>, AsyncDisposable {
  /** Where it stands now. */
  readonly state: State;
  /**
   * Resolves when it is open for the first time. Rejects with a {@link TautlineError} where it closes for good
   * before; a rejection that nobody awaits is no unhandled one.
   */
  readonly opened: Promise<void>;
  /** Resolves when it is closed for good. Never rejects. */
  readonly closed: Promise<CloseInfo>;
  /** The subprotocol that the server chose; "" before, and where it chose none. */
  readonly protocol: string;

  /**
   * Sends a message, or keeps it until there is a connection. Resolves when it is accepted, which while there is room
   * is at once: awaiting it is the backpressure. Bytes are the socket's own from then on, so their memory may be used
   * again. A message that is alone goes to the browser at once, those that follow others closely when the turn of the event loop
   * ends. Where `durable`, the other application gets it exactly once, or `sessionlost` or `close` has it.
   *
   * Rejects with a {@link TautlineError}: `encode`, `overflow`, `too-big` or `closed`.
   *
   * @example
   * ```ts
   * for (const row of rows) await socket.send(row); // no faster than the outbox empties
   * ```
   */
  send(message: Out): Promise<void>;

  /**
   * Resolves when everything accepted so far, and what waits to be, is handed to the browser; where `durable`, when the
   * other application has taken it. (Whether it has acted on it, only that application can say.)
   *
   * Rejects with a {@link TautlineError}: `closed` where it closes before; `session-lost` where messages that it waits
   * for come back in a `sessionlost` event.
   *
   * @example
   * ```ts
   * await socket.send(message);
   * await socket.flush(); // with `durable: true`: taken at the other end
   * ```
   */
  flush(): Promise<void>;

  /**
   * Sends what is queued, then ends, and resolves when it is closed for good: the same promise as `closed`.
   *
   * Where `durable`, it waits until the other application has taken all of it, and then ends the session. A page that
   * is left for good ends its session at once; one that the browser keeps (the back/forward cache) resumes it when it
   * is shown again.
   *
   * Rejects with a TypeError where a browser would not close with these.
   *
   * @param code 1000, or 3000 to 4999. @default 1000
   * @param reason at most 123 bytes of UTF-8. @default ""
   * @param options `timeout`: how many milliseconds it may take; then it ends at once, and the `close` event has what
   * was left. @default { timeout: 5_000 }
   */
  close(code?: number, reason?: string, options?: { timeout?: number }): Promise<CloseInfo>;

  /** Figures, for a status line or a log. */
  stats(): Stats;

  /**
   * The messages, from the oldest that nobody has taken. Ends when the socket is closed for good. Leaving the loop
   * leaves the socket open, and another may begin. Throws with the code `consumer` where messages go elsewhere.
   *
   * @example
   * ```ts
   * for await (const message of socket) {
   *   if (message.type === "ready") break;
   * }
   * ```
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<In>;

  /**
   * Closes it, as `close()`.
   *
   * @example
   * ```ts
   * await using socket = connect("/chat"); // closed at the end of the block
   * ```
   */
  [Symbol.asyncDispose](): Promise<void>;

  addEventListener<K extends keyof SocketEventMap>(
    type: K,
    listener: Listener<SocketEventMap<In, Out>[K]> | null,
    options?: boolean | ListenerOptions,
  ): void;
  addEventListener(type: string, listener: Listener<Event> | null, options?: boolean | ListenerOptions): void;
  removeEventListener<K extends keyof SocketEventMap>(
    type: K,
    listener: Listener<SocketEventMap<In, Out>[K]> | null,
    options?: boolean | { capture?: boolean },
  ): void;
  removeEventListener(type: string, listener: Listener<Event> | null, options?: boolean | { capture?: boolean }): void;
}

/**
 * Connects, and keeps connected until it is closed. Returns at once; what only shows later is an `error` event, and
 * rejects `opened`.
 *
 * @typeParam In what arrives, `unknown` unless you say so or the codec does
 * @typeParam Out what is sent, the same as `In` unless you say so or the codec does
 * @throws TypeError that names the option, for options that can't be used; SyntaxError (a DOMException) for URLs and
 * subprotocols
 * @example
 * ```ts
 * type Chat = { from: string; text: string };
 *
 * const socket = connect<Chat>("wss://example.com/chat");
 * await socket.send({ from: "me", text: "hello, world" });
 * for await (const message of socket) console.log(message.text);
 * ```
 */
export function connect<In extends string = string, Out extends string = In>(
  url: UrlSource,
  options: Options<In, Out> & { codec: "text" },
): Socket<In, Out>;
export function connect(
  url: UrlSource,
  options: Options<Bytes, BytesSource> & { codec: "bytes" },
): Socket<Bytes, BytesSource>;
export function connect<In, Out = In>(
  url: UrlSource,
  options: Options<In, Out> & { codec: Codec<In, Out> },
): Socket<In, Out>;
export function connect<In = unknown, Out = In>(url: UrlSource, options?: Options<In, Out>): Socket<In, Out>;
