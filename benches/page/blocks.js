// Round trips in blocks: every client has a connection, and in each turn every client does one block. Used by the works that ask
// how long one message takes.

import { inTurn } from "./turns.js";

const BLOCK = 200;

/**
 * Runs `trips(client, channel, count)`, which resolves with the microseconds of each, until each client has done `count`. Gives
 * the values by the client's name, or an Error.
 */
export async function measureInBlocks(clients, { work, payload, count, urlOf }, trips) {
  const times = new Map(clients.map(({ name }) => [name, []]));
  const channels = new Map();
  const results = new Map();
  /** A client that fails takes no further part. */
  const attempt = async ({ name }, task) => {
    if (results.has(name)) return;
    try {
      await task();
    } catch (error) {
      results.set(name, error);
    }
  };
  for (const client of clients) {
    await attempt(client, async () => channels.set(client.name, await client.open(urlOf(client, "/echo"), { payload })));
  }
  const block = Math.min(BLOCK, count);
  for (let turn = 0; turn * block < count; turn++) {
    for (const client of inTurn(clients, turn)) {
      await attempt(client, async () => {
        for (const time of await trips(client, channels.get(client.name), block)) times.get(client.name).push(time);
      });
    }
  }
  for (const client of clients) {
    await attempt(client, async () => {
      await channels.get(client.name).close();
      results.set(client.name, { [work]: summary(times.get(client.name)) });
    });
  }
  return results;
}

function summary(times) {
  const sorted = Float64Array.from(times).sort();
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  return { mean: sorted.reduce((sum, time) => sum + time, 0) / sorted.length, median: at(0.5), p99: at(0.99) };
}
