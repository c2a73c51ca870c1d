// The sessions that the server knows: by a digest of their token, for as long as they may be resumed, and for as long
// again how each of them ended. A session belongs to the Origin that made it.

import { createHash, randomBytes } from "node:crypto";

/** 128 bits. */
const TOKEN_BYTES = 16;

const digestOf = (token) => createHash("sha256").update(token).digest("hex");

export class Store {
  #resumeMs;
  #maxSessions;
  #sessions = new Map();
  /** What ended: digest to { origin, code, reason, timer }. */
  #ended = new Map();

  constructor({ resumeMs, maxSessions }) {
    this.#resumeMs = resumeMs;
    this.#maxSessions = maxSessions;
  }

  /** Keeps a session; returns its token, which the store itself does not know. */
  add(session) {
    const token = randomBytes(TOKEN_BYTES).toString("base64url");
    session.digest = digestOf(token);
    this.#sessions.set(session.digest, session);
    return token;
  }

  /** { session } or { ended }, or neither: to another Origin every token is unknown. */
  find(token, origin) {
    if (token === "") return {};
    const digest = digestOf(token);
    const session = this.#sessions.get(digest);
    if (session) return session.origin === origin ? { session } : {};
    const ended = this.#ended.get(digest);
    return ended && ended.origin === origin ? { ended } : {};
  }

  forget(session) {
    clearTimeout(session.expiry);
    this.#sessions.delete(session.digest);
  }

  /** Forgets a session that has ended, and remembers how. */
  bury(session, code, reason) {
    if (!this.#sessions.has(session.digest)) return;
    this.forget(session);
    const timer = setTimeout(() => this.#ended.delete(session.digest), this.#resumeMs).unref();
    this.#ended.set(session.digest, { origin: session.origin, code, reason, timer });
  }

  /** From now on the session has no connection: it has so long to come back. */
  expire(session, expired) {
    clearTimeout(session.expiry);
    session.expiry = setTimeout(expired, this.#resumeMs).unref();
  }

  keep(session) {
    clearTimeout(session.expiry);
  }

  /** Whether there is room for one more; if not, the oldest that was never used, which could make some. */
  get room() {
    if (this.#sessions.size < this.#maxSessions) return { isThere: true };
    for (const session of this.#sessions.values()) {
      if (!session.isUsed) return { isThere: false, unused: session };
    }
    return { isThere: false };
  }

  /** All of them, oldest first. */
  get sessions() {
    return [...this.#sessions.values()];
  }

  forgetAll() {
    for (const session of this.sessions) this.forget(session);
    for (const { timer } of this.#ended.values()) clearTimeout(timer);
    this.#ended.clear();
  }
}
