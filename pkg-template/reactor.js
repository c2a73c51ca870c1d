// Binds the engine to the browser's socket, a timer and the page, inside the browser's own callbacks: what src/browser/
// does for the Rust face. In the package it is JavaScript, because wasm that calls the browser costs several kilobytes. Only
// numbers cross to the wasm, bytes one by one; src/js/mod.rs says what they mean.
//
// Everything that happens is one input to the engine; then every output is carried out, in order, by a single loop. What
// user code does meanwhile is taken in and waits its turn in the loop that already runs.

import { decoder, encoder, hasMessages, sizeOf, unpack } from "./frames.js";
import { Queue } from "./queue.js";
import { endOfTurn } from "./turn.js";

// Inputs, then outputs, by their numbers in src/js/mod.rs.
const CONNECT = 0;
const TAKEN = 1;
const ABORT = 2;
const URL_READY = 3;
const URL_FAILED = 4;
const OPEN_FAILED = 5;
const OPENED = 6;
const MESSAGE = 7;
const FAILED = 8;
const CLOSING = 9;
const BUFFERED = 10;
const TIMER = 11;
const ONLINE = 12;
const OFFLINE = 13;
const VISIBLE = 14;
const HIDDEN = 15;
const LEFT = 16;
const RETURNED = 17;
const WOKE = 18;
const UNLOADED = 19;
const WRONG_PROTOCOL = 20;
const MALFORMED = 21;
const TURN_ENDED = 22;
const SEND = 23;
const SHUT = 24;
const ENDED = 25;
const OFFER = 26;
const FRAME = 27;
const PART = 28;
const BATCH = 29;

const ASK_URL = 1;
const OPEN = 2;
const TRANSMIT = 3;
const RELEASE = 4;
const DELIVER = 5;
const DISCARD = 6;
const DROP = 7;
const HEARTBEAT = 8;
const MEASURE = 9;
const CLOSE = 10;
const ABANDON = 11;
const SET_TIMER = 12;
const TELL_OPEN = 13;
const TELL_STATE_CHANGE = 14;
const TELL_DISCONNECTED = 15;
const TELL_CLOSED = 16;
// 17, the very first change of state, is told to nobody.
const TRANSMIT_BATCH = 18;
const CONTROL = 19;
const AWAIT_TURN = 20;
const TELL_SESSION_LOST = 21;

// Numbers to ask for, from some on.
const FAILURE = 3;
const IS_SENDING = 4;
const FIGURES = 5;
const BYTES = 15;

/** The subprotocol of durable sessions. */
export const PROTOCOL = "tautline.v1";

/** The close code of an end that has none. */
const NO_STATUS = 1005;

/** How far the two clocks may drift apart before it counts as a sleep, in ms: the monotonic one stands still then. */
const SLEEP = 5000;
/** A browser takes longer delays than this for none at all. */
export const LONGEST = 2 ** 31 - 1;

const now = () => performance.now();
const drift = () => Date.now() - now();

export class Reactor {
  /** What the wasm exports, and the number by which it knows this one. */
  #wasm;
  #engine;
  /** Messages travel in frames of a session. */
  #durable;
  /** What a face does: src/browser/reactor.rs has the list. */
  #host;
  #raw;
  /** Takes the handlers off the socket. */
  #handlers;
  #generation = 0;
  /** What arrived and was not delivered yet. */
  #arrivals = new Queue();
  #timer;
  /** What the timer is set for. */
  #deadline = Infinity;
  #drift = drift();
  /** Ends the listening to the page. */
  #page = new AbortController();
  /** The loop runs somewhere up the stack. */
  #running = false;

  constructor(wasm, { numbers, durable, protocols }, host) {
    this.#wasm = wasm;
    this.#engine = wasm.create(Math.random(), ...numbers);
    if (durable) {
      for (const protocol of protocols) {
        this.#put(encoder.encode(protocol));
        this.#feed(OFFER);
      }
    }
    this.#durable = durable;
    this.#host = host;
    // A worker hears of the network only, Node of nothing.
    const { document } = globalThis;
    this.#listen(globalThis, "online", () => ONLINE);
    this.#listen(globalThis, "offline", () => OFFLINE);
    this.#listen(globalThis, "pagehide", ({ persisted }) => (persisted ? LEFT : UNLOADED));
    // Fires after the first load, too.
    this.#listen(globalThis, "pageshow", ({ persisted }) => persisted && RETURNED);
    this.#listen(document, "visibilitychange", () => (document.hidden ? HIDDEN : VISIBLE));
    this.#listen(document, "resume", () => WOKE);
  }

  start() {
    if (globalThis.navigator?.onLine === false) this.#feed(OFFLINE);
    this.#handle(CONNECT);
  }

  /** 0 where a message of this size was accepted. */
  send(size) {
    const answer = this.#feed(SEND, 0, size);
    if (answer === 0) this.#run();
    return answer;
  }

  taken(count) {
    this.#handle(TAKEN, 0, count);
  }

  urlAnswered(generation, ready) {
    this.#handle(ready ? URL_READY : URL_FAILED, generation);
  }

  close(code, reason, timeout) {
    this.#put(encoder.encode(reason));
    this.#handle(SHUT, 0, code, timeout);
  }

  abort() {
    this.#handle(ABORT);
  }

  figure(index) {
    return this.#number(FIGURES + index);
  }

  free() {
    this.#wasm.free(this.#engine);
  }

  #listen(target, type, input) {
    target?.addEventListener?.(
      type,
      (event) => {
        const signal = input(event);
        if (signal) this.#handle(signal);
      },
      { signal: this.#page.signal },
    );
  }

  /** The numbers are the generation and what else belongs to it. */
  #feed(input, ...numbers) {
    return this.#wasm.handle(this.#engine, input, now(), ...numbers);
  }

  #handle(input, ...numbers) {
    this.#feed(input, ...numbers);
    this.#run();
  }

  /** Bytes of the next input. */
  #put(bytes) {
    for (const byte of bytes) this.#wasm.put(this.#engine, byte);
  }

  #number(index) {
    return this.#wasm.number(this.#engine, index);
  }

  /** Bytes of the output. */
  #bytes() {
    const bytes = [];
    for (let byte; (byte = this.#number(BYTES + bytes.length)) >= 0; ) bytes.push(byte);
    return new Uint8Array(bytes);
  }

  #text() {
    return decoder.decode(this.#bytes());
  }

  #run() {
    if (this.#running) return;
    this.#running = true;
    try {
      for (;;) {
        // The browser tells nobody when a socket begins to close, and then swallows what it is given.
        if (this.#number(IS_SENDING) && this.#raw?.readyState !== 1) this.#feed(CLOSING, this.#generation);
        const output = this.#wasm.poll(this.#engine);
        if (output === 0) break;
        this.#perform(output, this.#number(0));
      }
    } finally {
      this.#running = false;
    }
  }

  /** Carries one output out. `number` is its generation, count, deadline, code or state. */
  #perform(output, number) {
    const host = this.#host;
    switch (output) {
      case ASK_URL:
        return host.askUrl(number);
      case OPEN:
        return this.#open(number);
      case TRANSMIT:
        return host.transmit(this.#raw, number);
      case RELEASE:
        return host.release(number);
      case TRANSMIT_BATCH:
        return host.transmitBatch(this.#raw, number, this.#number(1), this.#number(2));
      case CONTROL:
        return this.#raw?.send(this.#bytes());
      case AWAIT_TURN:
        return endOfTurn(() => this.#page.signal.aborted || this.#handle(TURN_ENDED));
      case DELIVER:
        for (; number > 0; number--) host.deliver(this.#arrivals.shift());
        return;
      case DISCARD:
        for (; number > 0; number--) this.#arrivals.shift();
        return;
      case DROP:
        return host.dropOldest(number);
      case HEARTBEAT:
        return host.heartbeat(this.#raw);
      case MEASURE:
        return this.#feed(BUFFERED, 0, this.#raw?.bufferedAmount);
      case CLOSE:
        return number === NO_STATUS ? this.#raw?.close() : this.#raw?.close(number, this.#text());
      case ABANDON:
        host.forgetUrl();
        return this.#release(number);
      case SET_TIMER:
        return this.#setTimer(number);
      case TELL_OPEN:
        return host.opened(number === 1, this.#text());
      case TELL_SESSION_LOST:
        return host.sessionLost(number, this.#number(1) === 1);
      case TELL_STATE_CHANGE:
        return host.stateChanged(number, this.#number(1), this.#retryIn(), this.#number(FAILURE));
      case TELL_DISCONNECTED:
        return host.disconnected(this.#end(number), this.#retryIn());
      case TELL_CLOSED:
        this.#page.abort();
        clearTimeout(this.#timer);
        return host.closed(this.#end(number), this.#number(FAILURE));
    }
  }

  #end(code) {
    return { code, reason: this.#text(), wasClean: this.#number(1) === 1 };
  }

  #retryIn() {
    const delay = this.#number(2);
    return Number.isNaN(delay) ? null : delay;
  }

  #open(generation) {
    let raw;
    try {
      raw = this.#host.open();
    } catch {
      return this.#feed(OPEN_FAILED, generation);
    }
    this.#raw = raw;
    this.#generation = generation;
    // Blobs are read asynchronously, and come out of order.
    raw.binaryType = "arraybuffer";
    const handlers = new AbortController();
    this.#handlers = handlers;
    // What an abandoned socket says has no meaning any more; and nothing of ours is to live as long as it takes to close.
    const on = (type, take) => raw.addEventListener(type, take, { signal: handlers.signal });
    on("open", () => {
      if (this.#durable && raw.protocol !== PROTOCOL) return this.#handle(WRONG_PROTOCOL, generation);
      this.#host.connected(raw);
      this.#handle(OPENED, generation);
    });
    on("message", ({ data }) => {
      if (this.#durable) return this.#read(data, generation);
      this.#arrivals.push(data);
      this.#handle(MESSAGE, generation, typeof data === "string" ? data.length : data.byteLength);
    });
    on("error", () => this.#handle(FAILED, generation));
    on("close", ({ code, reason, wasClean }) => {
      this.#release(generation);
      // The policy is user code and may send: nothing goes out on a socket that is gone.
      this.#feed(CLOSING, generation);
      const retry = this.#host.retry({ code, reason, wasClean });
      this.#put(encoder.encode(reason));
      this.#handle(ENDED, generation, code, wasClean, retry);
    });
  }

  /** A frame of a session. */
  #read(data, generation) {
    if (!hasMessages(data)) {
      this.#put(new Uint8Array(data));
      return this.#handle(FRAME, generation);
    }
    const frame = unpack(data);
    if (!frame) return this.#handle(MALFORMED, generation);
    for (const message of frame.messages) {
      this.#feed(PART, generation, sizeOf(message));
      this.#arrivals.push(message);
    }
    this.#handle(BATCH, generation, frame.first);
  }

  #release(generation) {
    if (generation !== this.#generation) return;
    const raw = this.#raw;
    this.#raw = undefined;
    this.#handlers?.abort();
    raw?.close();
  }

  /** A timer that is set for earlier stays: firing early is harmless, and arming costs. */
  #setTimer(deadline) {
    if (deadline < Infinity && this.#deadline <= deadline) return;
    clearTimeout(this.#timer);
    this.#deadline = deadline;
    if (deadline === Infinity) return;
    const fire = () => {
      this.#deadline = Infinity;
      const before = this.#drift;
      this.#drift = drift();
      if (this.#drift - before > SLEEP) this.#feed(WOKE);
      this.#handle(TIMER);
    };
    this.#timer = setTimeout(fire, Math.min(Math.max(Math.ceil(deadline - now()), 0), LONGEST));
  }
}
