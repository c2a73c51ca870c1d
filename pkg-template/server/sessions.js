// All sessions of a server as whoever runs it has them, whatever carries the connections: ws.js, deno.js and bun.js add
// that.

import { EventEmitter } from "node:events";

import { TautlineError } from "../errors.js";
import { Door } from "./door.js";
import { Hub, report } from "./hub.js";
import { Mailbox } from "./mailbox.js";
import { readServerOptions, readShutdown } from "./options.js";
import { Session } from "./session.js";
import { SessionSocket } from "./socket.js";

/** Where connections come in; not the application's. */
export const DOOR = Symbol("door");

/** What is told to a client of a server that has no listener, and to one whose listener failed. */
const NOBODY = "nobody listens for sessions";
const FAILED = "the application failed";

export class Sessions extends EventEmitter {
  #hub;
  #door;
  /** What all sessions have in common. */
  #shared;

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
    // It is over, and that is why: what it sent last came too late, or was more than its client takes.
    if (mailbox.isOver && error instanceof TautlineError && (error.code === "closed" || error.code === "too-big")) return;
    mailbox.fail(1011, FAILED);
    try {
      // Without a listener it throws the error.
      this.emit("error", error);
    } catch (thrown) {
      report(thrown);
    }
  }
}
