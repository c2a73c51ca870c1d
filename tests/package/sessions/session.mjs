// A session without its connection, the same at both ends: an outbox, an inbox, and what their frames mean. Client and
// server give it a link after each handshake.

import { EventEmitter } from "node:events";

import { Inbox } from "./inbox.mjs";
import { Outbox, Violation } from "./outbox.mjs";
import { Code } from "./wire.mjs";

/** Emits "end" with what `closed` resolves with, once. */
export class Session extends EventEmitter {
  outbox;
  inbox;
  /** Resolves at the session's end with { code, reason, unacknowledged }. */
  closed;
  /** The link of the last handshake, while it is there. */
  link = null;
  #end = null;
  #resolve;

  /** `window`, `maxMessage`, `ackMs`, `acknowledges` for the inbox; `outbox`: { messages, bytes }. */
  constructor({ outbox, ...inbox } = {}) {
    super();
    this.outbox = new Outbox(outbox);
    this.inbox = new Inbox(inbox);
    this.closed = new Promise((resolve) => (this.#resolve = resolve));
  }

  /** Resolves when the message is accepted: a string, or bytes. */
  send(payload) {
    return this.outbox.send(payload);
  }

  flush() {
    return this.outbox.flush();
  }

  /** The next message, which counts as taken from now on; undefined where there is none. */
  take() {
    return this.inbox.take();
  }

  /** The next message once there is one, as an iterator's result. */
  next() {
    return this.inbox.next();
  }

  /** Messages are taken when they are yielded; ends with the session. */
  [Symbol.asyncIterator]() {
    return { next: () => this.next() };
  }

  /** The handshake is done. */
  attach(link) {
    this.link = link;
    this.inbox.attach(link);
    this.outbox.attach(link);
  }

  detach() {
    this.link = null;
    this.inbox.detach();
    this.outbox.detach();
  }

  /** A frame that is neither of the handshake nor a BYE. */
  handle(frame) {
    switch (frame.type) {
      case "text":
      case "batch":
        this.inbox.receive(frame);
        break;
      case "ack":
        this.outbox.acknowledged(frame.taken, frame.limit);
        break;
      case "ping":
        // The owed ACK goes first.
        this.inbox.acknowledge();
        this.link?.pong(frame.nonce);
        break;
      case "pong":
        break;
      default:
        throw new Violation(Code.PROTOCOL_ERROR, `a ${frame.type} in the wrong state`);
    }
  }

  /** For good. The application can still take what arrived. */
  end(code, reason) {
    if (this.#end) return;
    const error = Object.assign(new Error(`the session has ended: ${code} ${reason}`), { code });
    this.detach();
    this.inbox.end();
    this.#end = { code, reason, unacknowledged: this.outbox.end(error) };
    this.#resolve(this.#end);
    this.emit("end", this.#end);
  }

  get ended() {
    return this.#end;
  }
}
