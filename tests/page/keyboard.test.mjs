// Everything by keyboard: Tab, Enter and Space, and no mouse.

import assert from "node:assert/strict";
import test from "node:test";

import { faultStatus, logged, passedThrough, reached, setStage } from "./stage.mjs";

const focused = (page) => page.evaluate(() => document.activeElement.id || document.activeElement.textContent.trim());

/** Tabs until an element has the focus; each stop on the way must be visible as such. */
async function tabTo(page, id, key = "Tab") {
  const stops = [];
  while (stops.length < 30) {
    await page.keyboard.press(key);
    stops.push(await focused(page));
    assert.ok(await page.evaluate(() => {
      const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
      return outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
    }), `the focus shows on ${stops.at(-1)}`);
    if (stops.at(-1) === id) return stops;
  }
  return assert.fail(`${id} is not reached by ${key}: ${stops.join(", ")}`);
}

test("by keyboard", async (t) => {
  const stage = await setStage(t);

  await t.test("the skip link leads to the message box, Enter sends and keeps the focus", async () => {
    const { page, finish } = await stage.open();
    await reached(page, "Open");
    await page.keyboard.press("Tab");
    assert.equal(await focused(page), "Skip to the message box");
    await page.keyboard.press("Enter");
    assert.equal(await focused(page), "message");
    await page.keyboard.type("no mouse");
    await page.keyboard.press("Enter");
    await logged(page, "received", "no mouse");
    assert.equal(await focused(page), "message");
    await page.keyboard.type("again");
    await page.keyboard.press("Enter");
    await logged(page, "received", "again");
    await finish();
  });

  await t.test("Tab reaches everything in reading order, and a fault is pressed with Enter", async () => {
    const { page, finish } = await stage.open();
    await reached(page, "Open");
    const stops = await tabTo(page, "burst");
    assert.deepEqual(stops, ["Skip to the message box", "end", "fault-demonstrate", "fault-cut", "fault-refuse", "fault-silent", "fault-close",
      "close-code", "close-reason", "clear", "log", "message", "Send", "burst"]);
    await tabTo(page, "fault-cut", "Shift+Tab");
    await page.keyboard.press("Enter");
    await passedThrough(page, "Open", "Waiting", "Connecting", "Open");
    await faultStatus(page, "Cut");
    assert.equal(await focused(page), "fault-cut", "the focus stays");
    await finish();
  });

  await t.test("closing and connecting again keep the focus on the button", async () => {
    const { page, finish } = await stage.open();
    await reached(page, "Open");
    await tabTo(page, "end");
    await page.keyboard.press("Space");
    await reached(page, "Closed");
    assert.equal(await focused(page), "end");
    await page.keyboard.press("Space");
    await reached(page, "Open");
    await finish();
  });
});
