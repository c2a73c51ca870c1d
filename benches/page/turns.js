// Whose turn it is. What ran before leaves its traces, in caches, collectors and a processor's speed, which are up to a fifth of a
// figure: nobody is to come behind the same one each time.

/**
 * All of them, in an order that is another one each turn. In as many turns as there are, or twice as many where their number is
 * odd, each one comes right behind each other one as often. (Williams, 1949.)
 */
export function inTurn(list, turn) {
  const { length } = list;
  const order = list.map((_, place) => {
    const step = place % 2 === 0 ? place / 2 : length - (place + 1) / 2;
    return list[(step + turn) % length];
  });
  return length % 2 === 1 && Math.floor(turn / length) % 2 === 1 ? order.reverse() : order;
}
