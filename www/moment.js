// Times as text. Durations come in milliseconds.

const twoDigits = (number) => String(number).padStart(2, "0");

/** Time of day with milliseconds, from a `Date`. */
export function timeOfDay(date) {
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(twoDigits).join(":")
    + "." + String(date.getMilliseconds()).padStart(3, "0");
}

/** What is left of a wait: always one decimal, so that it ticks evenly. */
export function tenths(ms) {
  return `${(Math.max(0, ms) / 1000).toFixed(1)} s`;
}

/** A round trip: three figures at most. */
export function trip(ms) {
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`;
  if (ms >= 100) return `${ms.toFixed(0)} ms`;
  return `${ms.toFixed(ms >= 10 ? 1 : 2)} ms`;
}

/** How long something has lasted, in whole seconds. */
export function lasted(ms) {
  const total = Math.floor(ms / 1000);
  if (total < 60) return `${total} s`;
  if (total < 3600) return `${Math.floor(total / 60)} min ${total % 60} s`;
  return `${Math.floor(total / 3600)} h ${Math.floor(total / 60) % 60} min`;
}
