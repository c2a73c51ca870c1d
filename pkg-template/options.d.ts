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
   * it. Where `durable`, and as long as the server keeps the session, a delay is never longer than a sixth of that
   * time: 20 seconds, unless the server is told otherwise.
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
   * server accepts connections and then drops them: without it, each would begin at `minDelay` again. A durable session
   * that goes on forgets them, too, as soon as it gets on: a message is taken, or a new one arrives.
   *
   * @default 5_000
   */
  stableAfter?: number;
  /**
   * Whether to come back after this end; asked for every end of a connection or an attempt that the browser reports.
   * Set it where the server has close codes of its own that are final. With 4400, 4409 and 4413 a durable session has
   * ended, whatever this says.
   *
   * @default comes back, except after 1002, 1007 and 1009 (the same bytes would fail again), after 3000 or 4401 (not
   * authorised) twice in a row, and where `durable`, after 4400, 4409 and 4413
   * @example
   * ```ts
   * connect(url, { reconnect: { retry: ({ code }) => code !== 4000 } });
   * ```
   */
  retry?(close: CloseInfo): boolean;
}

/**
 * A message of the application's own that the server answers, or where `durable`, a PING of the protocol's; whatever
 * arrives counts as an answer.
 */
export interface Heartbeat<Out = unknown> {
  /** After how many milliseconds without a word from the server the heartbeat goes out. */
  interval: number;
  /** After how many more milliseconds without one the link is dead. */
  timeout: number;
  /**
   * The heartbeat's message, encoded as any other. It may be left out where `durable`, and is not asked for there;
   * otherwise it must be there.
   */
  message?(): Out;
}

/**
 * Bounds of the outbox: what `send` accepted and what is not yet handed to the browser, or where `durable`, not yet
 * taken by the other application.
 */
export interface Outbox {
  /**
   * How many messages it holds. Raise it where many short ones may wait for a link that is down, or where `durable`,
   * where more of them are to be under way at a time.
   *
   * @default 1024
   */
  messages?: number;
  /**
   * How much it holds, all messages together, in bytes; a text counts its `length`, and where `durable`, its bytes in
   * UTF-8. Also the largest message there can be; a durable session's server may take less.
   *
   * @default 16 MiB (16 * 2 ** 20)
   */
  bytes?: number;
  /**
   * What happens to a message that does not fit. `"wait"`: `send` resolves once there is room, which is the
   * backpressure; as many again may wait, past that `send` rejects with the code `overflow`. `"reject"`: `send`
   * rejects with `overflow`. `"drop-oldest"`: the oldest messages make room, for what is only worth something while
   * it is new; not with `durable`, which drops nothing (a TypeError).
   *
   * @default "wait"
   */
  overflow?: "wait" | "reject" | "drop-oldest";
}

/**
 * Bounds of the inbox: what arrived and is not yet taken by the application. Where `durable` they make the window,
 * which the other end keeps to: `min(messages, bytes / 4096)` places, of which a message takes one, and another one for
 * every 4,096 bytes that it has.
 */
export interface Inbox {
  /**
   * How many messages it holds. Raise it where bursts are larger than this and the application catches up, or where
   * `durable`, where the server is to have more of them under way at a time.
   *
   * @default 4096
   */
  messages?: number;
  /**
   * How much it holds, all messages together, in bytes; a text counts its `length`, and where `durable`, its bytes in
   * UTF-8. There it is also the largest message that the server may send.
   *
   * @default 64 MiB (64 * 2 ** 20)
   */
  bytes?: number;
  /**
   * What happens when more arrives, as a browser can't tell a server to slow down. `"close"`: the socket closes for
   * good, with the code `overflow`, so that nothing is lost silently. `"drop-oldest"`: the oldest make room. It has no
   * effect with `durable`, where never more arrives.
   *
   * @default "close"
   */
  overflow?: "close" | "drop-oldest";
}

/** How a socket behaves. Whatever can't be used is a TypeError that names the option, before anything connects. */
export interface Options<In = unknown, Out = In> {
  /**
   * Subprotocols to offer to the server, the most wanted first; `socket.protocol` is the one it chose. At most 32 where
   * `durable`: they travel in the session's first message then, as the handshake offers `tautline.v1` alone.
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
   * Delivers each message exactly once and in order, both ways, across lost connections, by a session with a server
   * that speaks `tautline.v1`: `tautline/server`, the crate's for Rust, or one written from the PROTOCOL.md here. What
   * `send` accepted is kept until the application at the other end has taken it, a slow one slows the writer down, and
   * many small messages share a frame. That holds while the server keeps the session, which outlives a connection by
   * two minutes, unless it is told otherwise; if it is lost, `sessionlost` says so. Any other server is an error, code
   * `unsupported`. Without it, a message is delivered at most once: what the browser held when a link died may be lost.
   *
   * @default false
   * @example
   * ```ts
   * const socket = connect("wss://example.com/orders", { durable: true });
   * await socket.send(message); // accepted: it arrives once, or you are told
   * await socket.flush(); // the server's application has taken it
   * ```
   */
  durable?: boolean;
  /**
   * What becomes of messages that had gone out when the server has lost a durable session, so that nobody knows whether
   * they arrived. `"return"`: the `sessionlost` event carries them. `"resend"`: they are sent again before all others,
   * so at least once, for what may come twice but must not be missing; they are returned nevertheless where the server
   * refused the credentials since the session was last up (4401), as it may be somebody else who is logged in now.
   * Messages that never went out go out in the new session, either way. It has no effect without `durable`.
   *
   * @default "return"
   * @example
   * ```ts
   * connect("/measurements", { durable: true, onSessionLost: "resend" });
   * ```
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
   * How long an attempt may take, in milliseconds, asking for its URL included, and where `durable`, agreeing on the
   * session. Raise it for slow networks and servers that wake up first.
   *
   * @default 10_000
   */
  connectTimeout?: number;
  /**
   * Notices a dead link that the browser still calls open. Set it where the server answers some message and a silent
   * loss would go unnoticed for too long; without it, only the browser and its network say when a link is gone.
   *
   * A durable socket needs none: its server says how long it is silent at most (15 seconds, unless it is told
   * otherwise), and after twice that a PING goes out, which has five seconds for its answer. Set it there where that is
   * too long; or to `false`, which trusts the browser.
   *
   * @default false; where `durable`, the server's
   * @example
   * ```ts
   * connect(url, { heartbeat: { interval: 20_000, timeout: 5_000, message: () => ({ type: "ping" }) } });
   * connect(url, { durable: true, heartbeat: { interval: 5_000, timeout: 2_000 } });
   * ```
   */
  heartbeat?: false | Heartbeat<NoInfer<Out>>;
  /**
   * Bounds of what is accepted and not yet handed to the browser, or where `durable`, not yet taken by the other
   * application; and what happens past them.
   *
   * @default { messages: 1024, bytes: 16 * 2 ** 20, overflow: "wait" }
   * @example
   * ```ts
   * connect("/cursor", { outbox: { messages: 1, overflow: "drop-oldest" } }); // only the newest position matters
   * ```
   */
  outbox?: Outbox;
  /**
   * Bounds of what arrived and is not yet taken, and what happens past them. Where `durable` nothing ever is past them:
   * the other end waits.
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
