// The numbers of `socket.stats()`, read four times a second while they can be seen.

import { trip } from "./moment.js";
import { tick } from "./ticker.js";

const COUNTS = [
  ["attempts", "Attempts", (stats) => stats.attempts],
  ["reconnects", "Reconnects", (stats) => stats.reconnects],
  ["sent", "Sent", (stats) => stats.sent],
  ["received", "Received", (stats) => stats.received],
  ["outbox", "Outbox", (stats) => queue(stats.outbox)],
  ["inbox", "Inbox", (stats) => queue(stats.inbox)],
  ["unacknowledged", "Unacknowledged", (stats) => stats.unacknowledged],
  ["rtt", "Round trip", (stats) => (typeof stats.rtt === "number" ? trip(stats.rtt) : "–")],
  ["state", "State", (stats) => stats.state],
  ["last-close", "Last close", (stats) => closeText(stats.lastClose)],
];

export class Counters {
  #cells = new Map();
  #visible = true;
  #socket = null;

  constructor(list) {
    for (const [key, name] of COUNTS) {
      const term = document.createElement("dt");
      term.textContent = name;
      const value = document.createElement("dd");
      value.id = `count-${key}`;
      value.textContent = "–";
      const pair = document.createElement("div");
      pair.append(term, value);
      list.append(pair);
      this.#cells.set(key, value);
    }
    new IntersectionObserver(([entry]) => { this.#visible = entry.isIntersecting; }).observe(list);
    tick(() => this.#visible && this.#read(), { hertz: 4 });
  }

  attach(socket) {
    this.#socket = socket;
  }

  #read() {
    if (!this.#socket) return;
    const stats = this.#socket.stats();
    for (const [key, , value] of COUNTS) {
      const text = String(value(stats));
      const cell = this.#cells.get(key);
      if (cell.textContent !== text) cell.textContent = text;
    }
  }
}

function queue({ messages, bytes }) {
  if (messages === 0) return "0";
  return `${messages} (${bytes < 10_000 ? `${bytes} B` : `${(bytes / 1024).toFixed(1)} KiB`})`;
}

function closeText(close) {
  if (!close) return "–";
  return close.reason ? `${close.code} “${close.reason}”` : String(close.code);
}
