// The work `in`: one message asks, and the server pushes.

import { changed } from "../parts.js";
import { check, messagesOf } from "../messages.js";
import { measureThroughput, rateOf } from "../throughput.js";

export async function measureTogether(clients, job) {
  const push = async (client, channel, count) => ({
    ms: client.isRust ? await channel.push(count) : await take(channel, messagesOf(job.payload), count),
  });
  const sums = await measureThroughput(clients, job, push, `/push?messages=COUNT&bytes=${job.payload}`);
  return changed(sums, (sums) => ({ in: { rate: rateOf(sums) } }));
}

async function take(channel, messages, count) {
  let due = 1;
  const start = performance.now();
  const receiving = channel.receive((message) => {
    check(messages, message, due++);
    return due > count;
  });
  await channel.send(messages.make(1));
  await receiving;
  return performance.now() - start;
}
