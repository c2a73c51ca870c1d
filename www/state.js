// The state in large letters: what it is, for how long, until when, and why. Also the small copy of it in the top
// bar, for when the large one has been scrolled away.

import { lasted, tenths } from "./moment.js";
import { tick } from "./ticker.js";

const WORDS = { connecting: "Connecting", open: "Open", waiting: "Waiting", closed: "Closed" };

export class StatePanel {
  #parts;
  #state = "connecting";
  #since = performance.now();
  #retryAt = null;

  constructor(parts) {
    this.#parts = parts;
    tick((now) => this.#count(now), { hertz: 12 });
    new IntersectionObserver(([entry]) => parts.pill.classList.toggle("shown", !entry.isIntersecting), { rootMargin: "-64px 0px 0px" })
      .observe(parts.state);
  }

  /** Shows a state. `retryIn` in milliseconds or null; `why` is a sentence or nothing. */
  show({ state, retryIn = null, why = "" }) {
    const now = performance.now();
    const first = this.#parts.panel.dataset.state === "loading";
    if (first || state !== this.#state) this.#since = now;
    this.#state = state;
    this.#retryAt = state === "waiting" && retryIn !== null ? now + retryIn : null;
    const { panel, state: word, cause, pill, end } = this.#parts;
    panel.dataset.state = state;
    pill.dataset.state = state;
    word.textContent = WORDS[state];
    // The reason for the last wait stays while the next attempt is made.
    if (first || state !== "connecting") cause.textContent = why;
    if (state === "closed") end.textContent = "Connect again";
    else if (end.textContent === "Connect again") end.textContent = "Close for good";
    this.#count(now);
    this.#announce(why);
  }

  // Attempts come and go in milliseconds; only what lasts is read out.
  #announce(why) {
    if (this.#state === "connecting") return;
    const text = this.#state === "waiting" ? `Waiting to reconnect. ${why}` : `${WORDS[this.#state]}. ${why}`;
    if (this.#parts.announce.textContent !== text) this.#parts.announce.textContent = text;
  }

  #count(now) {
    const { countdown, detail, pillText, panel } = this.#parts;
    if (panel.dataset.state !== this.#state) return;
    const left = this.#retryAt === null ? "" : `retry in ${tenths(this.#retryAt - now)}`;
    set(countdown, left);
    set(detail, {
      connecting: "an attempt is under way",
      open: `for ${lasted(now - this.#since)}`,
      waiting: left ? "" : "until the browser is online again",
      closed: "for good",
    }[this.#state]);
    set(pillText, left ? `${WORDS[this.#state]}, ${left}` : WORDS[this.#state]);
  }
}

function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
