// The sending half of a session: messages from their acceptance until the other application has taken them, the
// positions they have, the limit the peer grants, and how many of them go into one frame. The same at both ends.

import { Code, costOf, encode, SEPARATOR, sizeOf } from "./wire.mjs";

/** What several messages share as a frame, in bytes; a larger message goes alone. */
const FRAME_BYTES = 64 * 1024;
/** More than a position in a frame and the head of each message in it are long. */
const FRAME_HEAD = 17;
const MESSAGE_HEAD = 8;

const ACCEPTED = Promise.resolve();

/** The peer has broken a rule: the connection is closed with this code, and the session ends. */
export class Violation extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/** As it is counted and sent: text without lone surrogates, bytes that nobody else changes. */
const normalized = (payload) => (typeof payload === "string" ? payload.toWellFormed() : Uint8Array.from(payload));

export class Outbox {
  /** The largest message that the peer takes, once it has said so. */
  maxMessage = Infinity;
  #bounds;
  /** Messages in order: `{ payload, size, begin, end }`, where `begin` 0 was never sent. */
  #messages = [];
  #bytes = 0;
  /** Those that wait for room: `{ message, resolve, reject }`. */
  #waiting = [];
  /** Those that wait until so many are settled: `{ count, resolve, reject }`. */
  #flushes = [];
  #accepted = 0;
  #settled = 0;
  /** The index of the one that goes out next on this link. */
  #next = 0;
  /** The last position that was ever sent. */
  #sent = 0;
  #taken = 0;
  #limit = 0;
  #link = null;
  #inTurn = false;
  #ended = null;

  constructor({ messages = 1024, bytes = 16 * 1024 * 1024 } = {}) {
    this.#bounds = { messages, bytes };
  }

  /** Resolves when it is accepted, which is at once while there is room. */
  send(payload) {
    if (this.#ended) return Promise.reject(this.#ended);
    const message = { payload: normalized(payload), size: 0, begin: 0, end: 0 };
    message.size = sizeOf(message.payload);
    if (message.size > this.maxMessage) return Promise.reject(new RangeError(`${message.size} bytes are too big`));
    if (this.#waiting.length > 0 || !this.#hasRoom(message)) {
      return new Promise((resolve, reject) => this.#waiting.push({ message, resolve, reject }));
    }
    this.#accept(message);
    return ACCEPTED;
  }

  /** Resolves when the other application has taken all that is accepted so far; rejects when that can't be any more. */
  flush() {
    if (this.#settled === this.#accepted) return ACCEPTED;
    if (this.#ended) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => this.#flushes.push({ count: this.#accepted, resolve, reject }));
  }

  /** Whether what a HELLO or WELCOME says is taken can be true. */
  believes(taken) {
    return taken >= this.#taken && taken <= this.#sent;
  }

  /** An ACK, or the same two numbers in a HELLO or WELCOME. */
  acknowledged(taken, limit) {
    if (taken > this.#sent) throw new Violation(Code.PROTOCOL_ERROR, `acknowledged ${taken} of ${this.#sent} sent`);
    this.#taken = Math.max(this.#taken, taken);
    this.#limit = Math.max(this.#limit, limit);
    let count = 0;
    while (count < this.#messages.length && this.#isTaken(this.#messages[count])) count++;
    const dropped = this.#messages.splice(0, count);
    this.#next = Math.max(0, this.#next - count);
    this.#settle(dropped);
    this.#admit();
    this.transmit();
  }

  /** From now on this link carries the messages, those first that went out before and weren't taken. */
  attach(link) {
    this.#link = link;
    this.#next = 0;
    this.transmit();
  }

  detach() {
    this.#link = null;
  }

  /** Sends what may go, as long as the socket's buffer is low. */
  transmit() {
    while (this.#link?.isRoomy) {
      const frame = this.#pack();
      if (!frame) return;
      this.#link.send(encode(frame));
    }
  }

  /**
   * A new session: nothing is sent yet. What went out in the old one has an unknown outcome; it is sent again if
   * `resend`, and dropped otherwise. Returns it.
   */
  restart(resend) {
    const unknown = this.#messages.filter(({ begin }) => begin > 0);
    if (!resend) {
      this.#messages.splice(0, unknown.length);
      this.#rejectFlushes(new Error("the session was lost"));
      this.#settle(unknown);
    }
    for (const message of this.#messages) message.begin = message.end = 0;
    this.#next = this.#sent = this.#taken = this.#limit = 0;
    this.#admit();
    return unknown.map(({ payload }) => payload);
  }

  /** Accepts no more; returns what was not taken. */
  end(error) {
    this.#ended ??= error;
    this.#link = null;
    const rest = this.#messages.splice(0).map(({ payload }) => payload);
    for (const { reject } of this.#waiting.splice(0)) reject(error);
    this.#rejectFlushes(error);
    return rest;
  }

  get length() {
    return this.#messages.length;
  }

  get bytes() {
    return this.#bytes;
  }

  /** The last position that was ever sent. */
  get sent() {
    return this.#sent;
  }

  get taken() {
    return this.#taken;
  }

  get limit() {
    return this.#limit;
  }

  /** Whether the next message would begin behind the limit: only the peer can change that. */
  get standsAtLimit() {
    return this.#next < this.#messages.length && this.#beginOf(this.#messages[this.#next]) > this.#limit;
  }

  #isTaken({ begin, end }) {
    return begin > 0 && end <= this.#taken;
  }

  #beginOf({ begin }) {
    return begin || this.#sent + 1;
  }

  #hasRoom({ size }) {
    const { messages, bytes } = this.#bounds;
    return this.#messages.length === 0 || (this.#messages.length < messages && this.#bytes + size <= bytes);
  }

  #accept(message) {
    this.#messages.push(message);
    this.#bytes += message.size;
    this.#accepted++;
    // The first one of a turn goes at once, what follows at the turn's end, in as few frames as hold it.
    if (this.#inTurn) return;
    this.#inTurn = true;
    this.transmit();
    setImmediate(() => {
      this.#inTurn = false;
      this.transmit();
    });
  }

  #admit() {
    while (this.#waiting.length > 0 && this.#hasRoom(this.#waiting[0].message)) {
      const { message, resolve } = this.#waiting.shift();
      this.#accept(message);
      resolve();
    }
  }

  #settle(messages) {
    for (const { size } of messages) this.#bytes -= size;
    this.#settled += messages.length;
    while (this.#flushes.length > 0 && this.#flushes[0].count <= this.#settled) this.#flushes.shift().resolve();
  }

  #rejectFlushes(error) {
    for (const { reject } of this.#flushes.splice(0)) reject(error);
  }

  /** The next frame, or nothing if the limit or the queue has come to its end. */
  #pack() {
    const messages = [];
    const seq = this.#next < this.#messages.length ? this.#beginOf(this.#messages[this.#next]) : 0;
    let length = FRAME_HEAD;
    while (this.#next < this.#messages.length) {
      const message = this.#messages[this.#next];
      const begin = this.#beginOf(message);
      if (begin > this.#limit) break;
      length += message.size + MESSAGE_HEAD;
      if (messages.length > 0 && length > FRAME_BYTES) break;
      message.begin = begin;
      message.end = begin + costOf(message.size) - 1;
      this.#sent = Math.max(this.#sent, message.end);
      this.#next++;
      messages.push(message.payload);
    }
    if (messages.length === 0) return null;
    const isText = messages.every((message) => typeof message === "string" && !message.includes(SEPARATOR));
    return { type: isText ? "text" : "batch", seq, messages };
  }
}
