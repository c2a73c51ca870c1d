// Layout and accessibility: both schemes, from a narrow phone to a wide desktop, open and waiting.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import test from "node:test";

import { logged, reached, say, setStage } from "./stage.mjs";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const WIDTHS = [320, 360, 768, 1440];
const SCHEMES = ["light", "dark"];

/** Elements that reach past the right edge, where there is something to scroll to. */
const overflow = (page) => page.evaluate(() => {
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth <= clientWidth) return [];
  return [...document.querySelectorAll("body *")].filter((element) => element.getBoundingClientRect().right > clientWidth + 0.5)
    .map((element) => `${element.tagName} ${element.id} ${element.className}`);
});

async function violations(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join("\n")}`);
}

test("layout", async (t) => {
  const stage = await setStage(t);

  for (const colorScheme of SCHEMES) {
    for (const width of WIDTHS) {
      await t.test(`${width} px wide, ${colorScheme}: no horizontal scrolling`, async () => {
        const { page, finish } = await stage.open({ viewport: { width, height: 800 }, colorScheme });
        await reached(page, "Open");
        await say(page, "w".repeat(400));
        await logged(page, "received", "w".repeat(400));
        assert.deepEqual(await overflow(page), []);
        const [body, ink] = await page.evaluate(() => [getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]
          .map((color) => color.match(/\d+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0)));
        assert.equal(body > ink, colorScheme === "light", "the scheme is followed");
        await finish();
      });
    }
    for (const width of [360, 1440]) {
      await t.test(`${width} px wide, ${colorScheme}: nothing for axe to find, open and waiting`, async () => {
        const { page, finish } = await stage.open({ viewport: { width, height: 800 }, colorScheme, refusals: true });
        await reached(page, "Open");
        await say(page, "hello");
        await logged(page, "received", "hello");
        assert.deepEqual(await violations(page), []);
        await page.click("#fault-refuse");
        await reached(page, "Waiting");
        await say(page, "kept");
        await logged(page, "sent", "kept", "queued");
        assert.deepEqual(await violations(page), []);
        assert.deepEqual(await overflow(page), []);
        await finish();
      });
    }
  }

  await t.test("closed for good and with less motion: nothing for axe to find", async () => {
    const { page, finish } = await stage.open({ reducedMotion: "reduce" });
    await reached(page, "Open");
    await page.waitForFunction(() => Number(document.querySelector("#chart svg").dataset.samples) >= 1);
    await page.click("#end");
    await reached(page, "Closed");
    assert.deepEqual(await violations(page), []);
    await finish();
  });

  await t.test("controls are large enough for a finger", async () => {
    const { page, finish } = await stage.open({ viewport: { width: 360, height: 780 }, hasTouch: true });
    await reached(page, "Open");
    const small = await page.locator("button:visible, input:visible").evaluateAll((controls) =>
      controls.map((control) => [control.id, control.getBoundingClientRect().height]).filter(([, height]) => height < 44));
    assert.deepEqual(small, []);
    await finish();
  });

  await t.test("the top bar tells the state once the large one is out of sight", async () => {
    const { page, finish } = await stage.open({ viewport: { width: 360, height: 640 } });
    await reached(page, "Open");
    assert.equal(await page.locator("#pill").isVisible(), false);
    await page.locator("#counts").scrollIntoViewIfNeeded();
    await page.locator("#pill").waitFor();
    assert.equal(await page.locator("#pill-text").textContent(), "Open");
    await finish();
  });
});
