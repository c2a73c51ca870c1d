/// <reference lib="esnext.disposable" />
import type { EventEmitter } from "node:events";
import type { TautlineError } from "../errors.js";
import type { SessionSocket } from "./socket.js";

/** Who made a session, as the upgrade of its first connection told. */
export interface Peer {
  /** The page's origin; undefined: no page. */
  readonly origin: string | undefined;
  /** What `authenticate` said; undefined where it did not say who. */
  readonly principal: string | undefined;
  /** The address, as the option `address` has it. */
  readonly address: string | undefined;
}

/** How a session ended. */
export interface Ended<Out = unknown> {
  /**
   * What either side ended it with; 1006 where the client did not come back in time, or nobody said a word, 1009 where it
   * takes less than it was sent, 4400 and 4413 where it broke a rule, 4429 where it made room for others, 1011 where the
   * application failed.
   */
  readonly code: number;
  /** The words that came with the code; "" where there were none. */
  readonly reason: string;
  /**
   * The messages that were sent and that the client's application has not taken, as far as anybody knows; the oldest
   * first, as `codec.decode` reads them. One that it can't read is there as its payload.
   */
  readonly unacknowledged: Out[];
}

/** Figures of a session. `bytes` counts a text's bytes in UTF-8. */
export interface SessionStats {
  readonly state: SessionState;
  /** Accepted by `send` and not yet taken by the client's application. */
  readonly outbox: { readonly messages: number; readonly bytes: number };
  /** Arrived and not yet taken by the application here. */
  readonly inbox: { readonly messages: number; readonly bytes: number };
}

/**
 * Where a session stands. `attached`: it has a connection. `detached`: it waits for the next one, for the time of the
 * option `resume`. `ended`: for good.
 */
export type SessionState = "attached" | "detached" | "ended";

/** The events of a session, and what their listeners are given. */
export interface SessionEvents<In = unknown, Out = In> {
  /** A message, in order, once there is a listener; until then messages wait, and at last the client. */
  message: [message: In];
  /** Its connection is lost. It waits for the next one; what is sent meanwhile waits with it. */
  detach: [];
  /** It has a connection again. */
  resume: [];
  /**
   * A message could not be decoded: code `decode`, with `data` and `cause`. It counts as taken, and the session goes on;
   * without a listener, too.
   */
  error: [error: TautlineError];
  /** It has ended. The last event. */
  end: [ended: Ended<Out>];
}

/**
 * One client's session: messages of type `In` come out of it and messages of type `Out` go in, each exactly once and in
 * order, over as many connections as it takes.
 *
 * One consumer takes the messages: `for await`, or `message` listeners. A second kind is an error with the code
 * `consumer`. Until there is one, they wait, and the client is held back once the option `window` is used up. A message
 * counts as taken when it is handed to the consumer.
 *
 * @example
 * ```ts
 * sessions.on("session", async (session) => {
 *   for await (const message of session) await session.send(message); // an echo
 * });
 * ```
 */
export interface Session<In = unknown, Out = In>
  extends EventEmitter<SessionEvents<In, Out>>,
    AsyncIterable<In>,
    AsyncDisposable {
  /** A name for logs: the same on every connection. It is not the token, and does not help to resume. */
  readonly id: string;
  /** The application's subprotocol; "": none. */
  readonly protocol: string;
  /** Who made it. */
  readonly peer: Peer;
  /** Where it stands now. */
  readonly state: SessionState;
  /** Resolves when it has ended. Never rejects. */
  readonly closed: Promise<Ended<Out>>;

  /**
   * Sends a message. Resolves when it is accepted, which while there is room is at once, and otherwise when the client's
   * application has taken enough: awaiting it is the backpressure. Messages keep their order, those that wait included.
   * What is sent while there is no connection waits for the next one. Bytes are the session's own from then on, so their
   * memory may be used again.
   *
   * Rejects with a TautlineError: `encode`; `too-big`, larger than the whole outbox, or than the client takes; `overflow`,
   * as many wait as the outbox holds; `closed`, where the session has ended, is about to, or does while the message
   * waits. How little it takes a client says itself: a message that only the client finds too large ends its session, with
   * 1009.
   *
   * What comes of the session's end, `closed` and that `too-big`, is no unhandled rejection where nobody awaits it, as
   * `end` tells of it, and no failure of a `session` listener that rejects with it, whichever session it was sent to. That
   * listener has ended, though: its own session is left open, with nobody to take its messages, and a warning says so
   * once. So catch it where you send to other sessions. All other rejections are failures: whoever does not wait for a
   * client that takes nothing has to say what becomes of it.
   *
   * @example
   * ```ts
   * for (const row of rows) await session.send(row); // no faster than the client takes them
   * ```
   * @example
   * ```ts
   * for (const other of others) await other.send(message).catch(() => {}); // it has left, and the others have not
   * ```
   * @example
   * ```ts
   * for (const other of others) other.send(message).catch(() => other.close(4000, "too slow"));
   * ```
   */
  send(message: Out): Promise<void>;

  /**
   * Resolves when the client's application has taken everything that was sent before, what waits to be accepted
   * included. (Whether it has acted on it, only that application can say.)
   *
   * Rejects with a TautlineError, code `closed`, where the session ends before (no unhandled rejection where nobody awaits
   * it); `closed` of the session has what was not taken.
   *
   * @example
   * ```ts
   * await session.send(message);
   * await session.flush(); // the client has it
   * ```
   */
  flush(): Promise<void>;

  /**
   * Ends the session: waits until the client's application has taken what was sent, within the option `closeTimeout`,
   * and then says goodbye with this code and reason. Resolves when it has ended: the same promise as `closed`. Where
   * there is no connection, the end is kept for the client, for the time of the option `resume`.
   *
   * Rejects with a TypeError for what a browser would not close with.
   *
   * @param code 1000, or 3000 to 4999. @default 1000
   * @param reason at most 123 bytes of UTF-8. @default ""
   */
  close(code?: number, reason?: string): Promise<Ended<Out>>;

  /** Figures, for a status page or a log. */
  stats(): SessionStats;

  /**
   * The same session with the interface of a socket of `ws`, for libraries that want one: always the same object. The
   * messages go to that socket from then on, as they are, without the codec; it is the one consumer. Throws with the
   * code `consumer` where messages go elsewhere.
   *
   * @example
   * ```ts
   * sessions.on("session", (session, request) => {
   *   if (session.protocol === "yjs") setupWSConnection(session.asSocket(), request);
   * });
   * ```
   */
  asSocket(): SessionSocket;

  /**
   * The messages, from the oldest that nobody has taken. Ends when the session has ended and all that arrived is taken.
   * Leaving the loop leaves the session open, and another may begin. Throws with the code `consumer` where messages go
   * elsewhere.
   *
   * @example
   * ```ts
   * for await (const message of session) {
   *   if (message.type === "bye") break;
   * }
   * await session.close();
   * ```
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<In>;

  /** Closes it, as `close()`. */
  [Symbol.asyncDispose](): Promise<void>;
}
