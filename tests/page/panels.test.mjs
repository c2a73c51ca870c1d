// The panels: counters, chart, timeline and log show what happened, and stay within their bounds.

import assert from "node:assert/strict";
import test from "node:test";

import { counted, countedUpTo, logged, passedThrough, reached, rows, say, setStage } from "./stage.mjs";

test("the panels", async (t) => {
  const stage = await setStage(t);

  await t.test("counters match what happened", async () => {
    const { page, finish } = await stage.open();
    await reached(page, "Open");
    await counted(page, "attempts", 1);
    await counted(page, "reconnects", 0);
    await counted(page, "state", "open");
    await counted(page, "last-close", "–");
    await page.click("#burst");
    await logged(page, "received", "50 of 50");
    await countedUpTo(page, "sent", 50);
    await countedUpTo(page, "received", 50);
    await counted(page, "outbox", 0);
    await counted(page, "inbox", 0);
    await page.click("#fault-cut");
    await passedThrough(page, "Waiting", "Open");
    await counted(page, "attempts", 2);
    await counted(page, "reconnects", 1);
    await counted(page, "last-close", 1006);
    await finish();
  });

  await t.test("the outbox fills while down and empties after", async () => {
    const { page, finish } = await stage.open({ refusals: true });
    await reached(page, "Open");
    await page.click("#fault-refuse");
    await reached(page, "Waiting");
    await page.click("#burst");
    await counted(page, "outbox", /^50 \(\d+ B\)$/);
    await counted(page, "outbox", 0);
    await logged(page, "received", "50 of 50", "^held ");
    await finish();
  });

  await t.test("the chart has points, a median, a gap, and says so in words", async () => {
    const { page, finish } = await stage.open();
    const chart = page.locator("#chart svg");
    await reached(page, "Open");
    // Nobody types: these are heartbeats.
    await page.waitForFunction(() => Number(document.querySelector("#chart svg").dataset.samples) >= 2);
    await page.click("#fault-cut");
    await passedThrough(page, "Waiting", "Open");
    const before = Number(await chart.getAttribute("data-samples"));
    await page.waitForFunction((before) => Number(document.querySelector("#chart svg").dataset.samples) >= before + 1, before);
    for (const figure of ["last", "median", "highest"]) {
      assert.match(await page.locator(`#trip-${figure}`).textContent(), /^\d+(\.\d+)? m?s$/);
    }
    await page.waitForFunction(() => /^Round-trip times, last minute: \d+ samples, last .* ms, median .* ms, highest .* ms, one gap where the link was down$/
      .test(document.querySelector("#chart svg").getAttribute("aria-label")));
    const points = (await chart.locator(".chart-points").getAttribute("d")).match(/M/g);
    assert.equal(points.length, Number(await chart.getAttribute("data-samples")));
    const pieces = (await chart.locator(".chart-trace").getAttribute("d")).match(/M/g);
    assert.equal(pieces.length, 2, "the line is broken where the link was");
    assert.match(await chart.locator(".chart-down").getAttribute("d"), /^M/);
    assert.ok((await chart.locator("text").allTextContents()).every((label) => / ms$/.test(label)), "every label has its unit");
    assert.equal(await page.locator("#rows > .received, #rows > .sent").count(), 0, "heartbeats are not in the log");
    await finish();
  });

  await t.test("the timeline draws each state, and counts in words", async () => {
    const { page, finish } = await stage.open();
    await reached(page, "Open");
    await page.click("#fault-cut");
    await passedThrough(page, "Waiting", "Open");
    await page.click("#end");
    await reached(page, "Closed");
    for (const shape of ["open", "waiting", "knot", "closed"]) {
      await page.waitForFunction((shape) => document.querySelector(`#strip .strip-${shape}`).getAttribute("d") !== "", shape);
    }
    const legend = page.locator("#legend li");
    await page.waitForFunction(() => document.querySelector("#legend li:nth-child(2) .total").textContent === "2×");
    assert.deepEqual((await legend.allTextContents()).map((text) => text.replace(/[\d.]+ s$/, "N s")),
      ["open N s", "connecting 2×", "waiting N s", "closed N s"]);
    await finish();
  });

  await t.test("the log takes any text as text", async () => {
    const { page, finish } = await stage.open();
    await reached(page, "Open");
    const text = "<img src=x onerror=alert(1)> & <b>bold</b> “quotes” 🪢";
    await say(page, text);
    await logged(page, "received", text);
    assert.equal(await page.locator("#log img, #log b").count(), 0);
    await finish();
  });

  await t.test("the log is bounded, and follows only a reader who is at the end", async () => {
    const { page, finish } = await stage.open();
    await reached(page, "Open");
    const atEnd = () => page.waitForFunction(() => {
      const log = document.getElementById("log");
      return log.scrollHeight - log.scrollTop - log.clientHeight < 2;
    });
    for (let round = 1; round <= 6; round += 1) {
      await page.click("#burst");
      await page.waitForFunction((count) => document.querySelectorAll("#rows > li").length >= Math.min(count, 500), round * 100);
      await countedUpTo(page, "received", round * 50);
    }
    await say(page, "the last one");
    await logged(page, "received", "the last one");
    assert.equal((await rows(page)).length, 500);
    await atEnd();
    assert.equal(await page.locator("#newest").isVisible(), false);

    await page.locator("#log").evaluate((log) => { log.scrollTop = 40; });
    await page.locator("#newest").waitFor();
    await say(page, "unseen");
    await logged(page, "received", "unseen");
    assert.ok(await page.locator("#log").evaluate((log) => log.scrollHeight - log.scrollTop - log.clientHeight > 1000), "it stays where the reader is");
    await page.click("#newest");
    await atEnd();
    await say(page, "seen");
    await logged(page, "received", "seen");
    await atEnd();
    await page.click("#clear");
    assert.equal((await rows(page)).length, 0);
    await finish();
  });
});
