// One connection, as both ends see it: a WebSocket of `ws` that carries frames, and which side has been silent for how
// long. It knows no session. What an abandoned link still says reaches nobody.

import { Violation } from "./outbox.mjs";
import { Code, decode, encode, Malformed } from "./wire.mjs";

/** While more than this is in the socket's buffer, data waits, and grows into larger frames. */
const HIGH_BUFFER = 256 * 1024;
/** How long the other end may take to answer a close. */
const CLOSE_WAIT = 3000;
/** What a close frame has room for, in bytes of UTF-8. */
const REASON_BYTES = 123;

const OPEN = 1;

export class Link {
  /** Hooks for what no well-behaved end does: it says nothing any more, frames and answers to them included. */
  isMuted = false;
  received = 0;
  sent = 0;
  heardAt = performance.now();
  sentAt = performance.now();
  #ws;
  #events;
  #over = false;
  #owedPong = null;

  /** `events`: frame(frame), broken(error), drained(), closed(code, reason). */
  constructor(ws, events) {
    this.#ws = ws;
    this.#events = events;
    ws.on("message", (data, isBinary) => this.#hear(data, isBinary));
    ws.on("close", (code, reason) => this.#finish(code, reason.toString()));
    // `close` tells the rest.
    ws.on("error", () => {});
  }

  /** Sends what is a frame already: a string as text, bytes as binary. */
  send(data) {
    this.sentAt = performance.now();
    if (this.#over || this.isMuted || this.#ws.readyState !== OPEN) return;
    this.sent++;
    this.#ws.send(data, { binary: typeof data !== "string" }, () => this.#drain());
  }

  ping() {
    this.send(encode({ type: "ping", nonce: Math.floor(Math.random() * 1_000_000) }));
  }

  /** Answers a PING: at once, or, while the buffer is high, only the latest of them. */
  pong(nonce) {
    if (this.isRoomy) this.send(encode({ type: "pong", nonce }));
    else this.#owedPong = nonce;
  }

  /** Closes, and hears nothing more. */
  close(code, reason = "") {
    if (this.#over) return;
    this.#over = true;
    this.#ws.close(code, Buffer.from(reason).subarray(0, REASON_BYTES).toString().replace(/\ufffd$/, ""));
    const timer = setTimeout(() => this.#ws.terminate(), CLOSE_WAIT);
    this.#ws.once("close", () => clearTimeout(timer));
  }

  /** Leaves it to itself: nothing is sent, and nothing of it has an effect. */
  abandon() {
    this.#over = true;
    this.#ws.terminate();
  }

  /** Reads nothing more from the socket, so that the other end's buffers fill. */
  stall() {
    this.#ws.pause();
  }

  unstall() {
    this.#ws.resume();
  }

  get isRoomy() {
    return this.buffered < HIGH_BUFFER;
  }

  get buffered() {
    return this.#ws.bufferedAmount;
  }

  /** The WebSocket subprotocol. */
  get protocol() {
    return this.#ws.protocol;
  }

  #hear(data, isBinary) {
    if (this.#over) return;
    this.received++;
    this.heardAt = performance.now();
    try {
      this.#events.frame(decode(data, isBinary));
    } catch (error) {
      if (!(error instanceof Malformed) && !(error instanceof Violation)) throw error;
      const code = error.code ?? Code.PROTOCOL_ERROR;
      this.close(code, error.message);
      this.#events.broken(code, error.message);
    }
  }

  #drain() {
    if (this.#over || !this.isRoomy) return;
    const nonce = this.#owedPong;
    this.#owedPong = null;
    if (nonce !== null) this.pong(nonce);
    this.#events.drained();
  }

  #finish(code, reason) {
    if (this.#over) return;
    this.#over = true;
    this.#events.closed(code, reason);
  }
}
