// All sessions of a server as whoever runs it has them, whatever carries the connections: ws.js, deno.js and bun.js add
// that.

import { EventEmitter } from "node:events";
import process from "node:process";

import { Door } from "./door.js";
import { Hub, report } from "./hub.js";
import { isCausedByClient, Mailbox } from "./mailbox.js";
import { readServerOptions, readShutdown } from "./options.js";
import { Session } from "./session.js";
import { SessionSocket } from "./socket.js";

/** Where connections come in; not the application's. */
export const DOOR = Symbol("door");

/** What is told to a client of a server that has no listener, and to one whose listener failed. */
const NOBODY = "nobody listens for sessions";
const FAILED = "the application failed";

/** What the application is told where a listener's session is left alone. */
const LEFT_ALONE =
  "a `session` listener ended because a client of another session left, or takes too little (this is told once); " +
  "its own session goes on, perhaps with nobody to take its messages. Write: other.send(message).catch(() => {})";

export class Sessions extends EventEmitter {
  #hub;
  #door;
  /** What all sessions have in common. */
  #shared;
  #hasWarned = false;

  /** `select(offered, request)` gives a session's subprotocol, where no option says which there are. */
  constructor(options, select) {
    super();
    const { rules, codec, outbox, closeTimeout, ...rest } = readServerOptions(options);
    if (!select) rules.protocols ??= [];
    this.#hub = new Hub(rules, { select, began: (newcomer) => this.#begin(newcomer) });
    this.#door = new Door(this.#hub, rest);
    this.#shared = { hub: this.#hub, codec, outbox, closeTimeout, clients: new Set() };
  }

  /** Sessions that were given out as sockets. */
  get clients() {
    return this.#shared.clients;
  }

  stats() {
    return this.#hub.stats();
  }

  async shutdown(options) {
    const { mode, code, reason, timeout } = readShutdown(options);
    await this.#hub.shutdown(mode, code, reason, timeout);
  }

  forget() {
    this.#hub.forget();
  }

  get [DOOR]() {
    return this.#door;
  }

  #begin(newcomer) {
    const { request } = newcomer;
    const mailbox = new Mailbox(this.#shared, newcomer);
    // The hub is in the middle of something.
    queueMicrotask(() => this.#announce(mailbox, request));
    return mailbox;
  }

  #announce(mailbox, request) {
    if (mailbox.end) return;
    if (this.listenerCount("session") > 0) {
      mailbox.session = new Session(mailbox, this.#shared);
      for (const listener of this.rawListeners("session")) this.#present(mailbox, listener, request);
    } else if (this.listenerCount("connection") > 0) {
      mailbox.socket = new SessionSocket(mailbox);
      this.#shared.clients.add(mailbox.socket);
      try {
        this.emit("connection", mailbox.socket, request);
      } catch (error) {
        mailbox.fail(1011, FAILED);
        throw error;
      }
    } else {
      mailbox.fail(1011, NOBODY);
    }
  }

  /** Gives the session to a listener, which may be a function that takes its time. */
  #present(mailbox, listener, request) {
    try {
      const answer = listener.call(this, mailbox.session, request);
      if (typeof answer?.then === "function") answer.then(undefined, (error) => this.#failed(mailbox, error));
    } catch (error) {
      this.#failed(mailbox, error);
    }
  }

  #failed(mailbox, error) {
    if (isCausedByClient(error)) {
      // Its own client, mostly. Another's must not end a session that has done nothing, still less the process.
      if (!mailbox.isOver) this.#warn(error);
      return;
    }
    mailbox.fail(1011, FAILED);
    try {
      // Without a listener it throws the error.
      this.emit("error", error);
    } catch (thrown) {
      report(thrown);
    }
  }

  #warn({ stack }) {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    process.emitWarning(LEFT_ALONE, { code: "TAUTLINE_LISTENER", detail: stack });
  }
}
