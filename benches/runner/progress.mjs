// A line for each measurement: which it is of how many, how long it has been and will be, what comes, and what came.

import { WORKS } from "../report/works.mjs";

/** Titles that say no more than the unit, which the figure has, too. */
const UNITS = /^(messages\/s|µs\/message|ms)$/;

export class Progress {
  #total = 0;
  #seconds = 0;
  #started = performance.now();
  #done = 0;
  #isLineOpen = false;
  #client;
  #written = 0;

  constructor(jobs) {
    for (const { rounds, turns, clients, seconds, warmUpSeconds = 0 } of jobs) {
      this.#seconds += clients.length * (seconds * rounds + warmUpSeconds);
      this.#total += turns ? rounds + 1 : clients.length * rounds;
    }
    console.log(`${this.#total} measurements, about ${duration(this.#seconds)}`);
  }

  begin({ work, payload, client, round, rounds }) {
    this.end();
    const place = `[${String(++this.#done).padStart(String(this.#total).length)}/${this.#total}]`;
    const time = `${clock((performance.now() - this.#started) / 1000)} of ${clock(this.#seconds)}`;
    const what = [work, payload].filter(Boolean).join(" ");
    const turn = round === 0 ? "warm-up" : rounds > 1 ? `round ${round} of ${rounds}` : "";
    process.stdout.write(`${place} ${time}  ${[what, client, turn].filter(Boolean).join(", ")} …`);
    this.#client = client;
    this.#isLineOpen = true;
    this.#written = 0;
  }

  result({ work, client, values = {}, failed, skipped, part, points }) {
    const words = failed ? [`FAILED: ${failed}`] : skipped ? ["left out, as it failed"] : [];
    if (points) words.push(`${part ?? "time"} at ${points.length} points`);
    for (const [name, value] of Object.entries(values)) {
      const { title = name, format = String } = WORKS[work]?.values[name] ?? {};
      words.push(UNITS.test(title) ? format(value) : `${title} ${format(value)}`);
    }
    // Of several in turns each has a line.
    const isOther = client !== this.#client;
    const start = isOther ? `\n    ${client}: ` : this.#written > 0 ? ", " : " ";
    this.#written++;
    this.#client = client;
    process.stdout.write(start + words.join(", "));
  }

  end() {
    if (this.#isLineOpen) process.stdout.write("\n");
    this.#isLineOpen = false;
  }
}

function clock(seconds) {
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

const duration = (seconds) => (seconds < 100 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`);
