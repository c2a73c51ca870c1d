// How many messages a second there are: those of all turns, by the time of all turns.

import { takeTurns, told } from "./together.js";

/**
 * `part(client, channel, count)` resolves with the milliseconds of a turn, and what else adds up, as `{ ms, … }`; `path(count)` is
 * where channels go. Gives the records by the client's name, or an Error; `others(sums, count)` may add to them.
 */
export async function measureThroughput(names, job, limited, path, part, others = () => ({})) {
  const countOf = (name) => job.counts[name];
  const results = await takeTurns(
    names,
    job,
    limited,
    (name) => path(countOf(name)),
    (client, channel) => part(client, channel, countOf(client.name)),
  );
  return told(results, (turns, name) => {
    const count = turns.length * countOf(name);
    const sums = {};
    for (const turn of turns) for (const [figure, value] of Object.entries(turn)) sums[figure] = (sums[figure] ?? 0) + value;
    return { [job.work]: { rate: (count / sums.ms) * 1000 }, ...others(sums, count) };
  });
}
