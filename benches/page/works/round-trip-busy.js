// The work `round-trip-busy`: the same as `round-trip`, while other messages flow over the same socket, there and back.

import { check, messagesOf } from "../messages.js";
import { measureTrips } from "../trips.js";

/** So many that every client keeps up: with more than one can carry there would be an ever longer queue. */
const PER_SECOND = { json: 10_000, 16: 10_000, 4096: 2000 };
/** How often they are sent, as many as are due: a browser's timers come no more often. */
const TICK_MS = 4;
/** Numbers from here on are round trips. */
const PROBES = 2 ** 31;

export function measureTogether(names, job, limited) {
  const perSecond = PER_SECOND[job.payload];
  return measureTrips(names, job, limited, (client, channel, count) => client.isRust
    ? channel.round_trips_busy(count, perSecond)
    : roundTrips(channel, messagesOf(job.payload), count, perSecond));
}

/** The microseconds of each. What flows is taken to its last message. */
async function roundTrips(channel, messages, count, perSecond) {
  const times = [];
  let probe = PROBES;
  let [sent, due] = [0, 1];
  let start;
  const send = () => {
    probe++;
    start = performance.now();
    channel.send(messages.make(probe));
  };

  const began = performance.now();
  const flow = setInterval(() => {
    const until = ((performance.now() - began) / 1000) * perSecond;
    while (sent < until) channel.send(messages.make(++sent));
  }, TICK_MS);
  const isDone = () => times.length === count && due > sent;
  const receiving = channel.receive((message) => {
    if (messages.numberOf(message) < PROBES) {
      check(messages, message, due++);
      return isDone();
    }
    check(messages, message, probe);
    times.push((performance.now() - start) * 1000);
    if (times.length < count) send();
    else clearInterval(flow);
    return isDone();
  });
  try {
    send();
    await receiving;
  } finally {
    clearInterval(flow);
  }
  return times;
}
