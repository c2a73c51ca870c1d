// The work `out`: messages go to the server, which answers once, when it has them all.

import { changed } from "../parts.js";
import { messagesOf } from "../messages.js";
import { measureThroughput, rateOf } from "../throughput.js";

export async function measureTogether(clients, job) {
  const out = async (client, channel, count) => ({
    ms: client.isRust ? await channel.out(count) : await send(channel, messagesOf(job.payload), count),
  });
  const sums = await measureThroughput(clients, job, out, "/sink?messages=COUNT");
  return changed(sums, (sums) => ({ out: { rate: rateOf(sums) } }));
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
