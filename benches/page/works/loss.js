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
  const relay = await openRelay(client.server, { delayMs: DELAY_MS });
  try {
    const channel = await client.open(`${relay.url}/echo`, { payload, recovers: true });
    const trial = new Trial(count, relay.cut);
    await (client.isRust ? channel.endure(trial, TICK_MS) : endure(channel, messagesOf(payload), trial));
    await channel.close();
    return { loss: trial.losses() };
  } finally {
    await relay.stop();
  }
}

/** Sends what is due, and tells what arrives. */
async function endure(channel, messages, trial) {
  const receiving = channel.receive((message) => trial.arrived(messages.numberOf(message)));
  const sending = async () => {
    for (let n = 0; !trial.isOver; await sleep(TICK_MS)) {
      for (const due = trial.due(); n < due; ) await channel.send(messages.make(++n));
    }
  };
  await Promise.all([receiving, sending()]);
}

/** What goes out when, what came of it, and when there is a cut: the same for every client, which tells what it does. */
class Trial {
  #count;
  #cut;
  #came = new Map();
  #last = 0;
  #nextCut = CUT_EVERY;
  #ticks = 0;
  #due = 0;

  constructor(count, cut) {
    this.#count = count;
    this.#cut = cut;
  }

  /** The order stays: what comes after the last shows that nothing of them will come any more. */
  get isOver() {
    return this.#last > this.#count;
  }

  /** Asked once in a tick: up to which number messages go out in it. */
  due() {
    const isOutage = this.#due - this.#last >= UNANSWERED;
    const goesOut = !isOutage || this.#ticks % TICKS_IN_OUTAGE === 0;
    this.#ticks++;
    if (goesOut) this.#due += isOutage ? 1 : BATCH;
    return this.#due;
  }

  /** Message `n` has come back. Whether that was the end. */
  arrived(n) {
    this.#came.set(n, (this.#came.get(n) ?? 0) + 1);
    this.#last = Math.max(this.#last, n);
    if (this.#last >= this.#nextCut && this.#nextCut < this.#count) {
      this.#nextCut += CUT_EVERY;
      this.#cut();
    }
    return this.isOver;
  }

  losses() {
    let [lost, twice] = [0, 0];
    for (let n = 1; n <= this.#count; n++) {
      const times = this.#came.get(n) ?? 0;
      if (times === 0) lost++;
      if (times > 1) twice++;
    }
    return { lost, twice, of: this.#count };
  }
}
