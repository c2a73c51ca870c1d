// Pictures for a person to look at, in target/page-screenshots/: the whole page in both schemes on a desktop and a
// phone, and the waiting state. Taken, not compared.

import assert from "node:assert/strict";
import { mkdir, stat } from "node:fs/promises";
import path from "node:path";
import test from "node:test";

import { countedUpTo, faultStatus, logged, passedThrough, reached, root, say, setStage } from "./stage.mjs";

const DESKTOP = { viewport: { width: 1440, height: 900 } };
const PHONE = { viewport: { width: 360, height: 780 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true };
const FOLDER = path.join(root, "target/page-screenshots");

async function take(page, name) {
  const file = path.join(FOLDER, `${name}.png`);
  await page.screenshot({ path: file });
  assert.ok((await stat(file)).size > 10_000, `${file} shows something`);
}

/** The window as high as the page, so that all panels are live; then from the top. */
async function showAll(page) {
  const { width } = page.viewportSize();
  const height = await page.evaluate(() => document.documentElement.scrollHeight);
  await page.setViewportSize({ width, height });
  await page.evaluate(() => {
    document.activeElement.blur();
    scrollTo(0, 0);
  });
  await countedUpTo(page, "received", 51);
  await page.evaluate(() => scrollTo(0, 0));
}

const samples = (page, count) =>
  page.waitForFunction((count) => Number(document.querySelector("#chart svg").dataset.samples) >= count, count);

// Most of it is waiting: two at a time.
test("screenshots", { concurrency: 2 }, async (t) => {
  await mkdir(FOLDER, { recursive: true });
  const stage = await setStage(t);

  const pictures = [["desktop", DESKTOP], ["phone", PHONE]].flatMap(([device, options]) =>
    ["light", "dark"].map((colorScheme) =>
      t.test(`${device}, ${colorScheme}`, async () => {
        const { page, finish } = await stage.open({ ...options, colorScheme, refusals: true });
        await reached(page, "Open");
        await samples(page, 4);
        await page.click("#fault-cut");
        await passedThrough(page, "Waiting", "Open");
        await reached(page, "Open");
        await samples(page, 6);
        await page.click("#fault-demonstrate");
        await reached(page, "Waiting");
        await page.waitForFunction(() => parseFloat(document.getElementById("countdown").textContent.slice("retry in ".length)) > 0.2);
        await page.evaluate(() => scrollTo(0, 0));
        await take(page, `${device}-${colorScheme}-waiting`);
        await faultStatus(page, "50 of 50 came back");
        await samples(page, 9);
        await say(page, "Hello from the other end of the rope");
        await logged(page, "received", "Hello from");
        await showAll(page);
        await take(page, `${device}-${colorScheme}`);
        await finish();
      })));
  await Promise.all(pictures);
});
