// Clients side by side: each has a connection, and they take turns on them, so that whatever else the machine does meets all.

import { inTurn } from "./turns.js";

/**
 * Loads the clients of these names, opens a channel for each, at `path(name)` of its server, and has each do `part(client, channel)`
 * in every turn. Gives what the turns resolved with, those that run in left out, by the client's name; an Error for a client that
 * failed, which takes no further part. `limited` runs what one client does, and rejects where that takes too long.
 */
export async function takeTurns(names, { payload, turns, runIn, firstTurn, load, urlOf }, limited, path, part) {
  const opened = new Map();
  const results = new Map(names.map((name) => [name, []]));
  const attempt = async (name, task) => {
    if (results.get(name) instanceof Error) return;
    try {
      await limited(task);
    } catch (error) {
      results.set(name, error instanceof Error ? error : new Error(String(error)));
      // Nothing of it is to go on in the others' turns.
      await limited(async () => opened.get(name)?.channel.close()).catch(() => {});
    }
  };
  for (const name of names) {
    await attempt(name, async () => {
      const client = await load(name);
      opened.set(name, { client, channel: await client.open(urlOf(client, path(name)), { payload }) });
    });
  }
  for (let turn = 0; turn < runIn + turns; turn++) {
    for (const name of inTurn(names, firstTurn + turn)) {
      await attempt(name, async () => {
        const { client, channel } = opened.get(name);
        const result = await part(client, channel);
        if (turn >= runIn) results.get(name).push(result);
      });
    }
  }
  for (const name of names) await attempt(name, () => opened.get(name).channel.close());
  return results;
}

/** The same with `records(result, name)` for each client that has not failed. */
export function told(results, records) {
  return new Map([...results].map(([name, result]) => [name, result instanceof Error ? result : records(result, name)]));
}
