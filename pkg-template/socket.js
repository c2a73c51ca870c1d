// The face that `connect` gives: typed messages, promises, events, one consumer. Payloads and the connection are link.js's.

import { bytesOf } from "./codecs.js";
import { failure, TautlineError } from "./errors.js";
import { deferred, Link } from "./link.js";
import { checkClose, isFunction, isObject, readOptions, readUrl } from "./options.js";
import { Queue } from "./queue.js";

const DONE = Object.freeze({ value: undefined, done: true });

const isCapture = (options) => Boolean(isObject(options) ? options.capture : options);

export class Socket extends EventTarget {
  #link;
  #codec;
  #inbox = new Queue();
  /** "iterator" or "listeners", once there is one. */
  #consumer;
  /** The listeners for messages: { listener, capture, forget }. */
  #listeners = [];
  /** Those of the iterator that wait for a message. */
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
      opened: (resumed) => {
        this.#opened.resolve();
        this.#tell("open", { resumed });
      },
      sessionLost: (payloads, resent) => {
        const unacknowledged = payloads.map((payload) => this.#decodeOr(payload));
        this.#tell("sessionlost", { unacknowledged, resent });
      },
      received: (messages) => this.#receive(messages),
      dropped: (count) => {
        this.#inbox.take(count);
      },
      stateChanged: (change) => this.#tell("statechange", change),
      disconnected: (end) => this.#tell("disconnect", end),
      failed: (error) => this.#tell("error", { error }),
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
      if (!(timeout >= 0)) throw new TypeError("tautline: close takes `timeout` in milliseconds");
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
    // What is no listener is for the platform to refuse.
    if (type === "message" && (isFunction(listener) || isObject(listener))) this.#listen(listener, options);
    else super.addEventListener(type, listener, options);
  }

  removeEventListener(type, listener, options) {
    const capture = isCapture(options);
    if (type === "message") this.#unlisten(this.#entryOf(listener, capture));
    // Not as it came: Node does not read a bare boolean.
    super.removeEventListener(type, listener, { capture });
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
    // Whether there is a message, for `take` in the same turn: what nobody wants any more by then stays for the next consumer.
    const ready = () => !released && this.#ready();
    // In one go past what can't be decoded: whoever asks later, or meanwhile, is not to come first.
    const take = () => {
      let taken;
      while (!taken && !released && this.#inbox.length > 0) taken = this.#take();
      return taken;
    };
    let asked = 0;
    const wait = async () => {
      let taken;
      while (!taken && (await ready())) taken = take();
      asked--;
      return taken ?? DONE;
    };
    // At once where there is one and nobody asked before.
    const next = () => {
      const taken = asked++ ? undefined : take();
      if (!taken) return wait();
      asked--;
      return Promise.resolve(taken);
    };
    return {
      next,
      return: release,
      [Symbol.asyncIterator]() {
        return this;
      },
      // For streams.js.
      ready,
      take,
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

  #tell(type, fields) {
    this.dispatchEvent(Object.assign(new Event(type), fields));
  }

  // In

  #claim(consumer) {
    this.#mayClaim(consumer);
    this.#consumer = consumer;
  }

  #mayClaim(consumer) {
    if (this.#consumer !== undefined && (this.#consumer !== consumer || consumer === "iterator")) {
      throw failure("consumer");
    }
  }

  /** The messages go to listeners from now on; those that wait, in a turn of their own. */
  #listen(listener, options) {
    const { once, signal } = Object(options);
    const capture = isCapture(options);
    if (signal?.aborted || this.#entryOf(listener, capture)) return;
    this.#mayClaim("listeners");
    const entry = { listener, capture };
    // Right before the listener, when and if that is called.
    const mark = once && (() => this.#unlisten(entry));
    if (mark) super.addEventListener("message", mark, { capture, once });
    super.addEventListener("message", listener, { capture, once: Boolean(once) });
    if (this.#consumer === undefined) queueMicrotask(() => this.#dispatchAll());
    this.#claim("listeners");
    // The signal is ours to watch: a browser that removes by the listener would remove its next registration, too.
    const abort = () => this.removeEventListener("message", listener, { capture });
    signal?.addEventListener("abort", abort);
    entry.forget = () => {
      signal?.removeEventListener("abort", abort);
      if (mark) super.removeEventListener("message", mark, { capture });
    };
    this.#listeners.push(entry);
  }

  #entryOf(listener, capture) {
    return this.#listeners.find((entry) => entry.listener === listener && entry.capture === capture);
  }

  /** Without a listener the messages wait again. */
  #unlisten(entry) {
    const place = this.#listeners.indexOf(entry);
    if (place < 0) return;
    entry.forget();
    this.#listeners.splice(place, 1);
    if (this.#listeners.length === 0) this.#consumer = undefined;
  }

  #dispatchAll() {
    while (this.#inbox.length > 0 && this.#consumer === "listeners") {
      const taken = this.#take();
      if (taken) this.#tell("message", { data: taken.value });
    }
  }

  /** The oldest message, as iterators give it; undefined where it could not be decoded. */
  #take() {
    const data = this.#inbox.shift();
    this.#link.taken();
    try {
      return { value: this.#codec.decode(data), done: false };
    } catch (cause) {
      this.#tell("error", { error: failure("decode", { cause, data }) });
      return undefined;
    }
  }

  /** True once there is a message for the iterator, false where there will be none; or a promise of it. */
  #ready() {
    if (this.#inbox.length > 0) return true;
    return this.state !== "closed" && this.#consumer === "iterator" && new Promise((resolve) => this.#takers.push(resolve));
  }

  #dismissTakers() {
    for (const resolve of this.#takers.take()) resolve(false);
  }

  #receive(messages) {
    for (const data of messages) {
      this.#inbox.push(typeof data === "string" ? data : new Uint8Array(data));
      this.#takers.shift()?.(true);
    }
    this.#dispatchAll();
  }

  #end(end, error, payloads) {
    // Nothing comes after `close`.
    this.#dispatchAll();
    this.#opened.reject(error ?? new TautlineError("closed", `the socket closed before it was open (code ${end.code})`));
    if (error && error.code !== "closed") this.#tell("error", { error });
    const unacknowledged = payloads.map((payload) => this.#decodeOr(payload));
    this.#tell("close", { ...end, unacknowledged });
    this.#closed.resolve(end);
    this.#dismissTakers();
  }

  /** A payload that comes back, as the application sent it. */
  #decodeOr(payload) {
    try {
      return this.#codec.decode(payload);
    } catch {
      return payload;
    }
  }
}
