// The last minute as spells: stretches of time in one state. The timeline draws them as rope, the chart hatches
// those in which the link was down.

/** How far back the page looks, in milliseconds. */
export const SPAN = 60_000;

export class Spells {
  #list = [];

  /** The state is `state` from `now` on. */
  enter(state, now) {
    const last = this.#list.at(-1);
    if (last?.state === state) return;
    if (last) last.to = now;
    this.#list.push({ state, from: now, to: Infinity });
    while (this.#list[0].to < now - SPAN) this.#list.shift();
  }

  /** Spells that reach into the last minute, oldest first, cut to it: `{ state, from, to, ongoing }`. */
  visible(now) {
    return this.#list
      .filter((spell) => spell.to > now - SPAN)
      .map((spell) => ({
        state: spell.state,
        from: Math.max(spell.from, now - SPAN),
        to: Math.min(spell.to, now),
        ongoing: spell.to === Infinity,
      }));
  }

  /** Whether the link was ever down between two moments. */
  brokenBetween(from, to) {
    return this.#list.some((spell) => spell.state !== "open" && spell.from < to && spell.to > from);
  }
}
