// Backpressure from one application to the other, and bounds on the way: a durable socket against a server that keeps
// the rules, and against one that only grants.

import assert from "node:assert/strict";
import { test } from "node:test";

import { durableTest, useDurableStage } from "./durable_stage.mjs";
import { until } from "./sessions/kit.mjs";
import { startSessionServer } from "./sessions/server.mjs";

const PATIENCE = 30_000;
const stage = useDurableStage();
const flowTest = (name, run) => durableTest(stage, name, run);

/** A test against a server that keeps the rules, with one session: `application` is its other end. */
function sessionTest(name, { application, ...serverOptions }, options, run) {
  test(name, { timeout: PATIENCE }, async () => {
    const { page } = stage;
    stage.problems = [];
    const server = await startSessionServer({ application, ...serverOptions });
    try {
      const url = server.url.replace(/^http/, "ws");
      await page.evaluate(([url, options]) => (open(url, options), socket.opened), [url, options]);
      await run({ page, server, session: server.sessions[0] });
      assert.deepEqual([stage.problems, server.errors], [[], []]);
    } finally {
      await page.evaluate(() => reset());
      await server.stop();
    }
  });
}

/** Takes nothing until it is told to go on, and then all, in order. */
function stalledReader(taken) {
  let goOn;
  const told = new Promise((resolve) => (goOn = resolve));
  const application = async (session) => {
    await told;
    for await (const message of session) taken.push(message);
  };
  return { application, goOn };
}

flowTest("`send` waits while the outbox is full of what is not taken, as many again, and then rejects", async (it) => {
  const { page, peers } = it;
  await it.open({ outbox: { messages: 4 } });
  const peer = await peers.greet();
  await page.evaluate(async () => {
    await socket.opened;
    globalThis.accepted = [];
    globalThis.codes = Array.from({ length: 9 }, (_, n) => codeOf(socket.send(`${n}`).then(() => accepted.push(n))));
  });
  await peer.untilMessages(4);
  const look = () => page.evaluate(() => [accepted, socket.stats().outbox.messages, socket.stats().unacknowledged]);
  assert.deepEqual(await look(), [[0, 1, 2, 3], 4, 4]);
  assert.equal(await page.evaluate(() => codes[8]), "overflow");
  peer.ack(2);
  assert.equal((await peer.untilMessages(2)).length, 1, "what waited for room leaves in one frame");
  assert.deepEqual(await look(), [[0, 1, 2, 3, 4, 5], 4, 4]);
  peer.ack(6);
  await peer.untilMessages(2);
  assert.deepEqual(await page.evaluate(() => Promise.all(codes.slice(0, 8))), Array(8).fill(""));
});

flowTest('the outbox is bounded in bytes of UTF-8, too; with "reject" nothing waits', async ({ page, peers, open }) => {
  await open({ outbox: { bytes: 10, overflow: "reject" } });
  await peers.greet();
  const seen = await page.evaluate(async () => {
    await socket.opened;
    const codes = [];
    for (const message of ["€€€", "ö", "", "x".repeat(11)]) codes.push(await codeOf(socket.send(message)));
    return [codes, socket.stats().outbox];
  });
  assert.deepEqual(seen, [["", "overflow", "", "too-big"], { messages: 2, bytes: 9 }]);
});

const early = [];
const earlyReader = stalledReader(early);
sessionTest("an application that does not take holds back the page at its window; nothing is lost", {
  application: earlyReader.application,
  window: 64,
}, { outbox: { messages: 500 } }, async ({ page, session }) => {
  await page.evaluate(() => {
    globalThis.accepted = 0;
    globalThis.sending = (async () => {
      for (let n = 0; n < 3000; n++) {
        await socket.send(`${n}`);
        accepted++;
      }
    })();
  });
  await until(() => session.inbox.length === 64, "the window was full");
  const { held, unacknowledged, outbox } = await page.evaluate(async () => {
    await until(() => socket.stats().outbox.messages === 500);
    return { held: accepted, ...socket.stats() };
  });
  assert.deepEqual([held, unacknowledged, outbox.messages], [500, 64, 500]);
  earlyReader.goOn();
  await page.evaluate(() => sending.then(() => socket.flush()));
  assert.deepEqual(early, Array.from({ length: 3000 }, (_, n) => `${n}`));
  assert.equal(await page.evaluate(() => socket.stats().outbox.messages), 0);
});

/** Sends so many, and lets a test see how far it came. */
const pusher = (count, messageOf) => {
  const progress = { sent: 0 };
  const application = async (session) => {
    while (progress.sent < count) {
      await session.send(messageOf(progress.sent));
      progress.sent++;
    }
  };
  return { progress, application };
};

const texts = pusher(10_000, (n) => `${n}`);
sessionTest("a page that does not take holds back the server, and goes on when it does", {
  application: texts.application,
}, { inbox: { messages: 256 } }, async ({ page, session }) => {
  await until(() => session.outbox.standsAtLimit, "the server stood at the limit");
  await page.evaluate(() => until(() => socket.stats().inbox.messages === 256));
  assert.ok(texts.progress.sent < 2000, `${texts.progress.sent} messages were accepted with nobody to take them`);
  const { inOrder, most } = await page.evaluate(async () => {
    let next = 0;
    let inOrder = true;
    let most = 0;
    for await (const message of socket) {
      most = Math.max(most, socket.stats().inbox.messages);
      inOrder &&= message === `${next}`;
      if (++next === 10_000) break;
    }
    return { inOrder, most };
  });
  assert.ok(inOrder);
  assert.ok(most <= 256, `${most} messages in a window of 256`);
  await until(() => session.outbox.length === 0, "all were taken");
});

const large = pusher(200, (n) => `${n} `.padEnd(50_000, "#"));
sessionTest("a window is bounded in bytes: large messages take up more of it", {
  application: large.application,
}, { inbox: { bytes: 1 << 20 } }, async ({ page, session }) => {
  await until(() => session.outbox.standsAtLimit, "the server stood at the limit");
  const { messages, bytes } = await page.evaluate(async () => {
    // 256 positions, 13 for each message.
    await until(() => socket.stats().inbox.messages === 20);
    return socket.stats().inbox;
  });
  assert.ok(bytes <= (1 << 20) + 50_000, `${messages} messages with ${bytes} bytes`);
  const taken = await page.evaluate(async () => (await take(200)).map(Number.parseFloat));
  assert.deepEqual(taken, Array.from({ length: 200 }, (_, n) => n));
});

test("options that can't go together are refused by name", async () => {
  const messages = await stage.page.evaluate(() => {
    const bad = [
      { outbox: { overflow: "drop-oldest" } },
      { protocols: Array.from({ length: 33 }, (_, n) => `p${n}`) },
      { durable: "yes" },
      { onSessionLost: "forget" },
      { heartbeat: { interval: 1 } },
    ];
    return bad.map((options) => {
      try {
        open("/nowhere", options);
        return "was taken";
      } catch (error) {
        return error instanceof TypeError && error.message;
      }
    });
  });
  const names = ["outbox.overflow", "protocols", "durable", "onSessionLost", "heartbeat.timeout"];
  for (const [index, name] of names.entries()) assert.ok(`${messages[index]}`.includes(`\`${name}\``), messages[index]);
});
