// The face that `connect` gives: typed messages, promises, events, one consumer. Payloads and the connection are link.js's.

import { bytesOf } from "./codecs.js";
import { isText } from "./frames.js";
import { failure, TautlineError } from "./errors.js";
import { deferred, Link } from "./link.js";
import { checkClose, isObject, readOptions, readUrl } from "./options.js";
import { Queue } from "./queue.js";

const isCapture = (options) => Boolean(isObject(options) ? options.capture : options);

export class Socket extends EventTarget {
  #link;
  #codec;
  #inbox = new Queue();
  /** The iterator, or "listeners", once there is one. */
  #consumer;
  /** The listeners for messages: { listener, capture, forget }. */
  #listeners = [];
  /** A message is being decoded, or the application told that it can't be. */
  #taking = false;
  /** Those of the iterator that wait for something: called when there may be, they say whether they were served. */
  #takers = [];
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
      sessionLost: (payloads, resent) => this.#tell("sessionlost", { resent, unacknowledged: this.#decodeAll(payloads) }),
      received: (messages) => this.#receive(messages),
      dropped: (count) => this.#inbox.take(count),
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
    if (type === "message" && Object(listener) === listener) this.#listen(listener, options);
    else super.addEventListener(type, listener, options);
  }

  removeEventListener(type, listener, options) {
    const capture = isCapture(options);
    if (type === "message") this.#unlisten(this.#entryOf(listener, capture));
    // Not as it came: Node does not read a bare boolean.
    super.removeEventListener(type, listener, { capture });
  }

  [Symbol.asyncIterator]() {
    const holds = () => this.#consumer === iterator;
    // In one go past what can't be decoded: whoever asks later, or meanwhile, is not to come first.
    const take = () => {
      let taken;
      while (!taken && holds() && !this.#taking && this.#inbox.length > 0) taken = this.#take();
      return taken;
    };
    /** Resolves with what `find` finds, now or later, or with the end. */
    const wait = (find) =>
      new Promise((resolve) => {
        const end = { value: undefined, done: true };
        // A released one waits for nobody.
        if (!holds()) resolve(end);
        this.#takers.push(() => {
          const found = find() || (!(holds() && (this.state !== "closed" || this.#inbox.length > 0)) && end);
          return found && !resolve(found);
        });
        this.#serve();
      });
    const iterator = {
      next: () => {
        const taken = this.#takers[0] ? undefined : take();
        return taken ? Promise.resolve(taken) : wait(take);
      },
      return: () => {
        if (holds()) this.#consumer = undefined;
        this.#serve();
        return wait(take);
      },
      [Symbol.asyncIterator]: () => iterator,
      // For streams.js: whether there is a message, for `take` in the same turn. What nobody wants any more by then stays for
      // the next consumer.
      ready: () => wait(() => this.#inbox.length > 0 && {}),
      take,
    };
    this.#mayClaim(iterator);
    this.#consumer = iterator;
    return iterator;
  }

  async [Symbol.asyncDispose ?? Symbol.for("Symbol.asyncDispose")]() {
    await this.close();
  }

  #encode(message) {
    const encoded = this.#codec.encode(message);
    const payload = isText(encoded) ? encoded : bytesOf(encoded);
    if (payload === undefined) throw new TypeError("a codec's encode returns a string or a Uint8Array");
    return payload;
  }

  #tell(type, fields) {
    this.dispatchEvent(Object.assign(new Event(type), fields));
  }

  // In

  #mayClaim(consumer) {
    if (this.#consumer && this.#consumer !== consumer) throw failure("consumer");
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
    queueMicrotask(() => this.#dispatchAll());
    this.#consumer = "listeners";
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
    while (this.#inbox.length > 0 && this.#listeners.length > 0) {
      const taken = this.#take();
      if (taken) this.#tell("message", { data: taken.value });
    }
  }

  /** The oldest message, as iterators give it; undefined where it could not be decoded. */
  #take() {
    this.#taking = true;
    const data = this.#inbox.shift();
    try {
      this.#link.taken();
      return { value: this.#codec.decode(data), done: false };
    } catch (cause) {
      this.#tell("error", { error: failure("decode", { cause, data }) });
      // Those who asked meanwhile.
      queueMicrotask(() => this.#serve());
    } finally {
      this.#taking = false;
    }
  }

  #receive(messages) {
    for (const data of messages) {
      this.#inbox.push(isText(data) ? data : new Uint8Array(data));
      this.#serve();
    }
    this.#dispatchAll();
  }

  /** Gives those that wait what there is, or the end. */
  #serve() {
    for (let taker; (taker = this.#takers[0])?.(); ) {
      // It may have been served in the course of it.
      if (this.#takers[0] === taker) this.#takers.shift();
    }
  }

  #end(end, error, payloads) {
    // Nothing comes after `close`.
    this.#dispatchAll();
    this.#opened.reject(error ?? new TautlineError("closed", `the socket closed with ${end.code} before it was open`));
    if (error && error.code !== "closed") this.#tell("error", { error });
    this.#tell("close", { ...end, unacknowledged: this.#decodeAll(payloads) });
    this.#closed.resolve(end);
    this.#serve();
  }

  /** Payloads that come back, as the application sent them. */
  #decodeAll(payloads) {
    return payloads.map((payload) => {
      try {
        return this.#codec.decode(payload);
      } catch {
        return payload;
      }
    });
  }
}
