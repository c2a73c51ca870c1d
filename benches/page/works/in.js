// The work `in`: one message asks, and the server pushes. The second time counts, when the connection has run in.

import { check, messagesOf } from "../messages.js";

export async function measure(client, { payload, count, urlOf }) {
  const channel = await client.open(urlOf(client, `/push?messages=${count}&bytes=${payload}`), { payload });
  const push = () => (client.isRust ? channel.push(count) : take(channel, messagesOf(payload), count));
  await push();
  const ms = await push();
  await channel.close();
  return { in: { rate: (count / ms) * 1000 } };
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
