// The work `loss`: messages that never come back, or come twice, while the connection is reset again and again in full flow: for
// every client as often, and at the same messages, however long it takes to be back.

import { messagesOf } from "../messages.js";
import { openRelay } from "../runner.js";

/** Each way takes so long: some messages are always under way. */
const DELAY_MS = 20;
/** There is a cut when so many messages have come back, and when as many more have. */
const CUT_EVERY = 500;
/** So many messages go out in each tick. */
const BATCH = 10;
const TICK_MS = 10;
/** With so many unanswered there is an outage, and one goes out in so many ticks. */
const UNANSWERED = 200;
const TICKS_IN_OUTAGE = 10;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export async function measure(client, { payload, count }) {
  const messages = messagesOf(payload);
  const relay = await openRelay(client.server, { delayMs: DELAY_MS });
  try {
    const channel = await client.open(`${relay.url}/echo`, { payload });
    const came = new Map();
    let last = 0;
    let nextCut = CUT_EVERY;
    const receiving = channel.receive((message) => {
      const n = messages.numberOf(message);
      came.set(n, (came.get(n) ?? 0) + 1);
      last = Math.max(last, n);
      if (last >= nextCut && nextCut < count) {
        nextCut += CUT_EVERY;
        relay.cut();
      }
      // The order stays: what comes after the last shows that nothing of them will come any more.
      return last > count;
    });
    const sending = async () => {
      let n = 0;
      for (let tick = 0; last <= count; tick++) {
        const isOutage = n - last >= UNANSWERED;
        const batch = isOutage ? (tick % TICKS_IN_OUTAGE === 0 ? 1 : 0) : BATCH;
        for (let i = 0; i < batch; i++) await channel.send(messages.make(++n));
        await sleep(TICK_MS);
      }
    };
    await Promise.all([receiving, sending()]);
    await channel.close();
    let [lost, twice] = [0, 0];
    for (let n = 1; n <= count; n++) {
      const times = came.get(n) ?? 0;
      if (times === 0) lost++;
      if (times > 1) twice++;
    }
    return { loss: { lost, twice, of: count } };
  } finally {
    await relay.stop();
  }
}
