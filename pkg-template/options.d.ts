import type { CloseInfo } from "./socket.js";

/** A message as bytes: what the codec `bytes` gives, and what a codec of your own may be given. */
export type Bytes = ReturnType<Uint8ArrayConstructor["of"]>;

/**
 * What the codec `bytes` sends: an ArrayBuffer, or what it is seen through (a typed array, a DataView, a Node
 * Buffer).
 */
export type BytesSource = ArrayBuffer | ArrayBufferView;

/**
 * Turns messages into payloads and payloads into messages. A string travels as a text frame, bytes as a binary one.
 * What it throws becomes an error with the code `encode` or `decode`.
 *
 * @example
 * ```ts
 * import { decode, encode } from "@msgpack/msgpack";
 *
 * const msgpack: Codec<Incoming, Outgoing> = {
 *   encode: (message) => encode(message),
 *   decode: (data) => decode(data as Uint8Array) as Incoming,
 * };
 * const socket = connect("wss://example.com/", { codec: msgpack }); // Socket<Incoming, Outgoing>
 * ```
 */
export interface Codec<In, Out = In> {
  /** Called once for each message, when it is sent. */
  encode(message: Out): string | Uint8Array;
  /** Called once for each message, when it is taken, with a string from a text frame and bytes from a binary one. */
  decode(data: string | Bytes): In;
}

/**
 * The codecs that come with the package and can carry these types: `"json"` everything, `"text"` strings, `"bytes"`
 * bytes. Types that are `unknown` or `any` promise nothing, so all of them fit.
 */
export type CodecName<In = unknown, Out = In> =
  | "json"
  | (Carries<In, Out, string, string> extends true ? "text" : never)
  | (Carries<In, Out, Bytes, BytesSource> extends true ? "bytes" : never);

type Carries<In, Out, Arrives, Sends> = [Arrives] extends [In]
  ? unknown extends Out
    ? true
    : [Out] extends [Sends]
      ? true
      : false
  : [In, Out] extends [Arrives, Sends]
    ? true
    : false;

/** What the URL provider is told about the attempt that it gives the URL for. */
export interface Attempt {
  /** 1 for the first, one more for each. */
  readonly number: number;
  /** How the last connection, or attempt to make one, ended; undefined before the first did. */
  readonly lastClose?: CloseInfo;
  /** Aborted when the answer is no longer wanted: the attempt took too long, or the socket is closed. */
  readonly signal: AbortSignal;
}

/**
 * Where to connect to: `ws:` or `wss:`, or `http:` or `https:`, which mean the same, or relative to the page; or a
 * function that is asked before every attempt, for a fresh token, say. A function that throws or rejects is a failed
 * attempt (an `error` event, code `url`), and the next attempt asks again.
 *
 * @example
 * ```ts
 * connect(async ({ signal }) => {
 *   const { token } = await (await fetch("/token", { signal })).json();
 *   return `wss://example.com/chat?token=${token}`;
 * });
 * ```
 */
export type UrlSource = string | URL | ((attempt: Attempt) => string | URL | PromiseLike<string | URL>);

/**
 * When to connect again. Delays are random between 0 and their longest ("full jitter"), so that clients don't return
 * at once.
 */
export interface Reconnect {
  /**
   * The longest delay before the first retry, in milliseconds. Raise it where a thousand clients lose their server at
   * the same moment; lower it in tests.
   *
   * @default 250
   */
  minDelay?: number;
  /**
   * The longest delay of all, in milliseconds. Lower it where people wait for the connection and the server can bear
   * it.
   *
   * @default 30_000
   */
  maxDelay?: number;
  /**
   * By how much the longest delay grows with each failure; at least 1, which is a constant delay.
   *
   * @default 2
   */
  factor?: number;
  /**
   * How many attempts in a row, the first included, may pass without a connection that lasted `stableAfter`. Then the
   * socket is closed for good, with the code `attempts`. Set it where somebody should be told rather than wait.
   *
   * @default Infinity
   */
  maxAttempts?: number;
  /**
   * How long a connection must last before the failures before it are forgotten, in milliseconds. Raise it where a
   * server accepts connections and then drops them: without it, each would begin at `minDelay` again.
   *
   * @default 5_000
   */
  stableAfter?: number;
  /**
   * Whether to come back after this end; asked for every end of a connection or an attempt that the browser reports.
   * Set it where the server has close codes of its own that are final.
   *
   * @default comes back, except after 1002, 1007 and 1009 (the same bytes would fail again), and after 3000 or 4401
   * (not authorised) twice in a row
   * @example
   * ```ts
   * connect(url, { reconnect: { retry: ({ code }) => code !== 4000 } });
   * ```
   */
  retry?(close: CloseInfo): boolean;
}

/** A message of the application's own that the server answers; whatever arrives counts as an answer. */
export interface Heartbeat<Out = unknown> {
  /** After how many milliseconds without a message from the server the heartbeat goes out. */
  interval: number;
  /** After how many more milliseconds without one the link is dead. */
  timeout: number;
  /** The heartbeat's message, encoded as any other. */
  message(): Out;
}

/** Bounds of the outbox: what `send` accepted and what is not yet handed to the browser. */
export interface Outbox {
  /**
   * How many messages it holds. Raise it where many short ones may wait for a link that is down.
   *
   * @default 1024
   */
  messages?: number;
  /**
   * How much it holds, all messages together, in bytes; a text counts its `length`. Also the largest message there
   * can be.
   *
   * @default 16 MiB (16 * 2 ** 20)
   */
  bytes?: number;
  /**
   * What happens to a message that does not fit. `"wait"`: `send` resolves once there is room, which is the
   * backpressure; as many again may wait, past that `send` rejects with the code `overflow`. `"reject"`: `send`
   * rejects with `overflow`. `"drop-oldest"`: the oldest messages make room, for what is only worth something while
   * it is new.
   *
   * @default "wait"
   */
  overflow?: "wait" | "reject" | "drop-oldest";
}

/** Bounds of the inbox: what arrived and is not yet taken by the application. */
export interface Inbox {
  /**
   * How many messages it holds. Raise it where bursts are larger than this and the application catches up.
   *
   * @default 4096
   */
  messages?: number;
  /**
   * How much it holds, all messages together, in bytes; a text counts its `length`.
   *
   * @default 64 MiB (64 * 2 ** 20)
   */
  bytes?: number;
  /**
   * What happens when more arrives, as a browser can't tell a server to slow down. `"close"`: the socket closes for
   * good, with the code `overflow`, so that nothing is lost silently. `"drop-oldest"`: the oldest make room.
   *
   * @default "close"
   */
  overflow?: "close" | "drop-oldest";
}

/** How a socket behaves. Whatever can't be used is a TypeError that names the option, before anything connects. */
export interface Options<In = unknown, Out = In> {
  /**
   * Subprotocols to offer to the server, the most wanted first; `socket.protocol` is the one it chose.
   *
   * @default []
   */
  protocols?: string | readonly string[];
  /**
   * How messages travel. `"json"`: everything that `JSON.stringify` takes. `"text"`: strings as they are. `"bytes"`:
   * ArrayBuffers and views out, Uint8Arrays in. Or a codec of your own.
   *
   * @default "json"
   * @example
   * ```ts
   * connect("/log", { codec: "text" }); // Socket<string>
   * connect("/file", { codec: "bytes" }); // Socket<Uint8Array, ArrayBuffer | ArrayBufferView>
   * ```
   */
  codec?: CodecName<In, Out> | Codec<In, Out>;
  /**
   * Exactly once, in order, across lost connections, against a server that speaks `tautline.v1`. **This version takes
   * `false` alone**: `true` is a TypeError until durable sessions are there. Without it, a message is delivered at
   * most once: what the browser held when a link died may be lost.
   *
   * @default false
   */
  durable?: false;
  /**
   * What becomes of messages with an unknown outcome when the server has lost a durable session. `"return"`: the
   * `sessionlost` event carries them. `"resend"`: they are sent again, so at least once. It has no effect without
   * `durable`, and so none in this version.
   *
   * @default "return"
   */
  onSessionLost?: "return" | "resend";
  /**
   * Whether and when to connect again. `false`: one attempt and one connection, then closed for good.
   *
   * @default { minDelay: 250, maxDelay: 30_000, factor: 2, maxAttempts: Infinity, stableAfter: 5_000 }
   * @example
   * ```ts
   * connect(url, { reconnect: { maxDelay: 5_000, maxAttempts: 10 } });
   * ```
   */
  reconnect?: false | Reconnect;
  /**
   * How long an attempt may take, in milliseconds, asking for its URL included. Raise it for slow networks and
   * servers that wake up first.
   *
   * @default 10_000
   */
  connectTimeout?: number;
  /**
   * Notices a dead link that the browser still calls open. Set it where the server answers some message and a silent
   * loss would go unnoticed for too long; without it, only the browser and its network say when a link is gone.
   *
   * @default false
   * @example
   * ```ts
   * connect(url, { heartbeat: { interval: 20_000, timeout: 5_000, message: () => ({ type: "ping" }) } });
   * ```
   */
  heartbeat?: false | Heartbeat<NoInfer<Out>>;
  /**
   * Bounds of what is accepted and not yet handed to the browser, and what happens past them.
   *
   * @default { messages: 1024, bytes: 16 * 2 ** 20, overflow: "wait" }
   * @example
   * ```ts
   * connect("/cursor", { outbox: { messages: 1, overflow: "drop-oldest" } }); // only the newest position matters
   * ```
   */
  outbox?: Outbox;
  /**
   * Bounds of what arrived and is not yet taken, and what happens past them.
   *
   * @default { messages: 4096, bytes: 64 * 2 ** 20, overflow: "close" }
   */
  inbox?: Inbox;
  /**
   * Ends the socket at once when it aborts: nothing more is sent. `close` is the way that sends what is queued first.
   *
   * @default none
   */
  signal?: AbortSignal;
}
