// The receiving half of a session: what has arrived and the application has not yet taken, what is a duplicate and what
// a gap, the limit it grants to the peer, and when an ACK is due. The same at both ends.

import { Violation } from "./outbox.mjs";
import { Code, costOf, encode, LAST, sizeOf } from "./wire.mjs";

export class Inbox {
  duplicates = 0;
  /** ACKs sent. */
  acks = 0;
  #window;
  #maxMessage;
  #ackMs;
  #acknowledges;
  /** Messages in order: `{ payload, cost, end, session }`. */
  #messages = [];
  #wake = [];
  /** Counts the sessions: what arrived in an earlier one has no position in this one. */
  #session = 0;
  /** Positions that untaken messages of earlier sessions take up. */
  #oldCost = 0;
  #held = 0;
  #taken = 0;
  #told = { taken: 0, limit: 0 };
  #link = null;
  #timer = null;
  #ended = false;

  /** `window` in positions, `maxMessage` in bytes; `acknowledges: false` never sends an ACK, against the rules. */
  constructor({ window = 1024, maxMessage = 1024 * 1024, ackMs = 200, acknowledges = true } = {}) {
    this.#window = window;
    this.#maxMessage = maxMessage;
    this.#ackMs = ackMs;
    this.#acknowledges = acknowledges;
  }

  /** The messages of a frame that is right in itself; all of them are checked before the first one is held. */
  receive({ seq, messages }) {
    const news = [];
    let begin = seq;
    let held = this.#held;
    let duplicates = 0;
    for (const payload of messages) {
      const size = sizeOf(payload);
      if (size > this.#maxMessage) throw new Violation(Code.TOO_BIG, `a message of ${size} bytes`);
      if (begin > held + 1) throw new Violation(Code.PROTOCOL_ERROR, `${begin} comes after ${held}`);
      const cost = costOf(size);
      const end = begin + cost - 1;
      if (begin <= held) {
        duplicates++;
      } else {
        const { limit } = this.#told;
        if (begin > limit) throw new Violation(Code.PROTOCOL_ERROR, `${begin} is past the limit ${limit}`);
        news.push({ payload, cost, end, session: this.#session });
        held = end;
      }
      begin = end + 1;
    }
    this.#held = held;
    this.duplicates += duplicates;
    for (const message of news) this.#messages.push(message);
    if (news.length > 0) this.#wakeAll();
    return news.length;
  }

  /** Gives the next message to the application: undefined where there is none. */
  take() {
    const message = this.#messages.shift();
    if (!message) return undefined;
    if (message.session === this.#session) this.#taken = message.end;
    else this.#oldCost -= message.cost;
    this.#considerAck();
    return message.payload;
  }

  /** Takes the next message once it is there; `{ done: true }` when there won't be one. */
  async next() {
    while (this.#messages.length === 0) {
      if (this.#ended) return { done: true, value: undefined };
      await new Promise((resolve) => this.#wake.push(resolve));
    }
    return { done: false, value: this.take() };
  }

  /** What a HELLO, WELCOME or ACK says now; whoever asks tells it to the peer. */
  tell() {
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#told = { taken: this.#taken, limit: this.#limit };
    return { ...this.#told };
  }

  /** Sends the ACK that is owed, if one is. */
  acknowledge() {
    if (this.#limit > this.#told.limit || this.#taken > this.#told.taken) this.acknowledgeNow();
  }

  acknowledgeNow() {
    if (!this.#link || !this.#acknowledges) return;
    this.acks++;
    this.#link.send(encode({ type: "ack", ...this.tell() }));
  }

  attach(link) {
    this.#link = link;
    // What was taken since the handshake's numbers went out.
    this.#considerAck();
  }

  detach() {
    this.#link = null;
    clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** A new session: positions begin again. What is here is still given, and its room is not free yet. */
  restart() {
    this.#session++;
    this.#held = this.#taken = 0;
    this.#told = { taken: 0, limit: 0 };
    this.#oldCost = this.#messages.reduce((sum, { cost }) => sum + cost, 0);
  }

  /** Nothing more arrives; what has arrived can still be taken. */
  end() {
    this.detach();
    this.#ended = true;
    this.#wakeAll();
  }

  get length() {
    return this.#messages.length;
  }

  get taken() {
    return this.#taken;
  }

  get held() {
    return this.#held;
  }

  /** The highest limit that the peer may know. */
  get told() {
    return this.#told.limit;
  }

  get #limit() {
    const room = Math.max(0, this.#window - this.#oldCost);
    return Math.min(LAST, Math.max(this.#told.limit, this.#taken + room));
  }

  #considerAck() {
    const limit = this.#limit;
    const grown = limit - this.#told.limit;
    const peerStands = this.#held >= this.#told.limit && grown > 0;
    if (peerStands || (grown > 0 && grown >= this.#window / 2)) this.acknowledgeNow();
    else if (this.#link && this.#taken > this.#told.taken) {
      this.#timer ??= setTimeout(() => this.acknowledgeNow(), this.#ackMs);
    }
  }

  #wakeAll() {
    for (const wake of this.#wake.splice(0)) wake();
  }
}
