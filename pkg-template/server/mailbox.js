// What a session has on this side of the hub: payloads that arrived and that nobody has taken, sends that wait for room, and
// who waits for what. The hub calls it; what an application holds, session.js and socket.js, is made of it.

import { Buffer } from "node:buffer";
import { EventEmitter } from "node:events";
import process from "node:process";

import { bytesOf } from "../codecs.js";
import { failure, TautlineError } from "../errors.js";
import { Queue } from "../queue.js";
import { ACCEPT, GONE, report, TOO_BIG, WAIT } from "./hub.js";

// What a mailbox calls on what the application holds; none of it is the application's to call.
/** `(payload) => whether it was taken`. */
export const RECEIVE = Symbol("receive");
/** `("detach" or "resume") => void`. */
export const CHANGE = Symbol("change");
/** `() => void`, the last call. */
export const END = Symbol("end");

const ACCEPTED = Promise.resolve();
const GONE_WORDS = "the session has ended, or is about to; the message was not accepted";
const OUTBOX_WORDS = "the message is larger than the whole outbox may be: split it, or raise the bound";
const CLIENT_WORDS = "the message is larger than the client takes";
/** What that client is told. */
const TOO_BIG_REASON = "a message is too big";

/** The errors that a client causes, by leaving or by taking little: none of them is a failure of the application. */
const causedByClients = new WeakSet();

function clientFailure(code, words) {
  const error = new TautlineError(code, words);
  causedByClients.add(error);
  return error;
}

const closedFailure = () => clientFailure("closed", GONE_WORDS);

/** Whether it is what a `send` or `flush` rejects with because of what a client did, in any session. */
export const isCausedByClient = (error) => causedByClients.has(error);

/** Calls `listen` with an emitter of this prototype before a listener for its messages is added, by whichever name of that. */
export function beforeMessageListeners(prototype, listen) {
  for (const name of ["on", "addListener", "prependListener", "once", "prependOnceListener"]) {
    const add = EventEmitter.prototype[name];
    const value = function (event, listener) {
      if (event === "message") listen(this);
      return add.call(this, event, listener);
    };
    Object.defineProperty(prototype, name, { value, configurable: true, writable: true });
  }
}

/** A string stays as it is; bytes that their sender can't change any more; undefined where it is neither. */
export function payloadOf(value) {
  return typeof value === "string" ? value : bytesOf(value)?.slice();
}

export class Mailbox {
  id;
  protocol;
  peer;
  state = "attached";
  /** How it ended: { code, reason, payloads }, the payloads not taken by the client's application. */
  end;
  /** What the application holds; the messages are the socket's where there is one. */
  session;
  socket;
  /** What all mailboxes of a server share: { hub, codec, outbox, closeTimeout, clients }. */
  #shared;
  /** The session's number at the hub. */
  #number;
  /** The hub takes nothing more for it. */
  #isOver = false;
  // The rest is there once it is needed: most sessions are idle.
  #inbox;
  /** Sends that wait for room: { payload, size, settle }. */
  #waiting;
  #waitingBytes = 0;
  /** Sends that somebody waits for to be taken: { count, resolve, reject }. */
  #flushes;
  #accepted = 0;
  #released = 0;
  /** A close that waits for the sends that wait: { code, reason, timer }. */
  #closing;

  constructor(shared, { number, id, protocol, peer }) {
    this.#shared = shared;
    this.#number = number;
    this.id = id;
    this.protocol = protocol;
    this.peer = peer;
  }

  /** It has ended or is about to. */
  get isOver() {
    return this.#isOver || this.#closing !== undefined;
  }

  // In

  /** How many payloads nobody has taken. */
  get arrived() {
    return this.#inbox === undefined ? 0 : this.#inbox.length;
  }

  /** The oldest payload; undefined where there is none. */
  take() {
    if (this.#inbox === undefined || this.#inbox.length === 0) return undefined;
    this.taken();
    return this.#inbox.shift();
  }

  /** The payload that is being received is the application's. */
  taken() {
    this.#shared.hub.taken(this.#number, 1);
  }

  // Out

  /** A promise for when it is accepted; past the bounds of the outbox as many may wait for room as it holds. */
  send(payload) {
    const size = sizeOf(payload);
    const answer = this.#offer(payload, size);
    if (answer === ACCEPT) return ACCEPTED;
    const sent = Promise.withResolvers();
    if (answer !== WAIT) return this.#reject(sent, this.#refusal(answer, size), size);
    const { messages, bytes } = this.#shared.outbox;
    if (size > bytes) return this.#reject(sent, this.#refusal(TOO_BIG, size), size);
    const isFull = this.#waits >= messages || this.#waitingBytes + size > bytes;
    if (isFull) return this.#reject(sent, failure("overflow"), size);
    this.#wait(payload, size, (error) => (error ? this.#reject(sent, error, size) : sent.resolve()));
    return sent.promise;
  }

  /**
   * The same without a bound. `callback` is called in a turn of its own, with an error where it was refused; without one the
   * session ends then, as nobody would know that a message is missing.
   */
  post(payload, callback) {
    const size = sizeOf(payload);
    const answer = this.#offer(payload, size);
    if (answer === ACCEPT) {
      if (callback) process.nextTick(callback);
      return;
    }
    const settle = callback && ((error) => process.nextTick(callback, error));
    if (answer === WAIT) this.#wait(payload, size, settle);
    else this.#refuse(settle, answer, size);
  }

  flush() {
    if (this.end) return this.#reject(Promise.withResolvers(), closedFailure());
    const count = this.#accepted + this.#waits;
    if (this.#released >= count) return ACCEPTED;
    const promise = new Promise((resolve, reject) => (this.#flushes ??= []).push({ count, resolve, reject }));
    promise.catch(ignore);
    return promise;
  }

  /** How many bytes the client's application has not taken. */
  get untaken() {
    return this.#shared.hub.outbox(this.#number).bytes + this.#waitingBytes;
  }

  stats() {
    const { hub } = this.#shared;
    return { state: this.state, outbox: hub.outbox(this.#number), inbox: hub.inbox(this.#number) };
  }

  // The end

  close(code, reason) {
    this.#isOver = true;
    this.#refuseWaiting();
    this.#shared.hub.close(this.#number, code, reason);
  }

  /** The same with any code that a close frame may have. */
  fail(code, reason) {
    this.#isOver = true;
    this.#refuseWaiting();
    this.#shared.hub.fail(this.#number, code, reason);
  }

  /** Fails once the sends that wait are accepted, within the time that a close has. */
  failLater(code, reason) {
    if (this.#waits === 0) return this.fail(code, reason);
    this.#closing ??= { code, reason, timer: setTimeout(() => this.#closeNow(), this.#shared.closeTimeout) };
  }

  terminate() {
    this.#shared.hub.terminate(this.#number);
  }

  // What the hub calls

  deliver(payload) {
    if (this.arrived === 0) {
      const taker = this.socket ?? this.session;
      if (taker !== undefined && taker[RECEIVE](payload)) return;
    }
    (this.#inbox ??= new Queue()).push(payload);
  }

  released(count) {
    this.#released += count;
    this.#settleFlushes();
    // The hub is in the middle of something.
    if (this.#waits > 0) queueMicrotask(() => this.#admitWaiting());
  }

  detached() {
    this.state = "detached";
    this.session?.[CHANGE]("detach");
  }

  resumed() {
    this.state = "attached";
    this.session?.[CHANGE]("resume");
  }

  ended(code, reason, payloads) {
    this.state = "ended";
    this.#isOver = true;
    this.end = { code, reason, payloads };
    this.#refuseWaiting();
    for (const { reject } of this.#flushes ?? []) reject(closedFailure());
    this.#flushes = undefined;
    // It may have ended inside of a call of the application's, which is not to hear of it before that returns.
    queueMicrotask(() => this.#tellEnd());
  }

  #tellEnd() {
    if (this.socket) this.#shared.clients.delete(this.socket);
    for (const face of [this.socket, this.session]) {
      try {
        face?.[END]();
      } catch (error) {
        report(error);
      }
    }
  }

  // What waits

  get #waits() {
    return this.#waiting === undefined ? 0 : this.#waiting.length;
  }

  #offer(payload, size) {
    if (this.#closing) return GONE;
    if (this.#waits > 0) return WAIT;
    return this.#put(payload, size);
  }

  #put(payload, size) {
    const answer = this.#shared.hub.send(this.#number, payload, size);
    if (answer === ACCEPT) this.#accepted++;
    // A shutdown ends it without a word before.
    else if (answer === GONE) this.#isOver = true;
    return answer;
  }

  #wait(payload, size, settle) {
    (this.#waiting ??= new Queue()).push({ payload, size, settle });
    this.#countWaiting(this.#waitingBytes + size);
  }

  #nextWaiting() {
    const next = this.#waiting.shift();
    this.#countWaiting(this.#waitingBytes - next.size);
    return next;
  }

  /** The hub bounds it with all else that is held. It may end the session for it. */
  #countWaiting(bytes) {
    this.#waitingBytes = bytes;
    if (!this.end) this.#shared.hub.waiting(this.#number, bytes);
  }

  #admitWaiting() {
    while (this.#waits > 0) {
      const { payload, size } = this.#waiting.at(0);
      const answer = this.#put(payload, size);
      if (answer === WAIT) return;
      const { settle } = this.#nextWaiting();
      if (answer === ACCEPT) settle?.();
      else {
        this.#refuse(settle, answer, size);
        // One less to wait for.
        for (const flush of this.#flushes ?? []) if (flush.count > this.#accepted) flush.count--;
        this.#settleFlushes();
      }
    }
    if (this.#closing) this.#closeNow();
  }

  #refuse(settle, answer, size) {
    if (settle) settle(this.#refusal(answer, size));
    else if (answer === TOO_BIG) this.fail(1009, TOO_BIG_REASON);
  }

  #refusal(answer, size) {
    if (answer !== TOO_BIG) return closedFailure();
    if (size > this.#shared.outbox.bytes) return new TautlineError("too-big", OUTBOX_WORDS);
    return clientFailure("too-big", CLIENT_WORDS);
  }

  /**
   * Rejects what `send` gave. How little the client takes it says itself: its session ends for it, or it could fail the
   * application with that.
   */
  #reject({ promise, reject }, error, size) {
    if (error.code === "too-big" && size <= this.#shared.outbox.bytes) this.fail(1009, TOO_BIG_REASON);
    // That a session has ended everybody is told: nobody has to await it here, too.
    if (this.isOver) promise.catch(ignore);
    reject(error);
    return promise;
  }

  #settleFlushes() {
    const flushes = this.#flushes;
    if (flushes === undefined) return;
    while (flushes.length > 0 && flushes[0].count <= this.#released) flushes.shift().resolve();
  }

  /** Nor do flushes wait any more that wait for those. */
  #refuseWaiting() {
    clearTimeout(this.#closing?.timer);
    if (this.#waits > 0) {
      const waiting = this.#waiting.take();
      this.#countWaiting(0);
      for (const { settle } of waiting) settle?.(closedFailure());
    }
    while (this.#flushes?.at(-1)?.count > this.#accepted) this.#flushes.pop().reject(closedFailure());
  }

  #closeNow() {
    if (this.#isOver) return;
    const { code, reason } = this.#closing;
    this.fail(code, reason);
  }
}

const sizeOf = (payload) => (typeof payload === "string" ? Buffer.byteLength(payload) : payload.byteLength);

function ignore() {}
