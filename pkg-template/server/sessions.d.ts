import type { EventEmitter } from "node:events";
import type { Session } from "./session.js";

/** How things are. */
export interface SessionsStats {
  /** Sessions. */
  readonly sessions: number;
  /** Those of them that have a connection. */
  readonly attached: number;
  /** Connections of sessions, those that have no session yet included. */
  readonly connections: number;
  /** What sessions hold of messages that are not taken, both ways, in bytes; 32 are added for each message. */
  readonly heldBytes: number;
  /** How much of that is held by sessions without a connection. */
  readonly detachedBytes: number;
}

/** How `shutdown` ends. */
export interface ShutdownOptions {
  /**
   * `"bye"`: ends the sessions. What was sent goes out first, and the clients are told that it is over. `"detach"`:
   * closes the connections and leaves the clients to come back, to whichever process is there by then. As sessions live
   * in memory, it does not know them: what its clients are told is `sessionlost`, and they go on in new sessions.
   *
   * @default "bye"
   */
  mode?: "bye" | "detach";
  /**
   * The code that the clients are told with `"bye"`: one that a close frame may have.
   *
   * @default 1001
   */
  code?: number;
  /**
   * The reason that goes with it: at most 123 bytes of UTF-8.
   *
   * @default ""
   */
  reason?: string;
  /**
   * How many milliseconds `"bye"` waits until what was sent is taken, and until clients without a connection have come
   * for it. Goodbyes have two seconds more.
   *
   * @default 5_000
   */
  timeout?: number;
}

/** The events of sessions, and what their listeners are given. */
export interface SessionsEvents<In, Out, Request, Socket> {
  /**
   * A client has begun a session. `request` is that of the upgrade. Where the listener returns a promise that rejects,
   * the session closes with 1011, and the error is an `error` event here; where nobody listens for that, it is an
   * uncaught exception. (That its own session is over, as `send` says, is no error.)
   */
  session: [session: Session<In, Out>, request: Request];
  /**
   * A connection, as a `ws` server has it: that of a plain client; and, where nobody listens for `session`, a session as
   * a socket.
   */
  connection: [socket: Socket, request: Request];
  /** What a listener of `session` rejected with; and with `ws`, the server's own. */
  error: [error: Error];
}

/** The sessions of a server. */
export interface Sessions<In = unknown, Out = In> {
  /** How things are, for a status page or a health check. */
  stats(): SessionsStats;

  /**
   * Begins no more sessions, ends those that there are or leaves them, and resolves when all of their connections are
   * closed and all clients told; after `timeout` and two seconds at most. With `"bye"`, clients without a connection are
   * let in meanwhile, to hear what was sent and the end. Plain clients and the server itself are for whoever made it to
   * close, afterwards.
   *
   * Rejects with a TypeError for options that can't be used.
   *
   * @example
   * ```ts
   * process.once("SIGTERM", async () => {
   *   await sessions.shutdown();
   *   server.close();
   * });
   * ```
   */
  shutdown(options?: ShutdownOptions): Promise<void>;

  /**
   * Ends all sessions without a word, as if the process had died: connections are closed, clients that come back get new
   * sessions, and applications are handed back what was not taken. For tests.
   */
  forget(): void;
}

/** Sessions with their events, where there is no other server that has events, too. */
export interface SessionsEmitter<In, Out, Request, Socket>
  extends Sessions<In, Out>,
    EventEmitter<SessionsEvents<In, Out, Request, Socket>> {}
