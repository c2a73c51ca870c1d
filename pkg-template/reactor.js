// Binds the engine to the browser's socket, a timer and the page, inside the browser's own callbacks: what src/browser/
// does for the Rust face. In the package it is JavaScript, because wasm that calls the browser costs several kilobytes. Only
// numbers cross to the wasm, many of them through its memory; src/js/mod.rs says what they mean.
//
// Everything that happens is one input to the engine; then every output is carried out, in order, by a single loop. What
// user code does meanwhile is taken in and waits its turn in the loop that already runs.

import { decoder, encoder, hasMessages, isAscii, sizeOf, unpack } from "./frames.js";
import * as N from "./numbers.js";
import { Queue } from "./queue.js";
import { endOfTurn, GATHER, LONG, MOST, ROOMY } from "./turn.js";

/** The subprotocol of durable sessions. */
export const PROTOCOL = "tautline.v1";

/** The close code of an end that has none. */
const NO_STATUS = 1005;

/** How far the two clocks may drift apart before it counts as a sleep, in ms: the monotonic one stands still then. */
const SLEEP = 5000;
/** A frame without messages that is this long, in bytes, or longer is refused unread. */
const CONTROL_END = 2e4;
/** A browser takes longer delays than this for none at all. */
export const LONGEST = 2 ** 31 - 1;

export const now = () => performance.now();
/** What costs nothing to know. */
export const lengthOf = (data) => data.byteLength ?? data.size ?? data.length;
const drift = () => Date.now() - now();

export class Reactor {
  /** What the wasm exports, and the number by which it knows this one. */
  #wasm;
  #engine;
  /** Messages travel in frames of a session. */
  #durable;
  /** The inbox has room for so many: no frame of a session can have more, and where they are few, none waits for a turn's end. */
  #window;
  /** What a face does: src/browser/reactor.rs has the list. */
  #host;
  #raw;
  /** Takes the handlers off the socket. */
  #handlers;
  #generation = 0;
  /** What arrived and was not delivered yet. */
  #arrivals = new Queue();
  /** What came in on a plain WebSocket and waits for the turn's end: the engine has not heard of it. */
  #row = new Queue();
  #timer;
  /** What the timer is set for. */
  #deadline = Infinity;
  #drift = drift();
  /** Ends the listening to the page. */
  #page = new AbortController();
  /** The loop runs somewhere up the stack. */
  #running = false;
  /** The end of the turn is waited for. */
  #busy = false;
  /**
   * What goes out on a plain WebSocket waits for the turn's end where more went out right before, and leaves in a row: the
   * browser's other threads are woken once for all of it. So does what comes in: whoever takes it is woken once. These are the
   * times, by N.SEND and N.MESSAGE, until which either is close behind what was before it.
   */
  #rowUntil = {};
  /** Not at the browser's own class, for one, and not behind a close. */
  #mayGather;
  /** How many messages were taken that the engine has not heard of, and how many these may become: it says so. */
  #taken = 0;
  #patience = 0;

  constructor(wasm, { numbers, durable, window, protocols, gathers }, host) {
    this.#wasm = wasm;
    this.#engine = wasm.create(Math.random(), ...numbers);
    this.#durable = durable;
    this.#mayGather = gathers;
    this.#window = window;
    this.#host = host;
    if (durable) {
      for (const protocol of protocols) this.#give(encoder.encode(protocol), N.OFFER);
    }
    // A worker hears of the network only, Node of nothing.
    const { document } = globalThis;
    this.#listen(globalThis, "online", () => N.ONLINE);
    this.#listen(globalThis, "offline", () => N.OFFLINE);
    this.#listen(globalThis, "pagehide", ({ persisted }) => {
      // Now or never.
      this.#endRow();
      return persisted ? N.LEFT : N.UNLOADED;
    });
    // Fires after the first load, too.
    this.#listen(globalThis, "pageshow", ({ persisted }) => persisted && N.RETURNED);
    this.#listen(document, "visibilitychange", () => (document.hidden ? N.HIDDEN : N.VISIBLE));
    this.#listen(document, "resume", () => N.WOKE);
  }

  start() {
    if (globalThis.document?.hidden) this.#feed(N.HIDDEN);
    if (globalThis.navigator?.onLine === false) this.#feed(N.OFFLINE);
    this.#handle(N.CONNECT);
  }

  /**
   * 0 where a message of this size was accepted. While the end of a turn is waited for, nothing goes out for it before, unless it
   * finds no room otherwise.
   */
  send(size) {
    const answer = this.#wasm.handle(this.#engine, N.SEND, 0, 0, size);
    if (answer && this.#busy && this.#mayGather) {
      // What was gathered makes room by going out.
      this.#endTurn();
      return this.send(size);
    }
    if (!answer && !this.#busy) this.#run();
    return answer;
  }

  /** The engine hears of many at once, where each would make no difference. */
  taken() {
    if (++this.#taken > this.#patience) this.#run();
  }

  urlAnswered(generation, ready) {
    this.#handle(ready ? N.URL_READY : N.URL_FAILED, generation);
  }

  close(code, reason, timeout) {
    this.#mayGather = false;
    this.#give(encoder.encode(reason), N.SHUT, 0, code, timeout);
  }

  abort() {
    this.#handle(N.ABORT);
  }

  figure(index) {
    this.#tellTaken();
    this.#run();
    return this.#number(N.FIGURES + index);
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
      // It has a signal, as options have.
      this.#page,
    );
  }

  /** The numbers are the generation and what else belongs to it. */
  #feed(input, ...numbers) {
    this.#tellTaken();
    return this.#wasm.handle(this.#engine, input, now(), ...numbers);
  }

  #tellTaken() {
    if (this.#taken) this.#wasm.handle(this.#engine, N.TAKEN, now(), 0, this.#taken);
    this.#taken = 0;
  }

  #number(index) {
    return this.#wasm.number(this.#engine, index);
  }

  /** Bytes of the output. */
  #bytes() {
    return new Uint8Array(this.#wasm.memory.buffer, this.#number(N.BYTES), this.#number(N.BYTES + 1)).slice();
  }

  #text() {
    return decoder.decode(this.#bytes());
  }

  #handle(input, ...numbers) {
    this.#feed(input, ...numbers);
    this.#run();
  }

  /** The same, for what bytes or sizes belong to. */
  #give(values, ...input) {
    // Nowhere where an engine is lost.
    const at = this.#feed(N.ROOM, 0, values.length);
    // Whenever the memory has grown it is another one.
    if (at) new Uint32Array(this.#wasm.memory.buffer, at, values.length).set(values);
    this.#handle(...input);
  }

  /** What there is to do: `alone` are messages that are all there is, unless the application wants something more. */
  #run(alone) {
    const isNested = this.#running;
    this.#running = true;
    let holds;
    try {
      if (alone) this.#host.received(alone);
      if (isNested) return;
      for (;;) {
        this.#tellTaken();
        // The browser tells nobody when a socket begins to close, and then swallows what it is given.
        const sends = this.#number(N.IS_SENDING);
        if (sends && this.#raw?.readyState !== 1) this.#feed(N.CLOSING, this.#generation);
        if (sends) holds ??= this.#mayGather && this.#waits(N.SEND);
        const output = this.#wasm.poll(this.#engine, holds);
        if (!output) break;
        this.#perform(output, this.#number(0));
      }
      this.#patience = this.#number(N.PATIENCE);
    } finally {
      // In workerd what a listener throws comes out of here.
      this.#running = isNested;
    }
  }

  /** Carries one output out. `number` is its generation, count, deadline, code or state. */
  #perform(output, number) {
    const host = this.#host;
    switch (output) {
      case N.ASK_URL:
        return host.askUrl(number);
      case N.OPEN:
        return this.#open(number);
      case N.TRANSMIT:
        return host.transmit(this.#raw, number);
      case N.RELEASE:
        return host.release(number);
      case N.TRANSMIT_BATCH:
        return host.transmitBatch(this.#raw, number, this.#number(1), this.#number(2));
      case N.CONTROL:
        return host.transmitFrame(this.#raw, this.#bytes());
      case N.AWAIT_TURN:
        return this.#awaitTurn();
      case N.DELIVER:
        return host.received(this.#arrivals.take(number));
      case N.DISCARD:
        return this.#arrivals.take(number);
      case N.DROP:
        return host.dropOldest(number);
      case N.HEARTBEAT:
        return host.heartbeat(this.#raw);
      case N.MEASURE:
        return this.#feed(N.BUFFERED, 0, this.#raw?.bufferedAmount);
      case N.CLOSE:
        return number === NO_STATUS ? this.#raw?.close() : this.#raw?.close(number, this.#text());
      case N.ABANDON:
        host.forgetUrl();
        return this.#release(number);
      case N.SET_TIMER:
        return this.#setTimer(number);
      case N.TELL_OPEN:
        return host.opened(number === 1, this.#text());
      case N.TELL_SESSION_LOST:
        return host.sessionLost(number, this.#number(1) === 1);
      case N.TELL_STATE_CHANGE:
        return host.stateChanged(number, this.#number(1), this.#retryIn(), this.#number(N.FAILURE));
      case N.TELL_DISCONNECTED:
        return host.disconnected(this.#end(number), this.#retryIn());
      case N.TELL_CLOSED:
        this.#page.abort();
        clearTimeout(this.#timer);
        return host.closed(this.#end(number), this.#number(N.FAILURE));
    }
  }

  /** Whether what goes out, or came in, had better wait for the turn's end, because so much does these days. */
  #waits(direction) {
    if (!this.#busy) {
      const at = now();
      if (at < this.#rowUntil[direction]) this.#awaitTurn();
      else this.#rowUntil[direction] = at + GATHER;
    }
    return this.#busy;
  }

  #awaitTurn() {
    this.#busy = true;
    endOfTurn(() => this.#endRow());
  }

  #endTurn() {
    this.#busy = false;
    this.#rowUntil = {};
    this.#handle(N.TURN_ENDED);
  }

  /** What waits comes in, as if it came now; what it is answered goes out at once, as the answers to a row might find no room. */
  #endRow() {
    this.#endTurn();
    try {
      while (this.#row.length > 0) {
        this.#rowUntil = {};
        this.#receive(this.#row.shift());
      }
    } finally {
      // Where a listener threw.
      if (this.#row.length > 0) this.#awaitTurn();
    }
  }

  /** Takes a message of a plain WebSocket in. */
  #receive(data) {
    const isAll = this.#feed(N.MESSAGE, this.#generation, lengthOf(data));
    if (!isAll) this.#arrivals.push(data);
    this.#run(isAll && [data]);
  }

  #end(code) {
    return { code, reason: this.#text(), wasClean: this.#number(1) === 1 };
  }

  #retryIn() {
    const delay = this.#number(2);
    return delay >= 0 ? delay : null;
  }

  #open(generation) {
    let raw;
    try {
      raw = this.#host.open();
    } catch {
      return this.#feed(N.OPEN_FAILED, generation);
    }
    this.#raw = raw;
    this.#generation = generation;
    // Blobs are read asynchronously, and come out of order.
    raw.binaryType = "arraybuffer";
    const handlers = (this.#handlers = new AbortController());
    // What an abandoned socket says has no meaning any more; and nothing of ours is to live as long as it takes to close. These are
    // options, with a signal.
    const on = (type, take) => raw.addEventListener(type, take, handlers);
    on("open", () => {
      if (this.#durable && raw.protocol !== PROTOCOL) return this.#handle(N.WRONG_PROTOCOL, generation);
      this.#host.connected(raw);
      this.#handle(N.OPENED, generation);
    });
    on("message", ({ data }) => {
      if (this.#durable) return this.#read(data, generation);
      const mayWait = this.#mayGather && this.#window >= ROOMY && this.#row.length < MOST && lengthOf(data) < LONG;
      if (mayWait && this.#waits(N.MESSAGE)) return this.#row.push(data);
      if (this.#busy || this.#row.length > 0) this.#endRow();
      this.#receive(data);
    });
    on("error", () => this.#handle(N.FAILED, generation));
    const end = (event) => {
      // What came in before is taken before.
      if (this.#row.length > 0) return endOfTurn(() => this.#raw === raw && end(event));
      const { code, reason, wasClean } = event;
      this.#release(generation);
      // The policy is user code and may send: nothing goes out on a socket that is gone.
      this.#feed(N.CLOSING, generation);
      const retry = this.#host.retry({ code, reason, wasClean });
      this.#give(encoder.encode(reason), N.ENDED, generation, code, wasClean, retry);
    };
    on("close", end);
  }

  /** A frame of a session. */
  #read(data, generation) {
    if (hasMessages(data)) {
      const frame = unpack(data, this.#window);
      if (frame) {
        const countsUnits = data.length && isAscii(data);
        const sizes = frame.messages.map((message) => {
          this.#arrivals.push(message);
          return countsUnits ? message.length : sizeOf(message);
        });
        return this.#give(sizes, N.BATCH, generation, frame.first);
      }
    } else if (data.byteLength < CONTROL_END) return this.#give(new Uint8Array(data), N.FRAME, generation);
    this.#handle(N.MALFORMED, generation);
  }

  #release(generation) {
    if (generation !== this.#generation) return;
    this.#handlers?.abort();
    this.#raw?.close();
    this.#raw = undefined;
  }

  /** A timer that is set for earlier stays: firing early is harmless, and arming costs. */
  #setTimer(deadline) {
    if (this.#deadline <= deadline && deadline < Infinity) return;
    clearTimeout(this.#timer);
    this.#deadline = deadline;
    if (deadline === Infinity) return;
    const fire = () => {
      this.#deadline = Infinity;
      if (drift() > this.#drift + SLEEP) this.#feed(N.WOKE);
      this.#drift = drift();
      // What came before is no silence.
      this.#endRow();
      this.#handle(N.TIMER);
    };
    this.#timer = setTimeout(fire, Math.min(Math.max(Math.ceil(deadline - now()), 0), LONGEST));
  }
}
