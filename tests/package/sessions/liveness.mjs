// Whether a link is alive: it probes one that has been silent for too long, and judges only on evidence. The server's
// side beats as well: it says something at least every heartbeat.

export class Liveness {
  #link;
  #heartbeatMs;
  #probeMs;
  #beats;
  #dead;
  #timer = null;
  /** `{ at, buffered }` while a probe has no answer. */
  #probe = null;

  /** `dead` is called once, when nothing came within the probe's time; `heartbeatMs` 0 looks at nothing. */
  constructor(link, { heartbeatMs, probeMs, beats, dead }) {
    this.#link = link;
    this.#heartbeatMs = heartbeatMs;
    this.#probeMs = probeMs;
    this.#beats = beats;
    this.#dead = dead;
    if (heartbeatMs > 0) this.#schedule();
  }

  stop() {
    clearTimeout(this.#timer);
    this.#heartbeatMs = 0;
  }

  get #due() {
    const judged = this.#probe ? this.#probe.at + this.#probeMs : this.#link.heardAt + 2 * this.#heartbeatMs;
    return this.#beats ? Math.min(judged, this.#link.sentAt + this.#heartbeatMs) : judged;
  }

  #schedule() {
    const due = this.#due;
    this.#timer = setTimeout(() => this.#look(due), Math.max(0, due - performance.now()));
  }

  #look(due) {
    const now = performance.now();
    // A program that slept has not listened either.
    const isLate = now - due > Math.max(50, this.#probeMs / 4);
    if (this.#probe && this.#link.heardAt >= this.#probe.at) this.#probe = null;
    if (this.#probe && now >= this.#probe.at + this.#probeMs) {
      const hasMoved = this.#link.buffered < this.#probe.buffered;
      if (!isLate && !hasMoved) {
        this.stop();
        this.#dead();
        return;
      }
      this.#ask(now);
    } else if (!this.#probe && now >= this.#link.heardAt + 2 * this.#heartbeatMs) {
      this.#ask(now);
    } else if (this.#beats && now >= this.#link.sentAt + this.#heartbeatMs) {
      this.#link.ping();
    }
    if (this.#heartbeatMs > 0) this.#schedule();
  }

  #ask(now) {
    this.#probe = { at: now, buffered: this.#link.buffered };
    this.#link.ping();
  }
}
