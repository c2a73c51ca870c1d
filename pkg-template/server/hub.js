// All sessions of a server, driven: what happens on connections, in the application and in time goes into the wasm, and
// what comes out is carried out here. Every rule is the wasm's (src/hub/); here are the payloads, one timer, and the end of
// the turn.
//
// Everything that happens is an input; then every output is carried out, in order, by a single loop. What the application
// does meanwhile is taken in and waits its turn in the loop that already runs.

import { Buffer } from "node:buffer";

import { pack, unpack, utf8Length } from "../frames.js";
import { Queue } from "../queue.js";
import { endOfTurn } from "../turn.js";
import { Engine } from "./engine.js";
import * as N from "./numbers.js";

export { ACCEPT, GONE, TOO_BIG, WAIT } from "./numbers.js";

// What is known of who connects, in the engine's order.
// 0 would leave it to the engine's list of origins.
export const ALLOWED = 1;
export const FOREIGN = 2;
export const UNAUTHENTICATED = 3;

/** Past so many bytes that a connection holds nothing more is sent on it, until it holds no more than the other. */
const HIGH = 256 * 1024;
const LOW = 64 * 1024;
/** Random bytes of a token. */
const TOKEN_BYTES = 32;
/** A timer takes longer delays than this for none at all, in ms. */
const LONGEST = 2 ** 31 - 1;
/** How long after their patience sessions and connections may take to say goodbye, in ms. */
const GOODBYE = 2000;

/** So many messages no frame can have: beyond, `split` counts otherwise. */
const MOST_MESSAGES = 2 ** 31;
/** So many numbers are an engine's. */
const NUMBERS = 2 ** 40;

/** What clients and applications are told when the engine is lost. */
const BROKEN = "the server failed";

const now = () => performance.now();

/** One session's half here. */
class Entry {
  number;
  owner;
  /** Not taken by the client's application; there once something was sent. */
  outbox;
  /** Given to the owner and not taken; and how many were taken that the engine has not heard of. */
  held = 0;
  taken = 0;

  constructor(number, owner) {
    this.number = number;
    this.owner = owner;
  }
}

export class Hub {
  #rules;
  #host;
  #engine;
  /** The engine's numbers come after this one. */
  #lastNumber = 0;
  /** More messages no frame has. */
  #window;
  #links = new Map();
  #sessions = new Map();
  /** Connections that are not closed at the other end, those of no interest any more included. */
  #open = new Set();
  /** Messages of the frames that the engine was told of. */
  #arrivals = new Queue();
  /** Of the frames that the loop is at some messages were thrown away. */
  #isPartial = false;
  /** Sessions with messages that were taken since the turn began. */
  #takers = [];
  #awaitsTurn = false;
  #isTurnOver = false;
  #timer;
  #deadline = Infinity;
  /** The loop runs somewhere up the stack. */
  #running = false;
  /** What a shutdown waits for: { isDone, resolve }. */
  #waiting = [];

  constructor(rules, host) {
    this.#rules = rules;
    this.#host = host;
    this.#window = Math.min(rules.window, MOST_MESSAGES);
    this.#engine = this.#start(0);
  }

  /** An engine whose numbers come after `last`. */
  #start(last) {
    const rules = this.#rules;
    const numbers = [
      rules.resume,
      rules.heartbeat,
      rules.probe,
      rules.handshakeTimeout,
      rules.closeTimeout,
      rules.window,
      rules.maxMessage,
      rules.outboxMessages,
      rules.outboxBytes,
      rules.maxSessions,
      rules.maxSessionsPerAddress,
      rules.maxSessionsPerPrincipal,
      rules.maxHeldBytes,
      rules.maxDetachedBytes,
      last,
    ];
    const engine = new Engine(numbers, (error) => this.#break(error));
    const tell = (input, words) => engine.handle(input, now(), 0, engine.giveText(words));
    for (const origin of rules.origins ?? []) tell(N.ALLOW, origin);
    if (rules.protocols) for (const protocol of ["", ...rules.protocols]) tell(N.KNOW, protocol);
    return engine;
  }

  /**
   * The engine is lost, and with it all that is known of the sessions: they end, and their clients come back to new ones. That
   * it does not happen is the engine's to see to; should it, nobody is to go on in the belief that all is well.
   */
  #break(error) {
    const [sessions, links] = [[...this.#sessions.values()], [...this.#links.values()]];
    this.#sessions.clear();
    this.#links.clear();
    this.#arrivals.take();
    this.#takers = [];
    this.#isTurnOver = false;
    this.#lastNumber += NUMBERS;
    this.#engine = this.#start(this.#lastNumber);
    for (const link of links) {
      link.isDone = true;
      link.transport.close(1011, BROKEN);
    }
    for (const { owner, outbox } of sessions) owner.ended(1011, BROKEN, outbox?.take() ?? []);
    report(error);
  }

  // Connections

  /**
   * Somebody has connected: what they say is to be told to the Link. `transport` has `send(data)`, `close(code, reason)` and
   * `bufferedAmount`, and may have `blocked()`, which is called when it holds too much: `drained()` is to follow.
   */
  connect(transport, peer, entrance, request) {
    if (peer.origin !== undefined) this.#tellWords(N.ORIGIN, peer.origin);
    if (peer.principal !== undefined) this.#tellWords(N.PRINCIPAL, peer.principal);
    if (peer.address !== undefined) this.#tellWords(N.ADDRESS, peer.address);
    const number = this.#feed(N.CONNECT, 0, entrance);
    const link = new Link(this, number, transport, peer, request);
    this.#open.add(link);
    if (number > 0) this.#links.set(number, link);
    else link.isDone = true;
    this.#run();
    return link;
  }

  isAllowed(origin) {
    return this.#tellWords(N.IS_ALLOWED, origin) === 1;
  }

  /** For Link. */
  text(link, text, byteLength) {
    const frame = unpack(text, this.#window);
    if (!frame) return this.#handle(N.MALFORMED, link.number);
    const { first, messages } = frame;
    const sizes = this.#engine.giveSizes(messages.length);
    // A unit for each byte: it is all ASCII.
    const isAscii = byteLength === text.length;
    for (let i = 0; i < messages.length; i++) {
      sizes[i] = isAscii ? messages[i].length : utf8Length(messages[i]);
      this.#arrivals.push(messages[i]);
    }
    this.#handle(N.TEXT, link.number, messages.length, first);
  }

  /** For Link. */
  binary(link, bytes) {
    const engine = this.#engine;
    if (!link.isGreeted) {
      link.isGreeted = true;
      const random = crypto.getRandomValues(new Uint8Array(TOKEN_BYTES));
      this.#handle(N.HELLO, link.number, engine.give(random, bytes));
      // By now the application has it, if it is of a new session. It may hold on to much.
      if (!this.#running) link.request = undefined;
      return;
    }
    const count = this.#feed(N.FRAME, link.number, engine.give(bytes));
    if (count > 0) {
      const first = engine.number(0);
      const places = engine.words(engine.number(1), 3 * count);
      // Not Buffer's: that gives views, which would keep the frame.
      const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const buffer = Buffer.from(plain.buffer, plain.byteOffset, plain.byteLength);
      for (let i = 0; i < places.length; i += 3) {
        const end = places[i] + places[i + 1];
        this.#arrivals.push(places[i + 2] === 1 ? plain.slice(places[i], end) : buffer.toString("utf8", places[i], end));
      }
      this.#feed(N.BATCH, link.number, 0, first);
    }
    this.#run();
  }

  /** For Link. */
  alive(link) {
    this.#handle(N.ALIVE, link.number);
  }

  /** For Link. */
  unblocked(link) {
    this.#handle(N.UNBLOCKED, link.number);
  }

  /** For Link. */
  gone(link, input, code, reason) {
    if (input === N.CLOSED) this.#open.delete(link);
    if (!link.isDone) {
      this.#links.delete(link.number);
      this.#feed(input, link.number, this.#engine.giveText(reason), code);
    }
    // Somebody may wait for the last of them.
    this.#run();
  }

  // Sessions

  /** Sends a message; only where the answer is ACCEPT it is the hub's now. */
  send(number, payload, size) {
    const entry = this.#sessions.get(number);
    if (!entry) return N.GONE;
    // The answer to the last message that is here need not wait for the turn's end.
    if (entry.taken > 0 && entry.held === 0) this.#tellTaken(entry);
    const answer = this.#feed(N.SEND, number, size);
    if (answer === N.WAIT || answer === N.TOO_BIG) return answer;
    if (answer !== N.ACCEPT && answer !== N.ACCEPT_LATER) return N.GONE;
    (entry.outbox ??= new Queue()).push(payload);
    if (answer === N.ACCEPT) this.#run();
    return N.ACCEPT;
  }

  /** So many bytes wait for room in the outbox, outside of it. */
  waiting(number, bytes) {
    this.#handle(N.WAITING, number, bytes);
  }

  /** The application has taken so many more messages. */
  taken(number, count) {
    const entry = this.#sessions.get(number);
    if (!entry) return;
    if (entry.taken === 0) {
      this.#takers.push(entry);
      this.#awaitTurn();
    }
    entry.taken += count;
    entry.held -= count;
  }

  close(number, code, reason) {
    this.#handle(N.CLOSE_SESSION, number, this.#engine.giveText(reason), code);
  }

  /** The same with a code that is not the application's. */
  fail(number, code, reason) {
    this.#handle(N.FAIL_SESSION, number, this.#engine.giveText(reason), code);
  }

  /** Ends it at once, without a word. */
  terminate(number) {
    this.#handle(N.TERMINATE, number);
  }

  outbox(number) {
    this.#feed(N.LOADS, number);
    return { messages: this.#engine.number(0), bytes: this.#engine.number(1) };
  }

  inbox(number) {
    const entry = this.#sessions.get(number);
    if (entry) this.#tellTaken(entry);
    this.#feed(N.LOADS, number);
    return { messages: this.#engine.number(2), bytes: this.#engine.number(3) };
  }

  stats() {
    this.#feed(N.STATS);
    const [sessions, attached, connections, heldBytes, detachedBytes] = [0, 1, 2, 3, 4].map((i) => this.#engine.number(i));
    return { sessions, attached, connections, heldBytes, detachedBytes };
  }

  // The end

  /**
   * Begins no more sessions, ends all that there are, and resolves when all is closed and told, or `timeout` ms and a moment
   * later.
   */
  async shutdown(mode, code, reason, timeout) {
    const deadline = now() + timeout + GOODBYE;
    if (mode === "bye") this.#feed(N.BYE, code, this.#engine.giveText(reason), timeout);
    else this.#feed(N.DETACH);
    this.#run();
    await this.#until(() => this.#feed(N.IS_OVER) === 1, mode === "bye" ? now() + timeout : deadline);
    await this.#until(() => this.#sessions.size === 0, deadline);
    this.forget();
    await this.#until(() => this.#open.size === 0, deadline);
  }

  /** Ends all sessions without a word, as if the process had died. */
  forget() {
    this.#handle(N.FORGET);
  }

  #until(isDone, deadline) {
    if (isDone()) return undefined;
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.min(Math.max(deadline - now(), 0), LONGEST));
      const done = () => {
        clearTimeout(timer);
        resolve();
      };
      this.#waiting.push({ isDone, resolve: done });
    });
  }

  #tellWaiting() {
    const done = this.#waiting.filter(({ isDone }) => isDone());
    this.#waiting = this.#waiting.filter((waiting) => !done.includes(waiting));
    for (const { resolve } of done) resolve();
  }

  // The loop

  #feed(input, ...numbers) {
    return this.#engine.handle(input, now(), ...numbers);
  }

  #tellWords(input, words) {
    return this.#feed(input, 0, this.#engine.giveText(words));
  }

  #handle(input, ...numbers) {
    this.#feed(input, ...numbers);
    this.#run();
  }

  #tellTaken(entry) {
    if (entry.taken === 0) return;
    this.#feed(N.TAKE, entry.number, entry.taken);
    entry.taken = 0;
  }

  #run() {
    if (this.#running) return;
    this.#running = true;
    try {
      for (let output; (output = this.#engine.poll()) !== 0; ) {
        try {
          this.#perform(output, this.#engine.number(0));
        } catch (error) {
          // What belongs to one session is not to stop the others.
          report(error);
        }
      }
    } finally {
      this.#running = false;
    }
    // Each was delivered or thrown away. None may ever come to another session.
    if (this.#arrivals.length > 0) this.#arrivals.take();
    this.#isPartial = false;
    this.#setTimer(this.#feed(N.DEADLINE));
    if (this.#waiting.length > 0) this.#tellWaiting();
  }

  /** Carries one output out. `who` is the number of a connection or a session. */
  #perform(output, who) {
    const engine = this.#engine;
    switch (output) {
      case N.CHOOSE:
        return this.#choose(this.#links.get(who), engine.text().split("\n"));
      case N.BEGIN:
        return this.#begin(who, this.#links.get(engine.number(1)), engine.text());
      case N.SEND_FRAME:
        return this.#transmit(this.#links.get(who), engine.bytes());
      case N.SEND_MESSAGES:
        return this.#transmitMessages(who, engine.number(4), engine.number(1), engine.number(2), engine.number(3));
      case N.DELIVER:
        return this.#deliver(this.#sessions.get(who), engine.number(1));
      case N.DISCARD:
        return this.#discard(engine.number(1));
      case N.RELEASE:
        return this.#release(this.#sessions.get(who), engine.number(1));
      case N.CLOSE:
        return this.#close(this.#links.get(who), engine.number(1), engine.text());
      case N.TELL_DETACHED:
        return this.#sessions.get(who)?.owner.detached();
      case N.TELL_RESUMED:
        return this.#sessions.get(who)?.owner.resumed();
      case N.TELL_ENDED:
        return this.#end(who, engine.number(1), engine.text());
      case N.AWAIT_TURN:
        this.#isTurnOver = true;
        return this.#awaitTurn();
    }
  }

  #choose(link, offered) {
    let protocol = "";
    try {
      protocol = this.#host.select(offered, link.request);
    } finally {
      this.#feed(N.CHOSEN, link.number, this.#engine.giveText(protocol || ""));
    }
  }

  #begin(number, link, words) {
    const [id, ...protocol] = words.split("\n");
    const { peer, request } = link;
    const owner = this.#host.began({ number, id, protocol: protocol.join("\n"), peer, request });
    this.#sessions.set(number, new Entry(number, owner));
  }

  #transmit(link, data) {
    if (!link) return;
    link.transport.send(data);
    if (link.isBlocked || link.transport.bufferedAmount <= HIGH) return;
    link.isBlocked = true;
    this.#feed(N.BLOCKED, link.number);
    link.transport.blocked?.();
  }

  #transmitMessages(number, session, offset, count, first) {
    const outbox = this.#sessions.get(session)?.outbox;
    if (!outbox) return;
    this.#transmit(this.#links.get(number), pack(first, outbox.slice(offset, count)));
  }

  #discard(count) {
    this.#isPartial = true;
    this.#arrivals.take(count);
  }

  #deliver(entry, count) {
    // All of them, before the first is given: who answers that one has more to take.
    if (entry) entry.held += count;
    for (; count > 0; count--) {
      let payload = this.#arrivals.shift();
      // A part of a text keeps all of it, and most of this one may be gone.
      if (this.#isPartial && typeof payload === "string") payload = Buffer.from(payload).toString();
      try {
        entry?.owner.deliver(payload);
      } catch (error) {
        report(error);
      }
    }
  }

  #release(entry, count) {
    if (!entry) return;
    entry.outbox.take(count);
    entry.owner.released(count);
  }

  #close(link, code, reason) {
    if (!link) return;
    this.#links.delete(link.number);
    link.isDone = true;
    link.transport.close(code, reason);
  }

  #end(number, code, reason) {
    const entry = this.#sessions.get(number);
    if (!entry) return;
    this.#sessions.delete(number);
    entry.owner.ended(code, reason, entry.outbox?.take() ?? []);
  }

  // Time

  #awaitTurn() {
    if (this.#awaitsTurn) return;
    this.#awaitsTurn = true;
    endOfTurn(() => this.#endTurn());
  }

  #endTurn() {
    this.#awaitsTurn = false;
    for (const entry of this.#takers) this.#tellTaken(entry);
    this.#takers = [];
    if (this.#isTurnOver) {
      this.#isTurnOver = false;
      this.#feed(N.TURN_ENDED);
    }
    this.#run();
  }

  /** A timer that is set for earlier stays: firing early is harmless, and arming costs. It keeps no process alive. */
  #setTimer(deadline) {
    if (this.#deadline <= deadline) return;
    clearTimeout(this.#timer);
    this.#deadline = deadline;
    const fire = () => {
      this.#deadline = Infinity;
      this.#handle(N.TIMER);
    };
    this.#timer = setTimeout(fire, Math.min(Math.max(Math.ceil(deadline - now()), 0), LONGEST));
    this.#timer.unref?.();
  }
}

/** A connection of a hub's. Nothing that it is told after its end has an effect. */
class Link {
  #hub;
  number;
  transport;
  peer;
  request;
  isGreeted = false;
  isBlocked = false;
  isDone = false;

  constructor(hub, number, transport, peer, request) {
    this.#hub = hub;
    this.number = number;
    this.transport = transport;
    this.peer = peer;
    this.request = request;
  }

  /** A text frame arrived, with its size in bytes. */
  text(text, byteLength) {
    if (!this.isDone) this.#hub.text(this, text, byteLength);
  }

  /** A binary frame arrived, a Uint8Array. */
  binary(bytes) {
    if (!this.isDone) this.#hub.binary(this, bytes);
  }

  /** Something arrived that is no frame. */
  alive() {
    if (!this.isDone) this.#hub.alive(this);
  }

  /** Something was written, and the other end takes it. May be told at any time. */
  drained() {
    if (this.isDone || !this.isBlocked || this.transport.bufferedAmount > LOW) return;
    this.isBlocked = false;
    this.#hub.unblocked(this);
  }

  /** The connection has ended: 1005 without a code, 1006 without a closing handshake. */
  closed(code, reason) {
    this.#hub.gone(this, N.CLOSED, code, reason);
    this.isDone = true;
  }

  /** What carries the connection refuses to read what arrived, and closes it with this code. */
  broken(code, reason) {
    if (!this.isDone) this.#hub.gone(this, N.BROKEN, code, reason);
    this.isDone = true;
  }
}

/** An error of the application's own, from where it may not stop what runs: it goes where it would go anyway. */
export function report(error) {
  queueMicrotask(() => {
    throw error;
  });
}
