// The work `out`: messages go to the server, which answers once, when it has them all. The second time counts, when the
// connection has run in.

import { messagesOf } from "../messages.js";

export async function measure(client, { payload, count, urlOf }) {
  const channel = await client.open(urlOf(client, `/sink?messages=${count}`), { payload });
  const out = () => (client.isRust ? channel.out(count) : send(channel, messagesOf(payload), count));
  await out();
  const ms = await out();
  await channel.close();
  return { out: { rate: (count / ms) * 1000 } };
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
