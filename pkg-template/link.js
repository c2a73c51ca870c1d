// One connection that comes back, with the payloads that wait for it: strings, bytes, Blobs. When to connect, send and give
// up is decided in wasm; the reactor calls the object that `#host` makes. What an application holds is made of this, in
// socket.js and tautsocket.js: the owner, whose methods are called for everything that happens.

import { CODECS } from "./codecs.js";
import { failure, TautlineError, wasmFailure } from "./errors.js";
import { FAILURES } from "./failures.js";
import { pack, sizeOf } from "./frames.js";
import * as N from "./numbers.js";
import { readUrl } from "./options.js";
import { Queue } from "./queue.js";
import { lengthOf, LONGEST, now, PROTOCOL, Reactor } from "./reactor.js";

const ACCEPTED = Promise.resolve();
// In the engine's order.
const STATES = ["connecting", "open", "waiting", "closed"];
// Why a message is refused, by the engine's answer.
const REFUSED = ["", "overflow", "overflow", "too-big", "closed"];
/** That many figures has the engine; without one, nothing is known of the round trip. */
const NOTHING = [0, 0, 0, 0, 0, 0, 0, 0, 0, NaN];

/** The end of a connection that never was. */
export const broken = () => ({ code: 1006, reason: "", wasClean: false });

const refusal = (code) => Promise.reject(failure(code));

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
  /** There once the wasm is. */
  #reactor;
  #started = false;
  #url;
  #provider;
  /** Ends the URL provider's work on the attempt under way. */
  #question;
  /** What the browser threw for the latest attempt. */
  #thrown;
  #outbox = new Queue();
  /** Sends that wait for room, or for the engine: { payload, size, resolve, reject }. */
  #waiting = new Queue();
  #waitingBytes = 0;
  /** A close that came before the start: { code, reason, by }, and what keeps it to its time. */
  #earlyClose;
  #closeTimer;
  /** Sends that flush waits for: { count, resolve, reject }. */
  #flushes = [];
  #accepted = 0;
  /** Of those, how many are not the outbox's any more: handed to the browser, or in a session taken at the other end. */
  #released = 0;
  #lastClose = null;
  /** The figures at the end, once there is one. */
  #stats;

  /** `load` gives what the wasm exports or a promise of it, and may throw or reject. */
  constructor(load, url, options, owner) {
    this.#owner = owner;
    this.#options = options;
    if (typeof url === "function") this.#provider = url;
    else this.#url = url;
    options.signal?.addEventListener("abort", this.#abort);
    let wasm;
    try {
      wasm = load();
      if (wasm.poll) this.#begin(wasm);
    } catch (cause) {
      wasm = Promise.reject(cause);
    }
    // Nothing is told before the turn of its making ends: the owner's listeners are added in it.
    if (this.#reactor) queueMicrotask(() => this.#start());
    else wasm.then((wasm) => this.#begin(wasm) && this.#start()).catch((cause) => this.#end(broken(), wasmFailure(cause)));
    if (options.signal?.aborted) queueMicrotask(this.#abort);
  }

  /** Takes a payload at once, or says why not. */
  offer(payload) {
    return REFUSED[this.#offer(payload)];
  }

  /** A promise for when it is accepted; past the bounds of the outbox as many may wait for room as it holds. */
  send(payload) {
    const answer = this.#offer(payload);
    if (answer === N.ACCEPT) return ACCEPTED;
    if (answer !== N.WAIT) return refusal(REFUSED[answer]);
    const { messages, bytes, dropOldest } = this.#options.outbox;
    const size = this.#sizeOf(payload);
    if (size > bytes) return refusal("too-big");
    const waiting = this.#waiting;
    while (waiting.length >= messages || this.#waitingBytes + size > bytes) {
      if (!dropOldest) return refusal("overflow");
      this.#nextWaiting().resolve();
      // Accepted, and gone.
      this.#accepted++;
      this.#forget(1);
    }
    const place = deferred();
    waiting.push({ payload: kept(payload), size, ...place });
    this.#waitingBytes += size;
    return place.promise;
  }

  /** Resolves when everything accepted so far, and what waits to be, is handed to the browser; in a session, taken. */
  flush() {
    if (this.#stats) return refusal("closed");
    if (this.#released >= this.#accepted && this.#waiting.length === 0) return ACCEPTED;
    const flush = deferred();
    this.#flushes.push({ count: this.#accepted + this.#waiting.length, ...flush });
    return flush.promise;
  }

  close(code, reason, timeout) {
    if (this.#stats || this.#earlyClose) return;
    if (this.#started) {
      this.#refuseWaiting();
      this.#reactor.close(code, reason, timeout);
      return;
    }
    this.#earlyClose = { code, reason, by: now() + timeout };
    if (this.#reactor) {
      this.#refuseWaiting();
    } else if (this.#waiting.length === 0) {
      queueMicrotask(() => this.#end({ code, reason, wasClean: true }));
    } else if (timeout <= LONGEST) {
      this.#closeTimer = setTimeout(() => this.#end(broken()), timeout);
    }
  }

  /** The application has the oldest message. */
  taken() {
    if (!this.#stats) this.#reactor.taken();
  }

  stats() {
    const [attempts, reconnects, sent, received, outMessages, outBytes, inMessages, inBytes, unacknowledged, rtt] = this.#figures();
    return {
      state: this.state,
      attempts,
      reconnects,
      sent,
      received,
      outbox: { messages: outMessages, bytes: outBytes },
      inbox: { messages: inMessages, bytes: inBytes },
      unacknowledged,
      rtt: rtt >= 0 ? rtt : null,
      lastClose: this.#lastClose && { ...this.#lastClose },
    };
  }

  #figures() {
    return this.#stats ?? (this.#reactor ? NOTHING.map((_, index) => this.#reactor.figure(index)) : NOTHING);
  }

  // Begin and end

  #begin(wasm) {
    if (this.#stats) return false;
    this.#reactor = new Reactor(wasm, this.#options, this.#host());
    return true;
  }

  #start() {
    if (this.#stats) return;
    this.#started = true;
    clearTimeout(this.#closeTimer);
    if (this.#options.signal?.aborted) return this.#abort();
    this.#admitWaiting();
    if (this.#earlyClose) {
      const { code, reason, by } = this.#earlyClose;
      this.#refuseWaiting();
      this.#reactor.close(code, reason, by - now());
    }
    this.#reactor.start();
  }

  #abort = () => {
    if (this.#stats) return;
    if (this.#reactor) this.#reactor.abort();
    else this.#end(broken(), failure("aborted"));
  };

  #end(close, error) {
    if (this.#stats) return;
    this.#stats = this.#figures();
    this.#lastClose = close;
    clearTimeout(this.#closeTimer);
    // Where it ended before it was started, which tells it otherwise.
    if (this.state !== "closed") this.#changeState(3, 0, null, error);
    this.#options.signal?.removeEventListener("abort", this.#abort);
    this.#refuseWaiting();
    this.#refuseFlushes("closed");
    this.#owner.closed({ ...close }, error, this.#outbox.take());
    // The reactor called this, and is not done yet.
    setTimeout(() => this.#reactor?.free());
  }

  #refuseFlushes(code) {
    for (const flush of this.#flushes.splice(0)) flush.reject(failure(code));
  }

  #changeState(state, previous, retryIn, cause) {
    this.state = STATES[state];
    this.#owner.stateChanged({ state: this.state, previous: STATES[previous], retryIn, cause });
  }

  // Out

  #offer(payload) {
    if (this.#stats || this.#earlyClose) return N.GONE;
    if (!this.#reactor || this.#waiting.length > 0) return N.WAIT;
    return this.#put(payload, this.#sizeOf(payload), kept);
  }

  /** In a session as it counts on the wire, in UTF-8; otherwise what costs nothing to know. */
  #sizeOf(payload) {
    return this.#options.durable ? sizeOf(payload) : lengthOf(payload);
  }

  /** Puts a payload into the outbox, where the engine takes it. */
  #put(payload, size, keep) {
    const outbox = this.#outbox;
    outbox.push(payload);
    const before = this.#accepted++;
    const answer = this.#reactor.send(size);
    if (answer !== N.ACCEPT) {
      outbox.pop();
      this.#accepted = before;
    } else if (keep && this.#released <= before) {
      // It waits, and whoever sent it may use its memory for something else.
      outbox.set(before - this.#released, keep(payload));
    }
    return answer;
  }

  /** So many of the oldest that were accepted are handed on, or taken, or had to make room. */
  #forget(count) {
    this.#released += count;
    while (this.#flushes.length > 0 && this.#flushes[0].count <= this.#released) this.#flushes.shift().resolve();
  }

  #nextWaiting() {
    const next = this.#waiting.shift();
    this.#waitingBytes -= next.size;
    return next;
  }

  #admitWaiting() {
    while (this.#waiting.length > 0) {
      const { payload, size } = this.#waiting.at(0);
      const answer = this.#stats ? N.GONE : this.#put(payload, size);
      if (answer === N.WAIT) return;
      const { resolve, reject } = this.#nextWaiting();
      if (answer === N.ACCEPT) resolve();
      else {
        reject(failure(REFUSED[answer]));
        // One less to wait for.
        for (const flush of this.#flushes) if (flush.count > this.#accepted) flush.count--;
        this.#forget(0);
      }
    }
  }

  /** Takes so many of the oldest out of the outbox. */
  #release(count) {
    const payloads = this.#outbox.take(count);
    this.#forget(count);
    // After this turn of the engine's loop.
    if (this.#waiting.length > 0) queueMicrotask(() => this.#admitWaiting());
    return payloads;
  }

  #refuseWaiting() {
    while (this.#waiting.length > 0) this.#nextWaiting().reject(failure("closed"));
    // They waited for what is refused now.
    while (this.#flushes.at(-1)?.count > this.#accepted) this.#flushes.pop().reject(failure("closed"));
  }

  // What the reactor calls. None of it throws, `open` excepted.

  #host() {
    const owner = this.#owner;
    return {
      open: () => {
        try {
          // In a session the application's own travel in its first frame.
          this.raw = new WebSocket(this.#url, this.#options.durable ? [PROTOCOL] : this.#options.protocols);
        } catch (cause) {
          throw (this.#thrown = cause);
        }
        owner.connecting?.(this.raw);
        return this.raw;
      },
      connected: (raw) => {
        if (!this.#options.durable) this.protocol = raw.protocol;
      },
      askUrl: (number) => this.#askUrl(number),
      forgetUrl: () => this.#question?.abort(),
      transmit: (raw, count) => {
        for (const payload of this.#outbox.slice(0, count)) this.#hand(raw, payload);
      },
      transmitBatch: (raw, count, offset, first) => {
        const payloads = this.#outbox.slice(offset, count);
        // From some length on a browser sends text faster as bytes. JSON escapes what separates messages; others are looked through.
        const isLong = payloads[0].length > 1e4;
        this.#hand(raw, pack(first, payloads, isLong ? false : this.#options.codec === CODECS.json || undefined));
      },
      transmitFrame: (raw, frame) => this.#hand(raw, frame),
      heartbeat: (raw) => {
        try {
          const payload = this.#options.heartbeat();
          if (!this.#options.signal?.aborted) this.#hand(raw, payload);
        } catch (cause) {
          this.#tellLater(cause);
        }
      },
      release: (count) => this.#release(count),
      received: (messages) => owner.received(messages),
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
        }
      },
      stateChanged: (state, previous, retryIn, place) => {
        const cause = this.#error(place);
        // Nobody else reports the end of an attempt that took too long.
        if (cause?.code === "timeout") this.#lastClose = broken();
        this.#changeState(state, previous, retryIn, cause);
      },
      opened: (resumed, protocol) => {
        if (this.#options.durable) this.protocol = protocol;
        owner.opened(resumed);
      },
      sessionLost: (unknown, returned) => {
        let lost = [];
        if (returned && unknown > 0) {
          this.#refuseFlushes("session-lost");
          lost = this.#release(unknown);
        }
        owner.sessionLost(lost, returned ? 0 : unknown);
      },
      disconnected: (close, retryIn) => {
        this.#lastClose = close;
        owner.disconnected({ ...close, retryIn });
      },
      closed: (close, place) => this.#end(close, this.#error(place)),
    };
  }

  /** What failed as an error, with what the browser said; undefined where nothing did. */
  #error(place) {
    if (place === 0) return undefined;
    const [code, message] = FAILURES[place - 1];
    if (code !== "url" || !this.#thrown) return new TautlineError(code, message);
    return globalThis.WebSocket
      ? new TautlineError(code, message, { cause: this.#thrown })
      : failure("refused", { cause: this.#thrown });
  }

  /** Nothing that the browser throws may pass through the engine. */
  #hand(raw, payload) {
    try {
      raw?.send(payload);
    } catch (cause) {
      this.#tellLater(cause);
    }
  }

  #tellLater(cause) {
    queueMicrotask(() => this.#stats ?? this.#owner.failed(failure("encode", { cause })));
  }

  async #askUrl(number) {
    const question = (this.#question = new AbortController());
    const { signal } = question;
    let ready = false;
    try {
      const attempt = { number, lastClose: this.#lastClose ?? undefined, signal };
      const url = readUrl(await this.#provider(attempt));
      if (signal.aborted) return;
      this.#url = url;
      ready = true;
    } catch (cause) {
      if (signal.aborted) return;
      this.#owner.failed(new TautlineError("url", "the URL provider failed", { cause }));
    }
    this.#question = undefined;
    if (!this.#stats) this.#reactor.urlAnswered(number, ready);
  }
}

/** A payload that its sender can't change any more. */
function kept(payload) {
  return payload instanceof Uint8Array ? payload.slice() : payload;
}
