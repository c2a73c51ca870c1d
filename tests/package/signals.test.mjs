// What happens to the page, and what the socket makes of it: the network, visibility, leaving and coming back, sleep.

import assert from "node:assert/strict";
import { test } from "node:test";

import { useStage } from "./stage.mjs";

const stage = useStage();

/** A socket whose retries are a minute away or more, unless something hurries them. */
const patient = (url, more = "") =>
  `globalThis.socket = tautline.connect("${url}", { reconnect: { minDelay: 120_000, maxDelay: 240_000 } ${more} });
   globalThis.states = [];
   socket.addEventListener("statechange", ({ state, retryIn, cause }) => states.push([state, retryIn === null, cause?.code]));`;

const state = (name) => stage.page.waitForFunction((name) => socket.state === name, name);

test("offline there are no attempts; online it comes back within two seconds", async () => {
  const { page, proxy } = stage;
  await page.evaluate(patient(`${proxy.url}/echo`));
  await state("open");
  await page.context().setOffline(true);
  proxy.cut();
  await state("waiting");
  const waiting = await page.evaluate(() => [states.at(-1), socket.stats().attempts]);
  assert.deepEqual(waiting, [["waiting", true, "closed"], 1], "no time is set");
  proxy.mend();
  await page.context().setOffline(false);
  await page.waitForFunction(() => socket.state === "open", undefined, { timeout: 10_000 });
  assert.equal(await page.evaluate(() => socket.stats().attempts), 2);
});

test("a page that is offline at its start waits for the network", async () => {
  const { page, server } = stage;
  await page.context().setOffline(true);
  await page.evaluate(patient(server.url.replace("http", "ws") + "/echo"));
  await state("waiting");
  assert.equal(await page.evaluate(() => socket.stats().attempts), 0);
  await page.context().setOffline(false);
  await state("open");
});

test("when somebody looks at the page again it tries at once", async () => {
  const { page, proxy } = stage;
  await page.evaluate(patient(`${proxy.url}/echo`));
  await state("open");
  for (const event of ["visibilitychange", "resume"]) {
    proxy.cut();
    await state("waiting");
    proxy.mend();
    await page.evaluate((event) => document.dispatchEvent(new Event(event)), event);
    await state("open");
  }
});

test("a hidden page hurries nothing", async () => {
  const { page, proxy } = stage;
  await page.evaluate(patient(`${proxy.url}/echo`));
  await state("open");
  proxy.cut();
  await state("waiting");
  const told = await page.evaluate(() => {
    Object.defineProperty(document, "hidden", { value: true, configurable: true });
    const before = states.length;
    document.dispatchEvent(new Event("visibilitychange"));
    const after = states.length;
    delete document.hidden;
    document.dispatchEvent(new Event("visibilitychange"));
    return { whileHidden: after - before, whenSeen: states.length - after };
  });
  assert.deepEqual(told, { whileHidden: 0, whenSeen: 1 });
});

test("a page that is left closes cleanly, and comes back when it is shown again", async () => {
  const { page, server } = stage;
  await page.evaluate(patient("/echo?name=left"));
  await state("open");
  await page.evaluate(() => dispatchEvent(new PageTransitionEvent("pagehide", { persisted: true })));
  assert.deepEqual(await page.evaluate(() => states.at(-1)), ["waiting", true, "closed"]);
  const seenByServer = async () => (await fetch(`${server.url}/faults/left`)).json();
  let report;
  do report = await seenByServer();
  while (report.open > 0);
  assert.deepEqual([report.lastClose.code, report.lastClose.clean], [1000, true]);
  // The first pageshow of a page says nothing.
  await page.evaluate(() => dispatchEvent(new PageTransitionEvent("pageshow", { persisted: false })));
  assert.equal(await page.evaluate(() => socket.state), "waiting");
  await page.evaluate(() => dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true })));
  await state("open");
});

test("after a sleep a heartbeat asks before it judges", async () => {
  const { page } = stage;
  const heartbeat = `{ interval: 3_600_000, timeout: 3_600_000, message: () => "still there?" }`;
  await page.evaluate(patient("/echo", `, heartbeat: ${heartbeat}`));
  await state("open");
  // The wall clock went on by an hour while the other one stood still; a timer notices, that of a stable connection here.
  await page.evaluate(() => {
    const { now } = Date;
    Date.now = () => now.call(Date) + 3_600_000;
  });
  await page.waitForFunction(() => socket.stats().received === 1, undefined, { timeout: 20_000 });
  assert.equal(await page.evaluate(() => socket.state), "open");
});
