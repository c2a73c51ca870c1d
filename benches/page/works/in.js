// The work `in`: one message asks, and the server pushes.

import { check, messagesOf } from "../messages.js";
import { measureThroughput } from "../throughput.js";

export function measureTogether(names, job, limited) {
  const path = (count) => `/push?messages=${count}&bytes=${job.payload}`;
  return measureThroughput(names, job, limited, path, async (client, channel, count) => ({
    ms: client.isRust ? await channel.push(count) : await take(channel, messagesOf(job.payload), count),
  }));
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
