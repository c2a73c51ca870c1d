// Round-trip times of the last minute: points, a line that stops where the link was down, the median. The scale is
// logarithmic, so that one slow trip doesn't flatten the rest. The picture's label says the same in words.

import { trip } from "./moment.js";
import { SPAN } from "./spells.js";
import { svg, watchSize } from "./svg.js";
import { tick } from "./ticker.js";

/** Bursts add many samples at once; older ones go first. */
const MAX_SAMPLES = 300;
const TOP = 16;
const BOTTOM = 6;

export class Chart {
  #parts;
  #spells;
  #samples = [];
  #width = 0;
  #height = 0;
  #picture;
  #moving;
  #paths;
  #grid;
  #median;
  #labels;
  #decades = {};

  constructor({ plot, last, median, highest, spells }) {
    this.#parts = { last, median, highest };
    this.#spells = spells;
    this.#paths = Object.fromEntries(["down", "hatch", "trace", "points"].map((name) => [name, svg("path", { class: `chart-${name}` })]));
    this.#moving = svg("g", {}, ...Object.values(this.#paths));
    this.#grid = svg("g", { class: "chart-grid" });
    this.#median = svg("path", { class: "chart-median" });
    this.#labels = svg("g");
    this.#picture = svg("svg", { role: "img", "aria-label": "Round-trip times: no samples yet", width: "100%", height: "100%" },
      this.#grid, this.#moving, this.#median, this.#labels);
    plot.append(this.#picture);
    watchSize(plot, (width, height) => {
      this.#width = width;
      this.#height = height;
      this.#decades = {};
      this.draw(performance.now());
    });
    tick((now) => this.draw(now), { hertz: 15, calmHertz: 1 });
    tick(() => this.#summarise(), { hertz: 0.5 });
  }

  /** A round trip of `took` milliseconds ended now. */
  add(took) {
    const now = performance.now();
    this.#samples.push({ at: now, took });
    while (this.#samples.length > MAX_SAMPLES || this.#samples[0]?.at < now - SPAN) this.#samples.shift();
  }

  draw(now) {
    if (this.#width === 0) return;
    while (this.#samples[0]?.at < now - SPAN) this.#samples.shift();
    const times = this.#samples.map((sample) => sample.took).sort((a, b) => a - b);
    const highest = times.at(-1) ?? 0;
    const median = times.length === 0 ? null : (times[(times.length - 1) >> 1] + times[times.length >> 1]) / 2;
    const decades = { from: Math.floor(Math.log10(Math.max(0.1, times[0] ?? 0.1))), to: Math.ceil(Math.log10(Math.max(1, highest))) };
    if (decades.from === decades.to) decades.from -= 1;
    if (decades.from !== this.#decades.from || decades.to !== this.#decades.to) this.#drawGrid(decades);

    const x = this.#width / SPAN;
    const y = (ms) => this.#y(ms).toFixed(1);
    this.#moving.setAttribute("transform", `translate(${(this.#width - now * x).toFixed(2)} 0)`);
    let trace = "";
    let points = "";
    let before = null;
    for (const sample of this.#samples) {
      const place = `${(sample.at * x).toFixed(1)} ${y(sample.took)}`;
      trace += `${before === null || this.#spells.brokenBetween(before, sample.at) ? "M" : "L"}${place}`;
      points += `M${place}h0`;
      before = sample.at;
    }
    let down = "";
    let hatch = "";
    for (const spell of this.#spells.visible(now)) {
      if (spell.state === "open") continue;
      const [from, to] = [spell.from * x, Math.max(spell.to * x, spell.from * x + 1)];
      down += `M${from.toFixed(1)} ${TOP}H${to.toFixed(1)}V${this.#height - BOTTOM}H${from.toFixed(1)}z`;
      for (let line = Math.ceil(from / 7) * 7; line < to; line += 7) {
        hatch += `M${line.toFixed(1)} ${TOP}V${this.#height - BOTTOM}`;
      }
    }
    this.#paths.trace.setAttribute("d", trace);
    this.#paths.points.setAttribute("d", points);
    this.#paths.down.setAttribute("d", down);
    this.#paths.hatch.setAttribute("d", hatch);
    this.#picture.dataset.samples = this.#samples.length;

    this.#median.setAttribute("d", median === null ? "" : `M0 ${y(median)}H${this.#width}`);
    this.#figure(this.#parts.last, this.#samples.at(-1)?.took);
    this.#figure(this.#parts.median, median);
    this.#figure(this.#parts.highest, times.at(-1));
  }

  #figure(element, ms) {
    const text = ms === undefined || ms === null ? "–" : trip(ms);
    if (element.textContent !== text) element.textContent = text;
  }

  #y(ms) {
    const { from, to } = this.#decades;
    const part = (Math.log10(Math.max(ms, 10 ** from)) - from) / (to - from);
    return this.#height - BOTTOM - part * (this.#height - TOP - BOTTOM);
  }

  #drawGrid(decades) {
    this.#decades = decades;
    const lines = [];
    const labels = [];
    for (let decade = decades.from; decade <= decades.to; decade += 1) {
      const y = this.#y(10 ** decade);
      const text = svg("text", { x: 0, y: y - 4 });
      text.textContent = `${Number((10 ** decade).toPrecision(1))} ms`;
      labels.push(text);
      lines.push(svg("path", { d: `M0 ${y}H${this.#width}` }));
    }
    this.#grid.replaceChildren(...lines);
    this.#labels.replaceChildren(...labels);
  }

  #summarise() {
    const count = this.#samples.length;
    const { last, median, highest } = this.#parts;
    const gaps = this.#samples.filter((sample, index) => index > 0 && this.#spells.brokenBetween(this.#samples[index - 1].at, sample.at)).length;
    const label = count === 0 ? "Round-trip times: no samples in the last minute"
      : `Round-trip times, last minute: ${count} ${count === 1 ? "sample" : "samples"}, last ${last.textContent}, median ${median.textContent}, `
        + `highest ${highest.textContent}, ${gaps === 0 ? "no gap" : gaps === 1 ? "one gap where the link was down" : `${gaps} gaps where the link was down`}`;
    this.#picture.setAttribute("aria-label", label);
  }
}
