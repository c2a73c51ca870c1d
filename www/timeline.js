// The last minute as a rope: taut and twisted while open, slack while waiting, a knot for each attempt, nothing once
// closed. Each state has its own shape and its own total in the legend, so that no one needs the colours.

import { SPAN } from "./spells.js";
import { svg, watchSize } from "./svg.js";
import { tick } from "./ticker.js";

const HEIGHT = 46;
const MIDDLE = 18;
const ROPE = 16;

const KINDS = [
  { state: "open", label: "open" },
  { state: "connecting", label: "connecting" },
  { state: "waiting", label: "waiting" },
  { state: "closed", label: "closed" },
];

export class Timeline {
  #spells;
  #width = 0;
  #picture;
  #moving;
  #paths;
  #totals;

  constructor({ plot, legend, spells }) {
    this.#spells = spells;
    this.#paths = Object.fromEntries(
      ["line", "open", "twist", "fray", "waiting", "throw", "knot", "closed"].map((name) => [name, svg("path", { class: `strip-${name}` })]),
    );
    this.#moving = svg("g", {}, ...Object.values(this.#paths));
    this.#picture = svg("svg", { role: "img", "aria-label": "The link’s states over the last minute", height: HEIGHT, width: "100%" }, this.#moving);
    plot.append(this.#picture);
    this.#totals = Object.fromEntries(KINDS.map((kind) => [kind.state, legendItem(legend, kind)]));
    watchSize(plot, (width) => {
      this.#width = width;
      this.draw(performance.now());
    });
    tick((now) => this.draw(now), { hertz: 15, calmHertz: 1 });
    tick((now) => this.#sum(now), { hertz: 2 });
  }

  draw(now) {
    const scale = this.#width / SPAN;
    // Positions are measured from the page's start and the whole group is moved, so that the twist travels with
    // the rope.
    this.#moving.setAttribute("transform", `translate(${(this.#width - now * scale).toFixed(2)} 0)`);
    const d = { line: "", open: "", twist: "", fray: "", waiting: "", throw: "", knot: "", closed: "" };
    const spells = this.#spells.visible(now);
    for (const [index, spell] of spells.entries()) {
      const from = spell.from * scale;
      const to = spell.to * scale;
      if (spell.state === "open") {
        d.open += band(from, to);
        d.twist += twist(from, to);
        // A gap too short for loose ends is drawn without them.
        const back = spells.slice(index + 1).find((other) => other.state === "open");
        if (!spell.ongoing && (back?.from ?? now) * scale - to > 20) d.fray += fray(to);
      } else if (spell.state === "waiting") {
        const sag = Math.min(22, 4 + (to - from) / 3);
        d.waiting += `M${at(from)} ${MIDDLE}Q${at((from + to) / 2)} ${at(MIDDLE + sag)} ${at(to)} ${MIDDLE}`;
      } else if (spell.state === "connecting") {
        d.throw += `M${at(from)} ${MIDDLE}H${at(to)}`;
        d.knot += `M${at(from)} ${MIDDLE}h0`;
      } else {
        d.line += `M${at(from)} ${MIDDLE}H${at(to)}`;
        d.closed += `M${at(from + 2)} ${MIDDLE - 5}l10 10m0 -10l-10 10`;
      }
    }
    for (const [name, path] of Object.entries(this.#paths)) path.setAttribute("d", d[name]);
  }

  #sum(now) {
    const totals = { open: 0, connecting: 0, waiting: 0, closed: 0 };
    const counts = { open: 0, connecting: 0, waiting: 0, closed: 0 };
    for (const spell of this.#spells.visible(now)) {
      totals[spell.state] += spell.to - spell.from;
      counts[spell.state] += 1;
    }
    for (const { state } of KINDS) {
      const seconds = `${(totals[state] / 1000).toFixed(totals[state] < 9950 ? 1 : 0)} s`;
      // An attempt is over in a moment: how many there were says more than how long they took.
      const text = state === "connecting" ? `${counts[state]}×` : seconds;
      if (this.#totals[state].textContent !== text) this.#totals[state].textContent = text;
    }
  }
}

const at = (position) => position.toFixed(1);

function band(from, to) {
  return `M${at(from)} ${MIDDLE - ROPE / 2}H${at(to)}v${ROPE}H${at(from)}z`;
}

// Strands lie at fixed places of the rope, not of the spell: they don't crawl as it grows.
function twist(from, to) {
  const step = 9;
  let d = "";
  for (let x = Math.ceil(from / step) * step; x + step <= to; x += step) {
    d += `M${at(x)} ${MIDDLE + ROPE / 2}c1 -5 ${step - 1} -${ROPE - 5} ${step} -${ROPE}`;
  }
  return d;
}

function fray(x) {
  return `M${at(x)} ${MIDDLE - 5}q4 -1 6 -5M${at(x)} ${MIDDLE}h8M${at(x)} ${MIDDLE + 5}q4 1 6 5`;
}

function legendItem(legend, { state, label }) {
  const sample = svg("svg", { viewBox: "0 0 34 20", width: 34, height: 20, "aria-hidden": "true", focusable: "false" });
  const shapes = {
    open: [svg("path", { class: "strip-open", d: "M2 4H32v12H2z" }), svg("path", { class: "strip-twist", d: "M4 16c1 -5 7 -8 8 -12M13 16c1 -5 7 -8 8 -12M22 16c1 -5 7 -8 8 -12" })],
    connecting: [svg("path", { class: "strip-throw", d: "M8 10H32" }), svg("path", { class: "strip-knot", d: "M8 10h0" })],
    waiting: [svg("path", { class: "strip-waiting", d: "M2 5Q17 25 32 5" })],
    closed: [svg("path", { class: "strip-line", d: "M2 10H32" }), svg("path", { class: "strip-closed", d: "M12 5l10 10m0 -10l-10 10" })],
  };
  sample.append(...shapes[state]);
  const name = document.createElement("span");
  name.textContent = label;
  const total = document.createElement("span");
  total.className = "total";
    const item = document.createElement("li");
  item.append(sample, name, " ", total);
  legend.append(item);
  return total;
}
