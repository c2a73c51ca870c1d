// Throughput in turns. Used by the works that ask how many messages a second there are.

import { changed, takeTurns } from "./parts.js";

/**
 * Runs `part(client, channel, count, turn)`, which resolves with figures that add up: `ms`, and others. Gives each client's sums with
 * its `count` of all turns but those that run in, by the client's name, or an Error.
 */
export async function measureThroughput(clients, { counts, turns, runIn, ...job }, part, path = "/echo") {
  const countOf = ({ name }) => counts[name];
  const results = await takeTurns(
    clients,
    job,
    runIn + turns,
    (client, channel, turn) => part(client, channel, countOf(client), turn),
    (client) => path.replace("COUNT", countOf(client)),
  );
  return changed(results, (parts, name) => {
    const counting = parts.slice(runIn);
    const sum = (figure) => counting.reduce((sum, part) => sum + part[figure], 0);
    const sums = Object.keys(counting[0]).map((figure) => [figure, sum(figure)]);
    return { count: counting.length * counts[name], ...Object.fromEntries(sums) };
  });
}

/** Messages a second. */
export const rateOf = ({ count, ms }) => (count / ms) * 1000;
