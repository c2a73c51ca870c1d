// The shared face: what an application holds. Payloads, promises and events are here; when to connect, send and give up
// is the engine's business, in wasm. The engine calls the methods of the object that `#face` makes.

import { bytesOf } from "./codecs.js";
import { failure, TautlineError } from "./errors.js";
import { checkClose, readOptions, readUrl } from "./options.js";
import { Queue } from "./queue.js";

const ACCEPTED = Promise.resolve();
const DONE = Object.freeze({ value: undefined, done: true });
const WAIT = 1;
const REFUSED = [, , "overflow", "too-big", "closed"];

const event = (type, fields) => Object.assign(new Event(type), fields);
const sizeOf = (payload) => (typeof payload === "string" ? payload.length : payload.byteLength);

export class Socket extends EventTarget {
  #engine;
  #options;
  #url;
  #provider;
  /** Ends the URL provider's work on the attempt under way. */
  #question;
  #outbox = new Queue();
  /** Sends that wait for room: { payload, resolve, reject }. */
  #waiting = new Queue();
  #waitingBytes = 0;
  #inbox = new Queue();
  /** "iterator" or "listeners", once there is one. */
  #consumer;
  /** The listeners for messages, and whether each wants only one. */
  #listeners = new Map();
  /** Calls of the iterator's `next` that wait for a message. */
  #takers = new Queue();
  /** Sends that flush waits for: { count, resolve, reject }. */
  #flushes = [];
  #accepted = 0;
  #released = 0;
  #lastClose = null;
  /** The end, once there is one. */
  #result;
  /** The figures at the end. */
  #stats;
  #opened = deferred();
  #closed = deferred();
  #protocol = "";

  constructor(load, url, options) {
    super();
    this.#provider = typeof url === "function" ? url : undefined;
    this.#options = readOptions(options, this.#provider !== undefined);
    if (!this.#provider) this.#url = readUrl(url);
    // Nobody has to await it.
    this.#opened.promise.catch(() => {});
    const { signal } = this.#options;
    try {
      const Engine = load();
      this.#engine = new Engine(this.#face(), this.#options.numbers);
    } catch (cause) {
      queueMicrotask(() => this.#end(failure("wasm", { cause }), 1006, "", false));
      return;
    }
    const abort = () => this.#engine.abort();
    signal?.addEventListener("abort", abort, { once: true });
    this.#closed.promise.then(() => signal?.removeEventListener("abort", abort));
    // Listeners are added in the turn of `connect`; nothing is told before its end.
    queueMicrotask(() => (signal?.aborted ? this.#engine.abort() : this.#engine.start()));
  }

  get state() {
    return this.#result ? "closed" : (this.#engine?.state ?? "connecting");
  }

  get opened() {
    return this.#opened.promise;
  }

  get closed() {
    return this.#closed.promise;
  }

  get protocol() {
    return this.#protocol;
  }

  send(message) {
    let payload;
    try {
      payload = this.#encode(message);
    } catch (cause) {
      return Promise.reject(failure("encode", { cause, data: message }));
    }
    if (this.#waiting.length > 0) return this.#wait(payload);
    const answer = this.#accept(payload);
    if (answer === 0) return ACCEPTED;
    if (answer === WAIT) return this.#wait(payload);
    return Promise.reject(failure(REFUSED[answer]));
  }

  flush() {
    if (this.#result) return Promise.reject(failure("closed"));
    if (this.#released >= this.#accepted) return Promise.resolve();
    const flush = deferred();
    this.#flushes.push({ count: this.#accepted, ...flush });
    return flush.promise;
  }

  close(code = 1000, reason = "", { timeout = 5000 } = {}) {
    reason = String(reason);
    try {
      checkClose(code, reason);
      if (!(timeout >= 0)) throw new TypeError("tautline: close takes a `timeout` in milliseconds");
    } catch (error) {
      return Promise.reject(error);
    }
    if (!this.#result) {
      this.#refuseWaiting();
      this.#engine?.close(code, reason, timeout);
    }
    return this.#closed.promise;
  }

  stats() {
    const figures = this.#stats ?? this.#engine?.stats() ?? new Float64Array(8);
    const [attempts, reconnects, sent, received, outMessages, outBytes, inMessages, inBytes] = figures;
    return {
      state: this.state,
      attempts,
      reconnects,
      sent,
      received,
      outbox: { messages: outMessages, bytes: outBytes },
      inbox: { messages: inMessages, bytes: inBytes },
      unacknowledged: 0,
      rtt: null,
      lastClose: this.#lastClose,
    };
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

  // Out

  #encode(message) {
    const payload = this.#options.codec.encode(message);
    if (typeof payload === "string") return payload;
    const bytes = bytesOf(payload);
    if (!bytes) throw new TypeError("a codec's encode returns a string or a Uint8Array");
    // Memory that threads share, or that may shrink, is not for a socket: a copy is.
    return bytes.buffer instanceof ArrayBuffer && !bytes.buffer.resizable ? bytes : bytes.slice();
  }

  /** Asks the engine to take a payload; 0 where it did. */
  #accept(payload) {
    if (this.#result || !this.#engine) return 4;
    const outbox = this.#outbox;
    outbox.push(payload);
    const before = this.#accepted++;
    const answer = this.#engine.send(sizeOf(payload));
    if (answer !== 0) {
      outbox.pop();
      this.#accepted = before;
    } else if (typeof payload !== "string" && this.#released <= before) {
      // It waits, and whoever sent it may use its memory for something else.
      outbox.set(before - this.#released, payload.slice());
    }
    return answer;
  }

  #wait(payload) {
    const { messages, bytes } = this.#options.waiting;
    const size = sizeOf(payload);
    if (size > bytes) return Promise.reject(failure("too-big"));
    if (this.#waiting.length >= messages || this.#waitingBytes + size > bytes) {
      return Promise.reject(failure("overflow"));
    }
    const waiting = deferred();
    this.#waiting.push({ payload: typeof payload === "string" ? payload : payload.slice(), ...waiting });
    this.#waitingBytes += size;
    return waiting.promise;
  }

  #admitWaiting() {
    while (this.#waiting.length > 0) {
      const { payload, resolve, reject } = this.#waiting.at(0);
      const answer = this.#accept(payload);
      if (answer === WAIT) return;
      this.#waiting.shift();
      this.#waitingBytes -= sizeOf(payload);
      if (answer === 0) resolve();
      else reject(failure(REFUSED[answer]));
    }
  }

  #refuseWaiting() {
    this.#waitingBytes = 0;
    for (const { reject } of this.#waiting.drain()) reject(failure("closed"));
  }

  #release(count) {
    for (let i = 0; i < count; i++) this.#outbox.shift();
    this.#released += count;
    while (this.#flushes.length > 0 && this.#flushes[0].count <= this.#released) this.#flushes.shift().resolve();
    // After this turn of the engine's loop.
    if (this.#waiting.length > 0) queueMicrotask(() => this.#admitWaiting());
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
    if (!this.#stats) this.#engine.taken(1);
    try {
      return { value: this.#options.codec.decode(data) };
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
    if (this.#result || this.#consumer !== "iterator") return Promise.resolve(DONE);
    const taker = deferred();
    this.#takers.push(taker);
    return taker.promise;
  }

  #dismissTakers() {
    for (const taker of this.#takers.drain()) taker.resolve(DONE);
  }

  #deliver(data) {
    this.#inbox.push(typeof data === "string" ? data : new Uint8Array(data));
    if (this.#consumer === "listeners") {
      this.#dispatchAll();
    } else if (this.#takers.length > 0) {
      const taken = this.#take();
      if (taken) this.#takers.shift()?.resolve({ value: taken.value, done: false });
    }
  }

  // What the engine calls

  #face() {
    return {
      open: () => new WebSocket(this.#url, this.#options.protocols),
      askUrl: (number) => this.#askUrl(number),
      forgetUrl: () => this.#question?.abort(),
      transmit: (socket, count) => {
        for (let i = 0; i < count; i++) this.#hand(socket, this.#outbox.at(i));
      },
      release: (count) => this.#release(count),
      heartbeat: (socket) => this.#heartbeat(socket),
      deliver: (data) => this.#deliver(data),
      dropOldest: (count) => {
        for (let i = 0; i < count; i++) this.#inbox.shift();
      },
      retry: (code, reason, wasClean) => {
        this.#lastClose = { code, reason, wasClean };
        try {
          return this.#options.retry && Boolean(this.#options.retry({ ...this.#lastClose }));
        } catch (error) {
          // Uncaught, but not through the engine.
          setTimeout(() => {
            throw error;
          });
          return undefined;
        }
      },
      connected: (socket) => {
        this.#protocol = socket.protocol;
      },
      stateChanged: (state, previous, retryIn, code, message) => {
        const cause = code ? new TautlineError(code, message) : undefined;
        this.dispatchEvent(event("statechange", { state, previous, retryIn: retryIn ?? null, cause }));
      },
      opened: () => {
        this.#opened.resolve();
        this.dispatchEvent(event("open", { resumed: false }));
      },
      disconnected: (code, reason, wasClean, retryIn) => {
        this.#lastClose = { code, reason, wasClean };
        this.dispatchEvent(event("disconnect", { code, reason, wasClean, retryIn: retryIn ?? null }));
      },
      closed: (code, reason, wasClean, failed, message) =>
        this.#end(failed ? new TautlineError(failed, message) : undefined, code, reason, wasClean),
    };
  }

  /** Nothing that the browser throws may pass through the engine. */
  #hand(socket, payload) {
    try {
      socket.send(payload);
    } catch (cause) {
      queueMicrotask(() => this.dispatchEvent(event("error", { error: failure("encode", { cause }) })));
    }
  }

  #heartbeat(socket) {
    try {
      socket.send(this.#encode(this.#options.heartbeat()));
    } catch (cause) {
      this.dispatchEvent(event("error", { error: failure("encode", { cause }) }));
    }
  }

  async #askUrl(number) {
    const question = new AbortController();
    this.#question = question;
    let ready = false;
    try {
      const attempt = { number, lastClose: this.#lastClose ?? undefined, signal: question.signal };
      const url = readUrl(await this.#provider(attempt));
      if (question.signal.aborted) return;
      this.#url = url;
      ready = true;
    } catch (cause) {
      if (question.signal.aborted) return;
      this.dispatchEvent(event("error", { error: new TautlineError("url", "the URL provider failed", { cause }) }));
    }
    this.#question = undefined;
    this.#engine.urlAnswered(number, ready);
  }

  #end(error, code, reason, wasClean) {
    this.#stats = this.#engine?.stats() ?? new Float64Array(8);
    this.#result = { code, reason, wasClean };
    this.#lastClose = { ...this.#result };
    this.#refuseWaiting();
    for (const { reject } of this.#flushes.splice(0)) reject(failure("closed"));
    const unacknowledged = this.#outbox.drain().map((payload) => this.#decodeOr(payload));
    this.#opened.reject(error ?? new TautlineError("closed", `the socket closed before it was open (code ${code})`));
    if (error && error.code !== "closed") this.dispatchEvent(event("error", { error }));
    this.dispatchEvent(event("close", { ...this.#result, unacknowledged }));
    this.#closed.resolve({ ...this.#result });
    this.#dismissTakers();
    // The engine called this, and can't go before it has returned.
    const engine = this.#engine;
    setTimeout(() => engine?.free());
  }

  /** A payload that never went out, as the application sent it. */
  #decodeOr(payload) {
    try {
      return this.#options.codec.decode(payload);
    } catch {
      return payload;
    }
  }
}

function deferred() {
  let resolve, reject;
  const promise = new Promise((...settle) => ([resolve, reject] = settle));
  return { promise, resolve, reject };
}
