// Whose turn it is. What ran before leaves its traces, in caches, collectors and a processor's speed, which are up to a fifth of a
// figure: nobody is to come behind the same one each time.

/**
 * All of them, in an order that is another one each turn. In as many turns as there are, or twice as many where their number is
 * odd, each one comes right behind each other one as often, and at each place as often. (Williams, 1949.) From one turn to the
 * next none of three or more comes behind itself.
 */
export function inTurn(list, turn) {
  const { length } = list;
  const reverses = length % 2 === 1 && Math.floor(turn / length) % 2 === 1;
  const shift = reverses ? turn : -turn;
  const order = list.map((_, place) => {
    const step = place % 2 === 0 ? place / 2 : -(place + 1) / 2;
    return list.at((step + shift) % length);
  });
  return reverses ? order.reverse() : order;
}
