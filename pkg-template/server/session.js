// One client's session as an application has it: typed messages, promises, events, one consumer.

import { Buffer } from "node:buffer";
import { EventEmitter } from "node:events";

import { CODECS } from "../codecs.js";
import { failure } from "../errors.js";
import { checkClose } from "../options.js";
import { Queue } from "../queue.js";
import { report } from "./hub.js";
import { beforeMessageListeners, CHANGE, END, payloadOf, RECEIVE } from "./mailbox.js";
import { SessionSocket } from "./socket.js";

const DONE = Object.freeze({ value: undefined, done: true });
/** In the place of a message that can't be decoded. */
const UNREADABLE = Symbol("unreadable");
/** Longer parts of a string keep the whole of it in memory, in V8. */
const LONGEST_COPIED = 12;

export class Session extends EventEmitter {
  #mailbox;
  /** What all sessions of a server share; of that the codec, and the sockets that were given out. */
  #shared;
  /** There is an iterator that is not released. */
  #isIterated = false;
  /** Those of the iterator that wait for a message, once one did. */
  #takers;
  /** How it ended, once somebody asked. */
  #ended;
  /** { promise, resolve }, likewise. */
  #closed;

  /** The iterator. Most sessions have one that waits: it is to be small. */
  static #Messages = class {
    /** Undefined once it is released. */
    #session;

    constructor(session) {
      this.#session = session;
    }

    next() {
      return this.#session === undefined ? Promise.resolve(DONE) : this.#session.#next();
    }

    return() {
      const session = this.#session;
      this.#session = undefined;
      session?.#release();
      return Promise.resolve(DONE);
    }

    [Symbol.asyncIterator]() {
      return this;
    }
  };

  static {
    // Whoever adds a listener for messages becomes their consumer; without any, messages wait. Nothing else is to be known.
    beforeMessageListeners(this.prototype, (emitter) => emitter.#listen());
  }

  constructor(mailbox, shared) {
    super();
    this.#mailbox = mailbox;
    this.#shared = shared;
  }

  get id() {
    return this.#mailbox.id;
  }

  get protocol() {
    return this.#mailbox.protocol;
  }

  get peer() {
    return this.#mailbox.peer;
  }

  get state() {
    return this.#mailbox.state;
  }

  get closed() {
    if (this.#closed === undefined) {
      let resolve;
      const promise = new Promise((settle) => (resolve = settle));
      this.#closed = { promise, resolve };
      if (this.#mailbox.end) resolve(this.#end());
    }
    return this.#closed.promise;
  }

  send(message) {
    let payload;
    try {
      payload = payloadOf(this.#shared.codec.encode(message));
      if (payload === undefined) throw new TypeError("a codec's encode returns a string or a Uint8Array");
    } catch (cause) {
      return Promise.reject(failure("encode", { cause, data: message }));
    }
    return this.#mailbox.send(payload);
  }

  flush() {
    return this.#mailbox.flush();
  }

  close(code = 1000, reason = "") {
    reason = String(reason);
    try {
      checkClose(code, reason);
    } catch (error) {
      return Promise.reject(error);
    }
    this.#mailbox.close(code, reason);
    return this.closed;
  }

  stats() {
    return this.#mailbox.stats();
  }

  asSocket() {
    const mailbox = this.#mailbox;
    if (mailbox.socket === undefined) {
      if (this.#isIterated || this.listenerCount("message") > 0) throw failure("consumer");
      mailbox.socket = new SessionSocket(mailbox);
      if (!mailbox.end) this.#shared.clients.add(mailbox.socket);
    }
    return mailbox.socket;
  }

  [Symbol.asyncIterator]() {
    if (this.#isIterated || this.#mailbox.socket || this.listenerCount("message") > 0) throw failure("consumer");
    this.#isIterated = true;
    return new Session.#Messages(this);
  }

  async [Symbol.asyncDispose ?? Symbol.for("Symbol.asyncDispose")]() {
    await this.close();
  }

  // In

  #listen() {
    if (this.#isIterated || this.#mailbox.socket) throw failure("consumer");
    // What waits, in a turn of its own.
    if (this.#mailbox.arrived > 0) queueMicrotask(() => this.#dispatchAll());
  }

  #dispatchAll() {
    while (this.#mailbox.arrived > 0 && this.listenerCount("message") > 0) {
      const message = this.#read(this.#mailbox.take());
      if (message === UNREADABLE) continue;
      try {
        this.emit("message", message);
      } catch (error) {
        report(error);
      }
    }
  }

  /** In one go past what can't be decoded: whoever asked later is not to come first. */
  #next() {
    while (this.#mailbox.arrived > 0) {
      const value = this.#read(this.#mailbox.take());
      if (value !== UNREADABLE) return Promise.resolve({ value, done: false });
    }
    if (this.#mailbox.end) return Promise.resolve(DONE);
    return new Promise((resolve) => (this.#takers ??= new Queue()).push(resolve));
  }

  #release() {
    this.#isIterated = false;
    this.#dismissTakers();
  }

  #dismissTakers() {
    for (const resolve of this.#takers?.take() ?? []) resolve(DONE);
  }

  /** The message of a payload that is taken. */
  #read(payload) {
    const { codec } = this.#shared;
    try {
      // What JSON makes of it is made anew.
      return codec.decode(codec === CODECS.json ? payload : ownOf(payload));
    } catch (cause) {
      this.#tell("error", failure("decode", { cause, data: ownOf(payload) }));
      return UNREADABLE;
    }
  }

  /** As the application sent it. */
  #decodeOr(payload) {
    try {
      return this.#shared.codec.decode(payload);
    } catch {
      return payload;
    }
  }

  /** An `error` without a listener is none. */
  #tell(event, value) {
    if (this.listenerCount(event) === 0) return;
    try {
      this.emit(event, value);
    } catch (error) {
      report(error);
    }
  }

  #end() {
    if (this.#ended === undefined) {
      const { code, reason, payloads } = this.#mailbox.end;
      this.#ended = { code, reason, unacknowledged: payloads.map((payload) => this.#decodeOr(payload)) };
    }
    return this.#ended;
  }

  // What the mailbox calls

  [RECEIVE](payload) {
    const isAwaited = this.#takers !== undefined && this.#takers.length > 0;
    if (!isAwaited && this.listenerCount("message") === 0) return false;
    this.#mailbox.taken();
    const value = this.#read(payload);
    if (value === UNREADABLE) return true;
    if (isAwaited) this.#takers.shift()({ value, done: false });
    // What a listener throws the hub reports.
    else this.emit("message", value);
    return true;
  }

  [CHANGE](event) {
    this.emit(event);
  }

  [END]() {
    this.#dispatchAll();
    this.#dismissTakers();
    if (this.listenerCount("end") > 0) this.#tell("end", this.#end());
    this.#closed?.resolve(this.#end());
  }
}

/** Without the frame that it came in: the application may keep it for long. */
function ownOf(payload) {
  return typeof payload === "string" && payload.length > LONGEST_COPIED ? Buffer.from(payload).toString() : payload;
}
