// Round trips in turns, in short blocks. Used by the works that ask how long one message takes.

import { changed, takeTurns } from "./parts.js";

const BLOCK = 200;

/**
 * Runs `trips(client, channel, count)`, which resolves with the microseconds of each, until each client has done its count. Gives
 * the values by the client's name, or an Error.
 */
export async function measureTrips(clients, { work, counts, ...job }, trips) {
  // The same for all.
  const count = counts[clients[0].name];
  const block = Math.min(BLOCK, count);
  const turns = Math.ceil(count / block);
  const times = await takeTurns(clients, job, turns, (client, channel) => trips(client, channel, block));
  return changed(times, (blocks) => ({ [work]: summary(blocks.flatMap((times) => [...times])) }));
}

function summary(times) {
  const sorted = Float64Array.from(times).sort();
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  return { mean: sorted.reduce((sum, time) => sum + time, 0) / sorted.length, median: at(0.5), p99: at(0.99) };
}
