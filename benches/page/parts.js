// What clients do in turns: every client has a connection, and in each turn every client does one part, so that whatever else the
// machine does meets all of them.

import { inTurn } from "./turns.js";

/**
 * Opens a channel for each client, at the path that `pathOf` gives, and has each do `part(client, channel, turn)` in each of so many
 * turns, which begin as number `turn` of all. Gives what these resolve with by the client's name, one for each turn; an Error for a
 * client that failed, which takes no further part.
 */
export async function takeTurns(clients, { payload, turn: first, urlOf }, turns, part, pathOf = () => "/echo") {
  const parts = new Map(clients.map(({ name }) => [name, []]));
  const channels = new Map();
  const failures = new Map();
  const attempt = async ({ name }, task) => {
    if (failures.has(name)) return;
    try {
      await task();
    } catch (error) {
      failures.set(name, error);
    }
  };
  for (const client of clients) {
    await attempt(client, async () => {
      channels.set(client.name, await client.open(urlOf(client, pathOf(client)), { payload }));
    });
  }
  for (let turn = 0; turn < turns; turn++) {
    for (const client of inTurn(clients, first + turn)) {
      await attempt(client, async () => parts.get(client.name).push(await part(client, channels.get(client.name), turn)));
    }
  }
  for (const client of clients) await attempt(client, () => channels.get(client.name).close());
  return new Map([...parts, ...failures]);
}

/** The same map with `change(value, name)` of each value that is no Error. */
export function changed(results, change) {
  return new Map([...results].map(([name, value]) => [name, value instanceof Error ? value : change(value, name)]));
}
