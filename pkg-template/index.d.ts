/** Where a socket stands: an attempt is under way; connected; until the next attempt; closed for good. */
export type State = "connecting" | "open" | "waiting" | "closed";

/** How a connection ended. `code` is 1006 where the link broke. */
export interface CloseInfo {
  code: number;
  reason: string;
  wasClean: boolean;
}

/** Turns messages into payloads and payloads into messages. What it throws becomes an `encode` or `decode` error. */
export interface Codec<In, Out = In> {
  encode(message: Out): string | Uint8Array;
  decode(data: string | Uint8Array): In;
}

/** What the URL provider is told. */
export interface Attempt {
  /** 1 for the first, one more for each. */
  number: number;
  /** How the last connection or attempt ended. */
  lastClose?: CloseInfo;
  /** Aborted when the answer is no longer wanted. */
  signal: AbortSignal;
}

export interface Options<In = unknown, Out = In> {
  /** Subprotocols to offer, the most wanted first. @default [] */
  protocols?: string | string[];
  /** How messages travel. @default "json" */
  codec?: "json" | "text" | "bytes" | Codec<In, Out>;
  /** Whether and when to connect again. Each delay is random between 0 and its longest. */
  reconnect?:
    | false
    | {
        /** The longest delay before the first retry, in ms. @default 250 */
        minDelay?: number;
        /** The longest delay of all, in ms. @default 30000 */
        maxDelay?: number;
        /** By how much the longest delay grows with each failure. @default 2 */
        factor?: number;
        /** Attempts in a row, the first included, without a connection that lasted `stableAfter`. @default Infinity */
        maxAttempts?: number;
        /** How long a connection must last before earlier failures are forgotten, in ms. @default 5000 */
        stableAfter?: number;
        /** Whether to come back after this end. @default unless 1002, 1007, 1009, or 3000 or 4401 twice */
        retry?: (close: CloseInfo) => boolean;
      };
  /** How long an attempt may take, in ms. @default 10000 */
  connectTimeout?: number;
  /** Notices a dead link: after `interval` ms of silence `message()` is sent, `timeout` ms later the link is dead. @default false */
  heartbeat?: false | { interval: number; timeout: number; message: () => Out };
  /** Bounds of what is accepted and not yet handed on. @default 1024 messages, 16 MiB, "wait" */
  outbox?: { messages?: number; bytes?: number; overflow?: "wait" | "reject" | "drop-oldest" };
  /** Bounds of what arrived and is not yet taken. @default 4096 messages, 64 MiB, "close" */
  inbox?: { messages?: number; bytes?: number; overflow?: "close" | "drop-oldest" };
  /** Ends the socket at once. */
  signal?: AbortSignal;
}

export interface Stats {
  state: State;
  attempts: number;
  reconnects: number;
  sent: number;
  received: number;
  outbox: { messages: number; bytes: number };
  inbox: { messages: number; bytes: number };
  unacknowledged: number;
  /** In ms; null on a plain WebSocket. */
  rtt: number | null;
  lastClose: CloseInfo | null;
}

export interface SocketEventMap<In = unknown, Out = In> {
  open: Event & { resumed: boolean };
  message: MessageEvent<In>;
  /** An open connection was lost and will be tried again; `retryIn` in ms, null while offline. */
  disconnect: Event & CloseInfo & { retryIn: number | null };
  statechange: Event & { state: State; previous: State; retryIn: number | null; cause?: TautlineError };
  error: Event & { error: TautlineError };
  /** Closed for good; `unacknowledged` are the messages that never went out. */
  close: Event & CloseInfo & { unacknowledged: Out[] };
}

export interface Socket<In = unknown, Out = In> extends EventTarget, AsyncIterable<In> {
  readonly state: State;
  /** Resolves when it is open for the first time; rejects where it closes for good before. */
  readonly opened: Promise<void>;
  /** Resolves when it is closed for good. Never rejects. */
  readonly closed: Promise<CloseInfo>;
  /** The subprotocol that the server chose. */
  readonly protocol: string;
  /** Resolves when accepted: that is the backpressure. */
  send(message: Out): Promise<void>;
  /** Resolves when everything accepted so far is handed to the browser. */
  flush(): Promise<void>;
  /** Sends what is queued, then ends. */
  close(code?: number, reason?: string, options?: { timeout?: number }): Promise<CloseInfo>;
  stats(): Stats;
  [Symbol.asyncIterator](): AsyncIterableIterator<In>;
  addEventListener<K extends keyof SocketEventMap>(
    type: K,
    listener: ((event: SocketEventMap<In, Out>[K]) => void) | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
}

export type ErrorCode =
  | "closed" | "aborted" | "overflow" | "decode" | "encode" | "too-big" | "url" | "timeout" | "attempts" | "refused"
  | "protocol" | "unauthorized" | "consumer" | "wasm";

export class TautlineError extends Error {
  readonly code: ErrorCode;
  /** What could not be encoded or decoded. */
  readonly data?: unknown;
}

/**
 * Connects, and keeps connected until closed. Returns at once.
 *
 * @param url `ws:`, `wss:`, `http:`, `https:` or relative to the page; or a function asked before every attempt.
 * @throws TypeError for options, SyntaxError (a DOMException) for URLs and subprotocols that can't be used.
 */
export function connect<In = unknown, Out = In>(
  url: string | URL | ((attempt: Attempt) => string | URL | Promise<string | URL>),
  options?: Options<In, Out>,
): Socket<In, Out>;
