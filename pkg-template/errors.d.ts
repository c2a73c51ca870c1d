/**
 * Why something failed, for programs; the error's `message` says it in words, with what to do.
 *
 * Where each shows: **send**: `send` rejects with it. **link**: it is why the state is `waiting` or `closed`, the
 * `cause` of `statechange`; where that is final, it comes as an `error` event, too, and `opened` rejects with it if
 * it never was open. **event**: it comes as an `error` event, and the socket goes on. **throws**: the call throws it.
 */
export type ErrorCode =
  /**
   * The socket is closing or closed, and takes no more messages (send; `flush` and `writable`, too). Or the
   * connection ended and the policy says not to come back, or the page is offline, left or put aside by the browser
   * (link, but never an `error` event: `close` says it).
   */
  | "closed"
  /** The application ended the socket at once, through `signal` (link). */
  | "aborted"
  /**
   * The outbox is full, and so is the room for sends that wait (send): await `send`, or raise the bounds of `outbox`.
   * Or more arrived than `inbox` holds, and the socket closed (link): take messages faster, raise the bounds, or let
   * it drop the oldest. That never happens where `durable`: the other end waits.
   */
  | "overflow"
  /** A message that arrived can't be decoded (event, with `data` and `cause`). It counts as taken. */
  | "decode"
  /**
   * A message can't be encoded (send, with `data` and `cause`), or that of a heartbeat can't (event; without it, a link
   * that stays silent is taken for dead).
   */
  | "encode"
  /**
   * A message is larger than the whole outbox may be, or where `durable`, than the server has said that it takes
   * (send): split it, or raise `outbox.bytes` or the server's bound. Or one turned out to be too large only later,
   * close code 1009, or 4413 of a durable session; the same would happen again, so that is final (link).
   */
  | "too-big"
  /** The URL provider threw, rejected or gave a URL that can't be used (event, link). The next attempt asks again. */
  | "url"
  /**
   * No connection within `connectTimeout`, or where `durable`, no session; or no answer to a heartbeat: the link is
   * dead (link).
   */
  | "timeout"
  /** `reconnect.maxAttempts` attempts in a row failed; always final (link). */
  | "attempts"
  /**
   * The connection could not be opened, and a browser does not tell a page why: nothing listens there, DNS, TLS, a
   * proxy, the page's `connect-src`, or a server that refused the upgrade, for example with 401 or 403, or, where
   * `durable`, does not know `tautline.v1`. The browser's console and the server's log know (link). Or the runtime has
   * no WebSocket at all, and the words say so.
   */
  | "refused"
  /**
   * One side could not read what it got: close code 1002 or 1007, or 4400 of a durable session. The same bytes would
   * fail again, so it is final (link). Or the server greeted with what can't be true of the session, which is given up
   * then: the next connection begins another (link, not final; see `sessionlost`).
   */
  | "protocol"
  /**
   * The server does not speak `tautline.v1`, which durable sockets need (link): connect without `durable`, or run a
   * server that has durable sessions. Final after three connections that opened without that subprotocol or stayed
   * unanswered, where no session ever was. Browsers that don't open such a connection in the first place, Chromium for
   * one, don't say why: then it is `refused`, and tried again.
   */
  | "unsupported"
  /**
   * A durable session is gone on the server, and with it the knowledge of what arrived. `flush`, and closing a
   * `writable`, reject with it where messages that they waited for come back in the `sessionlost` event. A socket of
   * `tautline/websocket` ends with its session, and with this (link).
   */
  | "session-lost"
  /** Another connection took the durable session over, close code 4409; always final (link). */
  | "superseded"
  /**
   * The server does not accept the credentials, fresh ones included: close code 3000 or 4401 twice in a row; always
   * final (link).
   */
  | "unauthorized"
  /**
   * The messages already go to another consumer (throws). One takes them: `for await`, `readable` of
   * `tautline/streams`, or `message` listeners. End the one before you begin the other.
   */
  | "consumer"
  /**
   * WebAssembly can't run here, or `tautline/slim` could not load it; always final (link). Under a
   * Content-Security-Policy, allow `'wasm-unsafe-eval'` in `script-src`.
   */
  | "wasm";

/**
 * What everything here rejects with, fires or throws; arguments that can't be used are a `TypeError`, or a
 * `SyntaxError` for URLs and subprotocols, as with the browser's own class.
 *
 * @example
 * ```ts
 * try {
 *   await socket.send(message);
 * } catch (error) {
 *   if (error instanceof TautlineError && error.code === "overflow") showThatItIsBusy();
 *   else throw error;
 * }
 * ```
 */
export class TautlineError extends Error {
  /** The package makes them; tests of an application may, too. */
  constructor(code: ErrorCode, message: string, details?: { cause?: unknown; data?: unknown });
  readonly name: "TautlineError";
  readonly code: ErrorCode;
  /** What the codec, the URL provider or the platform threw, where that was it. */
  readonly cause?: unknown;
  /** Codes `encode` and `decode`: the message that could not be encoded, or the payload that could not be decoded. */
  readonly data?: unknown;
}
