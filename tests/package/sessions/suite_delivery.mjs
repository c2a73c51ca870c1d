// Conformance: what is sent arrives once and in order, whatever becomes of the connections, and a slow reader slows the
// writer. The same tests for every server: it echoes on /echo.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { startChaos } from "../chaos.mjs";
import { within } from "../conversation.mjs";
import { connect } from "./client.mjs";
import { boundedMemory, leave, PATIENCE, takeFrom, until, untilHeld, useServer } from "./kit.mjs";
import { KINDS, shortly, tally } from "./payloads.mjs";

const MIB = 2 ** 20;
const OPTIONS = { timeout: PATIENCE };

/** The bar: this much, at this rate, over a network that breaks this often. */
const BAR = { messages: 5000, perSecond: 1000, delayMs: 20, resetEveryMs: 250, silent: [4, 9] };

/** Calls `send(n)` for 0, 1, 2, … so many times a second, as regularly as timers allow. */
function pace({ messages, perSecond }, send) {
  const start = performance.now();
  let sent = 0;
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      const due = Math.min(messages, ((performance.now() - start) * perSecond) / 1000);
      while (sent < due) send(sent++);
      if (sent < messages) return;
      clearInterval(timer);
      resolve();
    }, 2);
  });
}

/** Sends all of them, and has them back: the same, in order. */
async function exchange(client, messages) {
  const echoes = takeFrom(client, messages.length);
  for (const message of messages) await client.send(message);
  assert.deepEqual((await echoes).map(shortly), messages.map(shortly));
  await within(PATIENCE, "a flush", client.flush());
}

/** A client behind a bad network, which must have no message left over, no session lost, and end well. */
async function throughChaos(url, network, options, act) {
  const chaos = await startChaos(url, network);
  const client = connect(`${chaos.url}/echo`, { maxDelay: 100, probeMs: 500, connectTimeout: 1000, ...options });
  try {
    await act(client, chaos);
    assert.equal(client.take(), undefined, "nothing comes beyond what was sent");
    assert.equal(client.stats.lost, 0, "no session is lost");
    chaos.calm();
    assert.equal((await within(PATIENCE, "the end", client.close())).code, 1000);
  } finally {
    await leave(client);
    await chaos.stop();
  }
}

export function deliverySuite(name, serve) {
  describe(`${name}: delivery`, () => {
    const server = useServer(serve, "--heartbeat-ms", "250", "--window", "256");

    test("5,000 messages at 1,000 a second, 20 ms each way, a reset every 250 ms, two silent links", OPTIONS, () => {
      return throughChaos(server.url, BAR, {}, async (client, chaos) => {
        const numbers = [];
        const receiving = takeFrom(client, BAR.messages).then((all) => numbers.push(...all.map(Number)));
        await pace(BAR, (n) => client.send(String(n)));
        await receiving;
        await within(PATIENCE, "a flush", client.flush());
        assert.deepEqual(tally(numbers, BAR.messages), { lost: 0, repeated: 0, outOfOrder: 0 });
        assert.equal(chaos.stats.silenced, BAR.silent.length);
        assert.ok(chaos.stats.resets >= 10, `${chaos.stats.resets} resets are fewer than the network promised`);
      });
    });

    test("messages of every kind and size come back as they were", OPTIONS, async () => {
      const client = connect(`${server.url}/echo`);
      await exchange(client, [...KINDS, ...KINDS.toReversed()]);
      await leave(client);
    });

    test("so they do over a bad network, in a small window", OPTIONS, () => {
      const network = { delayMs: 5, resetEveryMs: 120, silent: [3] };
      return throughChaos(server.url, network, { window: 8 }, async (client) => {
        for (let round = 0; round < 4; round++) await exchange(client, KINDS);
        assert.ok(client.stats.reconnects > 0, "the network broke");
      });
    });

    test("the largest message comes back, and lone surrogates come back as U+FFFD", OPTIONS, async () => {
      const client = connect(`${server.url}/echo`);
      await client.opened;
      const { maxMessage } = client.welcome;
      await exchange(client, ["z".repeat(maxMessage), new Uint8Array(maxMessage).fill(1)]);
      await client.send("a\ud800b\udc00");
      assert.deepEqual(await takeFrom(client, 1), ["a\ufffdb\ufffd"]);
      await leave(client);
    });

    test("a connection may be cut behind any byte, those of its handshakes among them", OPTIONS, () => {
      // Up to 900 bytes: from within the HTTP request to some way into the messages.
      const cutAfterBytes = (number) => (number <= 90 ? 1 + ((number * 97) % 900) : undefined);
      const options = { minDelay: 1, maxDelay: 2 };
      return throughChaos(server.url, { cutAfterBytes }, options, async (client, chaos) => {
        const messages = Array.from({ length: 400 }, (_, n) => `${n} ${"cut me ".repeat(20)}`);
        await exchange(client, messages);
        assert.ok(chaos.stats.cuts >= 50, `${chaos.stats.cuts} cuts are too few`);
      });
    });

    test("many small messages come back in few frames", OPTIONS, async () => {
      const client = connect(`${server.url}/echo`, { window: 4096 });
      await client.opened;
      const before = client.stats.framesIn;
      await exchange(client, Array.from({ length: 2000 }, (_, n) => String(n)));
      const frames = client.stats.framesIn - before;
      assert.ok(frames <= 500, `${frames} frames for 2,000 messages`);
      await leave(client);
    });

    test("an application that does not take holds back the other end, within bounded memory", OPTIONS, async () => {
      const TOTAL = 32_000;
      const window = 64;
      const client = connect(`${server.url}/echo`, { window, outbox: { messages: TOTAL, bytes: 256 * MIB } });
      await client.opened;
      const message = (n) => `${n} ${"#".repeat(4000)}`;
      await boundedMemory(server.url, 64 * MIB, async () => {
        for (let n = 0; n < TOTAL; n++) client.send(message(n));
        await untilHeld(client);
      });
      assert.equal(client.ended, null, "nothing was sent past the limit");
      assert.ok(client.inbox.length <= window, `${client.inbox.length} messages in a window of ${window}`);
      const { taken } = client.outbox;
      assert.ok(taken < TOTAL / 2, `${taken} messages were taken with nobody to take them back`);
      for (let n = 0; n < TOTAL; n++) {
        const [echo] = await takeFrom(client, 1);
        if (echo !== message(n)) assert.equal(echo.slice(0, 10), message(n).slice(0, 10));
      }
      await leave(client);
    });

    test("a client that stops reading its socket, and goes on, loses nothing", OPTIONS, async () => {
      const client = connect(`${server.url}/echo`);
      await client.opened;
      client.stall();
      const sending = exchange(client, Array.from({ length: 2000 }, (_, n) => `${n} ${"#".repeat(2000)}`));
      // The ACKs don't arrive either: what may go without them has gone.
      await until(() => client.outbox.standsAtLimit, "it stood at the limit");
      client.unstall();
      await sending;
      await leave(client);
    });
  });
}
