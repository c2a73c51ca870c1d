// The work `out`: messages go to the server, which answers once, when it has them all.

import { messagesOf } from "../messages.js";
import { measureThroughput } from "../throughput.js";

export function measureTogether(names, job, limited) {
  const path = (count) => `/sink?messages=${count}`;
  return measureThroughput(names, job, limited, path, async (client, channel, count) => ({
    ms: client.isRust ? await channel.out(count) : await send(channel, messagesOf(job.payload), count),
  }));
}

async function send(channel, messages, count) {
  const start = performance.now();
  const receiving = channel.receive((answer) => {
    const { taken } = typeof answer === "string" ? JSON.parse(answer) : answer;
    if (taken !== count) throw new Error(`the server has taken ${taken} of ${count}`);
    return true;
  });
  const sending = async () => {
    for (let n = 1; n <= count; n++) await channel.send(messages.make(n));
  };
  await Promise.all([receiving, sending()]);
  return performance.now() - start;
}
