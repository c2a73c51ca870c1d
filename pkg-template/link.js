// One connection that comes back, with the payloads that wait for it: strings, bytes, Blobs. When to connect, send and give
// up is decided in wasm; the reactor calls the object that `#host` makes. What an application holds is made of this, in
// socket.js and tautsocket.js: the owner, whose methods are called for everything that happens.

import { failure, TautlineError } from "./errors.js";
import { readUrl } from "./options.js";
import { Queue } from "./queue.js";
import { Reactor } from "./reactor.js";

const ACCEPTED = Promise.resolve();
// In the engine's order.
const STATES = ["connecting", "open", "waiting", "closed"];
const WAIT = 1;
/** What the engine answers to a message that it does not take. */
export const REFUSED = [, , "overflow", "too-big", "closed"];
const NOTHING = new Float64Array(8);

export const sizeOf = (payload) =>
  typeof payload === "string" ? payload.length : (payload.byteLength ?? payload.size);

export function deferred() {
  let resolve, reject;
  const promise = new Promise((...settle) => ([resolve, reject] = settle));
  return { promise, resolve, reject };
}

export class Link {
  state = STATES[0];
  protocol = "";
  /** The browser's socket of the latest attempt. */
  raw;
  #owner;
  #options;
  #reactor;
  #url;
  #provider;
  /** Ends the URL provider's work on the attempt under way. */
  #question;
  #outbox = new Queue();
  /** Sends that wait for room, or for the engine: { payload, resolve, reject }. */
  #waiting = new Queue();
  #waitingBytes = 0;
  /** A close that came before the engine did. */
  #earlyClose;
  /** Sends that flush waits for: { count, resolve, reject }. */
  #flushes = [];
  #accepted = 0;
  #released = 0;
  #lastClose = null;
  /** The figures at the end. */
  #stats;

  /** `load` gives the engine's class or a promise of it, and may throw or reject. */
  constructor(load, url, options, owner) {
    this.#owner = owner;
    this.#options = options;
    if (typeof url === "function") this.#provider = url;
    else this.#url = url;
    options.signal?.addEventListener("abort", this.#abort);
    try {
      const engine = load();
      if (typeof engine === "function") this.#begin(engine);
      else engine.then((engine) => this.#begin(engine)).catch((cause) => this.#fail(cause));
    } catch (cause) {
      queueMicrotask(() => this.#fail(cause));
    }
    if (options.signal?.aborted && !this.#reactor) queueMicrotask(this.#abort);
  }

  /** Asks the engine to take a payload at once; 0 where it did. */
  offer(payload) {
    if (this.#stats || this.#earlyClose) return 4;
    if (!this.#reactor || this.#waiting.length > 0) return WAIT;
    return this.#offer(payload);
  }

  /** A promise for when it is accepted; past the bounds of the outbox as many may wait for room as it holds. */
  send(payload) {
    const answer = this.offer(payload);
    if (answer === 0) return ACCEPTED;
    if (answer !== WAIT) return Promise.reject(failure(REFUSED[answer]));
    const { messages, bytes, dropOldest } = this.#options.outbox;
    const size = sizeOf(payload);
    if (size > bytes) return Promise.reject(failure("too-big"));
    const waiting = this.#waiting;
    while (waiting.length >= messages || this.#waitingBytes + size > bytes) {
      if (!dropOldest) return Promise.reject(failure("overflow"));
      this.#waitingBytes -= sizeOf(waiting.at(0).payload);
      waiting.shift().resolve();
      // Accepted, and gone.
      this.#accepted++;
      this.#forget(1);
    }
    const place = deferred();
    waiting.push({ payload: kept(payload), ...place });
    this.#waitingBytes += size;
    return place.promise;
  }

  /** Resolves when everything accepted so far is handed to the browser. */
  flush() {
    if (this.#stats) return Promise.reject(failure("closed"));
    if (this.#released >= this.#accepted && this.#waiting.length === 0) return Promise.resolve();
    const flush = deferred();
    this.#flushes.push({ count: this.#accepted + this.#waiting.length, ...flush });
    return flush.promise;
  }

  close(code, reason, timeout) {
    if (this.#stats) return;
    if (this.#reactor) {
      this.#refuseWaiting();
      this.#reactor.close(code, reason, timeout);
    } else if (this.#waiting.length === 0) {
      this.#end({ code, reason, wasClean: true });
    } else if (!this.#earlyClose) {
      this.#earlyClose = { code, reason, timeout };
      setTimeout(() => this.#reactor ?? this.#fail(failure("closed")), timeout);
    }
  }

  /** The application has this many messages. */
  taken(count) {
    if (!this.#stats) this.#reactor.taken(count);
  }

  stats() {
    const [attempts, reconnects, sent, received, outMessages, outBytes, inMessages, inBytes] =
      this.#stats ?? this.#figures();
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
      lastClose: this.#lastClose && { ...this.#lastClose },
    };
  }

  #figures() {
    return this.#reactor ? NOTHING.map((_, index) => this.#reactor.figure(index)) : NOTHING;
  }

  // Begin

  #begin(Engine) {
    if (this.#stats) return;
    this.#reactor = new Reactor(Engine, this.#options.numbers, this.#host());
    // The owner is told nothing, and its listeners are there, before the turn of its making ends.
    queueMicrotask(() => {
      if (this.#stats) return;
      if (this.#options.signal?.aborted) return this.#abort();
      this.#reactor.start();
      this.#admitWaiting();
      if (this.#earlyClose) this.close(...Object.values(this.#earlyClose));
    });
  }

  #abort = () => {
    if (this.#reactor) this.#reactor.abort();
    else if (!this.#stats) this.#end(broken(), failure("aborted"));
  };

  #fail(cause) {
    if (!this.#stats) this.#end(broken(), cause instanceof TautlineError ? cause : failure("wasm", { cause }));
  }

  // Out

  #offer(payload) {
    const outbox = this.#outbox;
    outbox.push(payload);
    const before = this.#accepted++;
    const answer = this.#reactor.send(sizeOf(payload));
    if (answer !== 0) {
      outbox.pop();
      this.#accepted = before;
    } else if (this.#released <= before) {
      // It waits, and whoever sent it may use its memory for something else.
      outbox.set(before - this.#released, kept(payload));
    }
    return answer;
  }

  /** So many of the oldest that were accepted are handed on, or had to make room. */
  #forget(count) {
    this.#released += count;
    while (this.#flushes.length > 0 && this.#flushes[0].count <= this.#released) this.#flushes.shift().resolve();
  }

  #admitWaiting() {
    while (this.#waiting.length > 0) {
      const { payload, resolve, reject } = this.#waiting.at(0);
      const answer = this.#stats ? 4 : this.#offer(payload);
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

  // What the reactor calls. None of it throws, `open` excepted.

  #host() {
    const owner = this.#owner;
    return {
      open: () => {
        this.raw = new WebSocket(this.#url, this.#options.protocols);
        owner.connecting?.(this.raw);
        return this.raw;
      },
      connected: (raw) => {
        this.protocol = raw.protocol;
      },
      askUrl: (number) => this.#askUrl(number),
      forgetUrl: () => this.#question?.abort(),
      transmit: (raw, count) => {
        for (let i = 0; i < count; i++) this.#hand(raw, () => this.#outbox.at(i));
      },
      heartbeat: (raw) => this.#hand(raw, this.#options.heartbeat),
      release: (count) => {
        for (let i = 0; i < count; i++) this.#outbox.shift();
        this.#forget(count);
        // After this turn of the engine's loop.
        if (this.#waiting.length > 0) queueMicrotask(() => this.#admitWaiting());
      },
      deliver: (data) => owner.received(data),
      dropOldest: (count) => owner.dropped(count),
      retry: (close) => {
        this.#lastClose = close;
        try {
          return this.#options.retry && Boolean(this.#options.retry({ ...close }));
        } catch (error) {
          // Uncaught, but not through the engine.
          setTimeout(() => {
            throw error;
          });
          return undefined;
        }
      },
      stateChanged: (state, previous, retryIn, code, message) => {
        this.#changeState(state, previous, retryIn, code ? new TautlineError(code, message) : undefined);
      },
      opened: () => owner.opened(),
      disconnected: (close, retryIn) => {
        this.#lastClose = close;
        owner.disconnected({ ...close, retryIn });
      },
      closed: (close, failed, message) => this.#end(close, failed ? new TautlineError(failed, message) : undefined),
    };
  }

  /** Nothing that a heartbeat or the browser throws may pass through the engine. */
  #hand(raw, payload) {
    try {
      raw?.send(payload());
    } catch (cause) {
      queueMicrotask(() => this.#owner.failed(failure("encode", { cause })));
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
      this.#owner.failed(new TautlineError("url", "the URL provider failed", { cause }));
    }
    this.#question = undefined;
    if (!this.#stats) this.#reactor.urlAnswered(number, ready);
  }

  #changeState(state, previous, retryIn, cause) {
    this.state = STATES[state];
    this.#owner.stateChanged({ state: this.state, previous: STATES[previous], retryIn, cause });
  }

  #end(close, error) {
    this.#stats = this.#figures();
    this.#lastClose = close;
    // Where it ended before there was an engine, which tells it otherwise.
    if (this.state !== STATES[3]) this.#changeState(3, 0, null, error);
    this.#options.signal?.removeEventListener("abort", this.#abort);
    this.#refuseWaiting();
    for (const { reject } of this.#flushes.splice(0)) reject(failure("closed"));
    this.#owner.closed({ ...close }, error, this.#outbox.drain());
    // The reactor called this, and is not done yet.
    setTimeout(() => this.#reactor?.free());
  }
}

/** The end of a connection that never was. */
const broken = () => ({ code: 1006, reason: "", wasClean: false });

/** A payload that its sender can't change any more. */
function kept(payload) {
  return payload instanceof Uint8Array ? payload.slice() : payload;
}
