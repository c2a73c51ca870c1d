// The log: messages in both directions and what happened to the link, each with its time. Bounded. It follows the
// newest row only while the reader is at the end. Texts become text nodes, never markup.

import { timeOfDay } from "./moment.js";

const MAX_ROWS = 500;
/** Within so many pixels of the end counts as being there. */
const AT_END = 24;

const WAYS = {
  sent: { arrow: "→", label: "out" },
  received: { arrow: "←", label: "in" },
  link: { arrow: "·", label: "link" },
};

export class Log {
  #parts;
  #following = true;
  #moving = false;
  #behind = false;

  constructor(parts) {
    this.#parts = parts;
    const { frame, newest, clear } = parts;
    frame.addEventListener("scroll", () => {
      if (this.#moving) return;
      this.#following = frame.scrollHeight - frame.scrollTop - frame.clientHeight <= AT_END;
      newest.hidden = this.#following;
    }, { passive: true });
    // A frame that shrinks or grows (a turned phone, a keyboard) keeps its end in sight.
    new ResizeObserver(() => this.#follow()).observe(frame);
    newest.addEventListener("click", () => {
      this.#following = true;
      this.#follow();
      frame.focus({ preventScroll: true });
    });
    clear.addEventListener("click", () => {
      parts.rows.replaceChildren();
      parts.empty.hidden = false;
      this.#following = true;
      newest.hidden = true;
    });
  }

  /** A message of ours. Returns its row, for `fate`. */
  sent(text) {
    return this.#row("sent", text, "offered");
  }

  /** A message that arrived; `note` says how long its round trip took. */
  received(text, note) {
    return this.#row("received", text, note);
  }

  /** Something happened to the link. */
  link(text, note = "") {
    return this.#row("link", text, note);
  }

  /** What has become of a message of ours: queued, sent, echoed, no echo, … */
  fate(row, fate) {
    row.dataset.fate = fate;
    row.lastElementChild.textContent = fate;
  }

  #row(way, text, note) {
    const { rows, empty } = this.#parts;
    const now = new Date();
    const row = document.createElement("li");
    row.className = `row ${way}`;
    const time = document.createElement("time");
    time.dateTime = now.toISOString();
    time.textContent = timeOfDay(now);
    const label = document.createElement("span");
    label.className = "way";
    const arrow = document.createElement("span");
    arrow.className = "arrow";
    arrow.setAttribute("aria-hidden", "true");
    arrow.textContent = WAYS[way].arrow;
    label.append(arrow, " ", WAYS[way].label);
    row.append(time, label, part("text", text), part("note", note));
    rows.append(row);
    empty.hidden = true;
    while (rows.childElementCount > MAX_ROWS) rows.firstElementChild.remove();
    this.#follow();
    return row;
  }

  // Once a frame, however many rows came: reading the height lays the page out.
  #follow() {
    if (!this.#following) return;
    this.#behind = true;
    if (this.#moving) return;
    this.#moving = true;
    requestAnimationFrame(() => {
      const { frame, newest } = this.#parts;
      this.#behind = false;
      frame.scrollTop = frame.scrollHeight;
      newest.hidden = true;
      // The scroll event of this very move comes with the next frame, and rows may have come in between.
      requestAnimationFrame(() => {
        this.#moving = false;
        if (this.#behind) this.#follow();
      });
    });
  }
}

function part(className, text) {
  const element = document.createElement("span");
  element.className = className;
  element.textContent = text;
  return element;
}
