// The work `round-trip`: one message goes out and comes back before the next does.

import { check, messagesOf } from "../messages.js";
import { measureTrips } from "../trips.js";

export function measureTogether(names, job, limited) {
  return measureTrips(names, job, limited, (client, channel, count) =>
    client.isRust ? channel.round_trips(count) : roundTrips(channel, messagesOf(job.payload), count));
}

/** The microseconds of each. */
async function roundTrips(channel, messages, count) {
  const times = [];
  let n = 0;
  let start;
  const send = () => {
    n++;
    start = performance.now();
    channel.send(messages.make(n));
  };
  const receiving = channel.receive((message) => {
    check(messages, message, n);
    times.push((performance.now() - start) * 1000);
    if (n === count) return true;
    send();
    return false;
  });
  send();
  await receiving;
  return times;
}
