// The work `echo`: messages go to the server and come back. And with it `cpu`: what the page's process has computed for it.

import { check, messagesOf } from "../messages.js";
import { IN_FLIGHT, IN_FLIGHT_BYTES } from "../plan.js";
import { processorTime } from "../runner.js";
import { measureThroughput } from "../throughput.js";

/** How many messages a client keeps on their way that would take any number. */
export const inFlightOf = (payload) => Math.min(IN_FLIGHT, Math.floor(IN_FLIGHT_BYTES / messagesOf(payload).bytes));

export function measureTogether(names, job, limited) {
  const part = async (client, channel, count) => {
    const before = await processorTime();
    const ms = await echo(client, channel, job.payload, count);
    // Null where the system doesn't tell it.
    return before === null ? { ms } : { ms, micros: (await processorTime()) - before };
  };
  return measureThroughput(names, job, limited, () => "/echo", part, ({ micros }, count) =>
    micros === undefined ? {} : { cpu: { perMessage: micros / count } });
}

/** Sends so many and takes as many, numbered from `first` on where the client is JavaScript's; the milliseconds. */
export function echo(client, channel, payload, count, first = 1) {
  if (client.isRust) return channel.echo(count, inFlightOf(payload));
  return client.isDurable ? echoDurable(channel, payload, count, first) : echoPlain(channel, payload, count, first);
}

/** Its `send` is all the backpressure there is. */
async function echoDurable(channel, payload, count, first) {
  const messages = messagesOf(payload);
  const end = first + count;
  let due = first;
  const start = performance.now();
  const receiving = channel.receive((message) => {
    check(messages, message, due++);
    return due === end;
  });
  const sending = async () => {
    for (let n = first; n < end; n++) await channel.send(messages.make(n));
  };
  await Promise.all([receiving, sending()]);
  return performance.now() - start;
}

async function echoPlain(channel, payload, count, first) {
  const messages = messagesOf(payload);
  const inFlight = inFlightOf(payload);
  const end = first + count;
  let next = first;
  let due = first;
  const fill = () => {
    while (next < end && next - due < inFlight) channel.send(messages.make(next++));
  };
  const start = performance.now();
  const receiving = channel.receive((message) => {
    check(messages, message, due++);
    fill();
    return due === end;
  });
  fill();
  await receiving;
  return performance.now() - start;
}
