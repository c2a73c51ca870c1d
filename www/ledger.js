// What was sent and what came of it. A message is accepted by `send`, lies in the outbox until the browser takes it,
// and comes back as an echo; or the link dies in between and no one knows. The log shows these steps, so they are
// worked out here, from the promise of `send`, the outbox in `stats()`, and the echoes.

export class Ledger {
  #log;
  #socket = null;
  #nextId = 1;
  #entries = new Map();
  #inOutbox = [];

  constructor(log) {
    this.#log = log;
  }

  /** From now on messages go to this socket. */
  attach(socket) {
    this.#socket = socket;
  }

  /** Sends a text. `echoed` is called when it is back. Returns the promise of `send`. */
  say(text, echoed = () => {}) {
    const entry = {
      id: this.#nextId++,
      at: performance.now(),
      held: this.#socket.state !== "open",
      fate: "offered",
      echoed,
      row: null,
    };
    entry.row = this.#log.sent(text);
    const accepted = this.#socket.send({ kind: "say", id: entry.id, text }).then(
      () => {
        this.#inOutbox.push(entry);
        this.#entries.set(entry.id, entry);
        this.#fate(entry, "queued");
        this.settle();
      },
      (error) => {
        this.#fate(entry, "refused");
        throw error;
      },
    );
    // What is handed on at the end of this turn has been by the next one.
    setTimeout(() => this.settle());
    return accepted;
  }

  /** Looks into the outbox: what has left it was handed to the browser. */
  settle() {
    if (this.#inOutbox.length === 0 || this.#socket.state === "closed") return;
    const waiting = this.#socket.stats().outbox.messages;
    while (this.#inOutbox.length > waiting) this.#fate(this.#inOutbox.shift(), "sent");
  }

  /** An echo came back. Returns the round trip in milliseconds, and whether it waited for the link. */
  echo(id) {
    const entry = this.#entries.get(id);
    if (!entry) return null;
    this.#entries.delete(id);
    this.#inOutbox = this.#inOutbox.filter((other) => other !== entry);
    this.#fate(entry, "echoed");
    entry.echoed(id);
    return { took: performance.now() - entry.at, held: entry.held };
  }

  /** The link is gone: what was handed on and has no echo may be lost. What still waits is safe. */
  lost() {
    this.settle();
    for (const [id, entry] of this.#entries) {
      entry.held = true;
      if (entry.fate !== "sent") continue;
      this.#fate(entry, "no echo");
      this.#entries.delete(id);
    }
  }

  /** The socket is closed for good, and the last `unsent` messages never went out. */
  ended(unsent) {
    const handedOn = this.#inOutbox.length - unsent;
    for (const [index, entry] of this.#inOutbox.entries()) this.#fate(entry, index < handedOn ? "sent" : "not sent");
    this.#inOutbox = [];
    for (const entry of this.#entries.values()) {
      if (entry.fate === "sent") this.#fate(entry, "no echo");
    }
    this.#entries.clear();
  }

  #fate(entry, fate) {
    if (entry.fate === fate) return;
    entry.fate = fate;
    this.#log.fate(entry.row, fate);
  }
}
