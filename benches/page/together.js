// Clients side by side: each has a connection, and they take turns on them, so that whatever else the machine does meets all.

import { inTurn } from "./turns.js";

/**
 * Opens a channel for each client, `path(client)` of its server, and has each do `part(client, channel)` in every turn. Gives what the
 * turns resolved with, those that run in left out, by the client's name; an Error for a client that failed, which takes no further
 * part. `limited` runs what one client does, and rejects where that takes too long.
 */
export async function takeTurns(clients, { payload, turns, runIn, firstTurn, urlOf }, limited, path, part) {
  const channels = new Map();
  const results = new Map(clients.map(({ name }) => [name, []]));
  const attempt = async ({ name }, task) => {
    if (results.get(name) instanceof Error) return;
    try {
      await limited(task);
    } catch (error) {
      results.set(name, error instanceof Error ? error : new Error(String(error)));
      // Nothing of it is to go on in the others' turns.
      await limited(async () => channels.get(name)?.close()).catch(() => {});
    }
  };
  for (const client of clients) {
    await attempt(client, async () => {
      channels.set(client.name, await client.open(urlOf(client, path(client)), { payload }));
    });
  }
  for (let turn = 0; turn < runIn + turns; turn++) {
    for (const client of inTurn(clients, firstTurn + turn)) {
      await attempt(client, async () => {
        const result = await part(client, channels.get(client.name));
        if (turn >= runIn) results.get(client.name).push(result);
      });
    }
  }
  for (const client of clients) await attempt(client, () => channels.get(client.name).close());
  return results;
}

/** The same with `records(result, name)` for each client that has not failed. */
export function told(results, records) {
  return new Map([...results].map(([name, result]) => [name, result instanceof Error ? result : records(result, name)]));
}
