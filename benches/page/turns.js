// Whose turn it is.

/** All of them, another one first each time. */
export function rotated(list, turn) {
  const first = turn % list.length;
  return [...list.slice(first), ...list.slice(0, first)];
}
