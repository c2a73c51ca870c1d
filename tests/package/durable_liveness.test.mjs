// Whether the link lives: a page whose clock is the test's, so that minutes of silence and sleep take no time. And what
// a page does when it is left.

import assert from "node:assert/strict";
import { test } from "node:test";
import { chromium } from "playwright-core";

import { startPeers } from "./durable_peer.mjs";
import { durableTest, useDurableStage } from "./durable_stage.mjs";

const PATIENCE = 30_000;
/** What WELCOME says where nothing else is said, and how long a client waits for an answer to its PING. */
const HEARTBEAT = 15_000;
const PROBE = 5000;

const stage = useDurableStage();
let page;

/** The page whose clock is the tests'. */
async function openClockPage() {
  const context = await stage.browser.newContext();
  await context.clock.install({ time: 0 });
  page = await stage.openPage(context);
  await context.clock.pauseAt(1_000_000);
}

/** A test with a session in a page whose time stands still unless the test lets it go on. */
function clockTest(name, options, welcome, run) {
  test(name, { timeout: PATIENCE }, async () => {
    stage.problems = [];
    if (!page) await openClockPage();
    const peers = await startPeers();
    const all = { reconnect: { minDelay: 0, maxDelay: 0 }, ...options };
    try {
      await page.evaluate(([url, options]) => void open(url, options), [peers.url, all]);
      const peer = await peers.greet(welcome);
      await page.evaluate(() => socket.opened);
      const heard = (count) => page.waitForFunction((count) => socket.stats().received === count, count);
      await run({ peers, peer, heard, clock: page.clock });
    } finally {
      await page.evaluate(() => reset());
      await peers.stop();
    }
    assert.deepEqual(stage.problems, [], "no uncaught error and no unhandled rejection");
  });
}

const disconnects = () => page.evaluate(() => log.filter(([type]) => type === "disconnect"));

/** A browser that keeps pages which are left, as every browser does that no test has started. */
function launchKeepingBrowser() {
  const sandbox = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [...sandbox, "--disable-gpu", "--disable-dev-shm-usage"],
    ignoreDefaultArgs: ["--disable-back-forward-cache"],
  });
}

/** Nothing but this has come: the answer to a PING of the server's says that nothing else is under way. */
async function hasSaid(peer, ...types) {
  peer.send({ type: "ping", nonce: 77 });
  const frames = [];
  do frames.push(await peer.until());
  while (!(frames.at(-1).type === "pong" && frames.at(-1).nonce === 77));
  assert.deepEqual(frames.slice(0, -1).map(({ type }) => type), types);
}

clockTest("after two heartbeats of silence it asks, and without an answer it comes back", {}, {}, async (it) => {
  const { peers, peer, clock } = it;
  await page.evaluate(() => void socket.send("under way"));
  await peer.untilMessages(1);
  await clock.runFor(2 * HEARTBEAT - 1);
  assert.deepEqual(peer.frames, []);
  await clock.runFor(1);
  await peer.until("ping");
  await clock.runFor(PROBE - 1);
  assert.deepEqual(await disconnects(), []);
  await clock.runFor(10);
  const next = await peers.greet({ resumed: true });
  assert.deepEqual(await disconnects(), [["disconnect", 1006, "", false]]);
  assert.deepEqual((await next.untilMessages(1))[0].messages, ["under way"]);
});

clockTest("whatever the server says is a sign of life", {}, {}, async ({ peer, heard, clock }) => {
  await clock.runFor(2 * HEARTBEAT - 1);
  peer.texts(1, "here");
  await heard(1);
  await clock.runFor(2 * HEARTBEAT - 1);
  await hasSaid(peer);
  await clock.runFor(2 * HEARTBEAT);
  await peer.until("ping");
  peer.texts(2, "no PONG, but a sign");
  await heard(2);
  await clock.runFor(PROBE);
  await hasSaid(peer);
  assert.deepEqual(await disconnects(), []);
});

clockTest("a timer that comes late is no evidence, the probe's own neither: it asks again", {}, {}, async (it) => {
  const { peers, peer, clock } = it;
  // As a laptop that is closed, and a tab that nobody looks at.
  await clock.fastForward(10 * 60_000);
  await peer.until("ping");
  await clock.fastForward(10 * 60_000);
  await peer.until("ping");
  await clock.runFor(PROBE - 1);
  assert.deepEqual(await disconnects(), []);
  await hasSaid(peer);
  await clock.fastForward(10 * 60_000);
  await peer.until("ping");
  await clock.runFor(PROBE + 10);
  await peers.greet({ resumed: true });
  assert.deepEqual(await disconnects(), [["disconnect", 1006, "", false]], "this time it came in time");
});

const HOUR = 60 * 60_000;
clockTest("a server without a heartbeat is never asked", {}, { heartbeatMs: 0 }, async ({ peer, clock }) => {
  await clock.runFor(HOUR);
  await hasSaid(peer);
});

clockTest("with `heartbeat: false` none is", { heartbeat: false }, {}, async ({ peer, clock }) => {
  await clock.runFor(HOUR);
  await hasSaid(peer);
});

const OWN = { heartbeat: { interval: 100, timeout: 50 } };
clockTest("`heartbeat` takes the place of the server's", OWN, {}, async (it) => {
  const { peers, peer, clock } = it;
  await clock.runFor(99);
  assert.deepEqual(peer.frames, []);
  await clock.runFor(1);
  await peer.until("ping");
  await clock.runFor(60);
  await peers.greet({ resumed: true });
  assert.equal((await disconnects()).length, 1);
});

clockTest("somebody who looks at the page again has it ask at once", {}, {}, async ({ peer }) => {
  await page.evaluate(() => void document.dispatchEvent(new Event("visibilitychange")));
  await peer.until("ping");
});

durableTest(stage, "a page that is left for good says what it has taken, and BYE", async ({ peers }) => {
  const leaving = await stage.openPage();
  await leaving.evaluate((url) => {
    // Taken at the last moment, before the socket hears of it.
    addEventListener("pagehide", () => listen());
    open(url);
  }, peers.url);
  const peer = await peers.greet();
  peer.texts(1, "1", "2", "3");
  await leaving.evaluate(() => until(() => socket.stats().inbox.messages === 3));
  await leaving.goto("about:blank");
  const { code, frames } = await peer.end();
  assert.deepEqual([code, frames.map(({ type }) => type)], [1000, ["ack", "bye"]]);
  assert.deepEqual([frames[0].taken, frames[1].code], [3, 1000]);
  await leaving.close();
});

durableTest(stage, "a page that the browser keeps closes without BYE, and goes on when shown again", async (it) => {
  const { peers } = it;
  const browser = await launchKeepingBrowser();
  try {
    const kept = await stage.openPage(browser);
    await kept.evaluate((url) => {
      addEventListener("pagehide", ({ persisted }) => (globalThis.wasKept = persisted));
      open(url);
    }, peers.url);
    const first = await peers.greet();
    await kept.evaluate(() => socket.opened.then(() => socket.send("under way")));
    await first.untilMessages(1);
    await kept.goto(`${stage.site.url}/node_modules/tautline/index.js`);
    const { code, frames } = await first.end();
    assert.deepEqual([code, frames], [1000, []]);
    await kept.evaluate(() => void setTimeout(() => history.back()));
    const second = await peers.greet({ resumed: true });
    assert.equal(second.hello.token, "a-token");
    assert.deepEqual((await second.untilMessages(1))[0].messages, ["under way"]);
    await kept.waitForFunction(() => globalThis.wasKept && log.length === 3);
    const events = [["open", false], ["disconnect", 1000, "", true], ["open", true]];
    assert.deepEqual(await kept.evaluate(() => log), events);
  } finally {
    await browser.close();
  }
});
