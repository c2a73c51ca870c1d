// Binds the engine to the browser's socket, a timer and the page, inside the browser's own callbacks: what src/browser/
// does for the Rust face. In the package it is JavaScript, because wasm that calls the browser costs several kilobytes.
//
// Everything that happens is one input to the engine; then every output is carried out, in order, by a single loop. What
// user code does meanwhile is taken in and waits its turn in the loop that already runs.

import { cut, unpack, utf8Length } from "./frames.js";
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

  constructor(Engine, { numbers, durable, protocols }, host) {
    this.#engine = new Engine(Math.random(), ...numbers);
    if (durable) for (const protocol of protocols) this.#engine.offer(protocol);
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
    const answer = this.#engine.send(now(), size);
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
    this.#engine.close(now(), code, reason, timeout);
    this.#run();
  }

  abort() {
    this.#handle(ABORT);
  }

  figure(index) {
    return this.#engine.figure(index);
  }

  free() {
    this.#engine.free();
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

  #feed(input, generation = 0, number = 0) {
    this.#engine.handle(input, now(), generation, number);
  }

  #handle(input, generation, number) {
    this.#feed(input, generation, number);
    this.#run();
  }

  #run() {
    if (this.#running) return;
    this.#running = true;
    try {
      for (;;) {
        // The browser tells nobody when a socket begins to close, and then swallows what it is given.
        if (this.#engine.isSending() && this.#raw?.readyState !== 1) this.#feed(CLOSING, this.#generation);
        const output = this.#engine.poll();
        if (output === 0) break;
        this.#perform(output, this.#engine.number(0));
      }
    } finally {
      this.#running = false;
    }
  }

  /** Carries one output out. `number` is its generation, count, deadline, code or state. */
  #perform(output, number) {
    const host = this.#host;
    const engine = this.#engine;
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
        return host.transmitBatch(this.#raw, number, engine.number(1), engine.number(2));
      case CONTROL:
        return this.#raw?.send(engine.bytes());
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
        return number === NO_STATUS ? this.#raw?.close() : this.#raw?.close(number, engine.words(0));
      case ABANDON:
        host.forgetUrl();
        return this.#release(number);
      case SET_TIMER:
        return this.#setTimer(number);
      case TELL_OPEN:
        return host.opened(number === 1, engine.words(3));
      case TELL_SESSION_LOST:
        return host.sessionLost(number, engine.number(1) === 1);
      case TELL_STATE_CHANGE:
        return host.stateChanged(number, engine.number(1), this.#retryIn(), engine.words(1), engine.words(2));
      case TELL_DISCONNECTED:
        return host.disconnected(this.#end(number), this.#retryIn());
      case TELL_CLOSED:
        this.#page.abort();
        clearTimeout(this.#timer);
        return host.closed(this.#end(number), engine.words(1), engine.words(2));
    }
  }

  #end(code) {
    return { code, reason: this.#engine.words(0), wasClean: this.#engine.number(1) === 1 };
  }

  #retryIn() {
    const delay = this.#engine.number(2);
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
      this.#engine.closed(now(), generation, code, reason, wasClean, retry);
      this.#run();
    });
  }

  /** A frame of a session. */
  #read(data, generation) {
    const engine = this.#engine;
    if (typeof data !== "string") {
      const count = engine.frame(now(), generation, new Uint8Array(data));
      if (count === 0) return this.#run();
      for (let at = 0; at < 3 * count; at += 3) {
        this.#arrivals.push(cut(data, engine.layout(at), engine.layout(at + 1), engine.layout(at + 2)));
      }
      engine.batch(now(), generation, engine.number(0));
      return this.#run();
    }
    const frame = unpack(data);
    if (!frame) return this.#handle(MALFORMED, generation);
    for (const message of frame.messages) {
      engine.part(utf8Length(message));
      this.#arrivals.push(message);
    }
    engine.batch(now(), generation, frame.first);
    this.#run();
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
