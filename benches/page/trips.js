// How long one message takes: the microseconds of round trips, in turns.

import { takeTurns, told } from "./together.js";

/** `trips(client, channel, count)` resolves with the microseconds of each. Gives the records by the client's name, or an Error. */
export async function measureTrips(names, job, limited, trips) {
  const part = (client, channel) => trips(client, channel, job.counts[client.name]);
  const results = await takeTurns(names, job, limited, () => "/echo", part);
  return told(results, (turns) => ({ [job.work]: summary(turns.flatMap((times) => [...times])) }));
}

function summary(times) {
  const sorted = Float64Array.from(times).sort();
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  return { mean: sorted.reduce((sum, time) => sum + time, 0) / sorted.length, median: at(0.5), p99: at(0.99) };
}
