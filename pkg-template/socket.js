// The face that `connect` gives: typed messages, promises, events, one consumer. Payloads and the connection are link.js's.

import { bytesOf } from "./codecs.js";
import { failure, TautlineError } from "./errors.js";
import { deferred, Link } from "./link.js";
import { checkClose, readOptions, readUrl } from "./options.js";
import { Queue } from "./queue.js";

const DONE = Object.freeze({ value: undefined, done: true });

const event = (type, fields) => Object.assign(new Event(type), fields);

export class Socket extends EventTarget {
  #link;
  #codec;
  #inbox = new Queue();
  /** "iterator" or "listeners", once there is one. */
  #consumer;
  /** The listeners for messages, and whether each wants only one. */
  #listeners = new Map();
  /** Calls of the iterator's `next` that wait for a message. */
  #takers = new Queue();
  #opened = deferred();
  #closed = deferred();

  constructor(load, url, options) {
    super();
    const read = readOptions(options, url);
    const { codec, heartbeat } = read;
    this.#codec = codec;
    if (heartbeat) read.heartbeat = () => this.#encode(heartbeat());
    // Nobody has to await it.
    this.#opened.promise.catch(() => {});
    this.#link = new Link(load, typeof url === "function" ? url : readUrl(url), read, {
      opened: () => {
        this.#opened.resolve();
        this.dispatchEvent(event("open", { resumed: false }));
      },
      received: (data) => this.#receive(data),
      dropped: (count) => {
        for (let i = 0; i < count; i++) this.#inbox.shift();
      },
      stateChanged: (change) => this.dispatchEvent(event("statechange", change)),
      disconnected: (end) => this.dispatchEvent(event("disconnect", end)),
      failed: (error) => this.dispatchEvent(event("error", { error })),
      closed: (end, error, payloads) => this.#end(end, error, payloads),
    });
  }

  get state() {
    return this.#link.state;
  }

  get opened() {
    return this.#opened.promise;
  }

  get closed() {
    return this.#closed.promise;
  }

  get protocol() {
    return this.#link.protocol;
  }

  send(message) {
    let payload;
    try {
      payload = this.#encode(message);
    } catch (cause) {
      return Promise.reject(failure("encode", { cause, data: message }));
    }
    return this.#link.send(payload);
  }

  flush() {
    return this.#link.flush();
  }

  close(code = 1000, reason = "", { timeout = 5000 } = {}) {
    reason = String(reason);
    try {
      checkClose(code, reason);
      if (!(timeout >= 0)) throw new TypeError("tautline: close takes a `timeout` in milliseconds");
    } catch (error) {
      return Promise.reject(error);
    }
    this.#link.close(code, reason, timeout);
    return this.#closed.promise;
  }

  stats() {
    return this.#link.stats();
  }

  addEventListener(type, listener, options) {
    if (type === "message" && listener) this.#listen(listener, options);
    super.addEventListener(type, listener, options);
  }

  removeEventListener(type, listener, options) {
    super.removeEventListener(type, listener, options);
    if (type === "message") this.#unlisten(listener);
  }

  [Symbol.asyncIterator]() {
    this.#claim("iterator");
    let released = false;
    const release = () => {
      if (!released) {
        released = true;
        this.#consumer = undefined;
        this.#dismissTakers();
      }
      return Promise.resolve(DONE);
    };
    return {
      next: () => (released ? Promise.resolve(DONE) : this.#next()),
      return: release,
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  async [Symbol.asyncDispose ?? Symbol.for("Symbol.asyncDispose")]() {
    await this.close();
  }

  #encode(message) {
    const payload = this.#codec.encode(message);
    if (typeof payload === "string") return payload;
    const bytes = bytesOf(payload);
    if (!bytes) throw new TypeError("a codec's encode returns a string or a Uint8Array");
    return bytes;
  }

  // In

  #claim(consumer) {
    if (this.#consumer !== undefined && (this.#consumer !== consumer || consumer === "iterator")) {
      throw failure("consumer");
    }
    this.#consumer = consumer;
  }

  /** The messages go to listeners from now on; those that wait, in a turn of their own. */
  #listen(listener, options) {
    const first = this.#consumer === undefined;
    this.#claim("listeners");
    this.#listeners.set(listener, options?.once === true);
    options?.signal?.addEventListener("abort", () => this.#unlisten(listener), { once: true });
    if (first) queueMicrotask(() => this.#dispatchAll());
  }

  /** Without a listener the messages wait again. */
  #unlisten(listener) {
    if (this.#listeners.delete(listener) && this.#listeners.size === 0) this.#consumer = undefined;
  }

  #dispatchAll() {
    while (this.#inbox.length > 0 && this.#consumer === "listeners") {
      const taken = this.#take();
      if (!taken) continue;
      for (const [listener, once] of this.#listeners) if (once) this.#unlisten(listener);
      this.dispatchEvent(new MessageEvent("message", { data: taken.value }));
    }
  }

  /** The oldest message as { value }; undefined where it could not be decoded. */
  #take() {
    const data = this.#inbox.shift();
    this.#link.taken(1);
    try {
      return { value: this.#codec.decode(data) };
    } catch (cause) {
      this.dispatchEvent(event("error", { error: failure("decode", { cause, data }) }));
      return undefined;
    }
  }

  #next() {
    while (this.#inbox.length > 0) {
      const taken = this.#take();
      if (taken) return Promise.resolve({ value: taken.value, done: false });
    }
    if (this.state === "closed" || this.#consumer !== "iterator") return Promise.resolve(DONE);
    const taker = deferred();
    this.#takers.push(taker);
    return taker.promise;
  }

  #dismissTakers() {
    for (const taker of this.#takers.drain()) taker.resolve(DONE);
  }

  #receive(data) {
    this.#inbox.push(typeof data === "string" ? data : new Uint8Array(data));
    if (this.#consumer === "listeners") {
      this.#dispatchAll();
    } else if (this.#takers.length > 0) {
      const taken = this.#take();
      if (taken) this.#takers.shift()?.resolve({ value: taken.value, done: false });
    }
  }

  #end(end, error, payloads) {
    this.#opened.reject(error ?? new TautlineError("closed", `the socket closed before it was open (code ${end.code})`));
    if (error && error.code !== "closed") this.dispatchEvent(event("error", { error }));
    const unacknowledged = payloads.map((payload) => this.#decodeOr(payload));
    this.dispatchEvent(event("close", { ...end, unacknowledged }));
    this.#closed.resolve(end);
    this.#dismissTakers();
  }

  /** A payload that never went out, as the application sent it. */
  #decodeOr(payload) {
    try {
      return this.#codec.decode(payload);
    } catch {
      return payload;
    }
  }
}
