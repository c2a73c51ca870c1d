// The link: it connects, echoes, and comes back from everything the buttons do to it.

import assert from "node:assert/strict";
import test from "node:test";

import { counted, faultStatus, forgetShown, logged, passedThrough, reached, rows, say, setStage, shown } from "./stage.mjs";

const TIME = /^\d\d:\d\d:\d\d\.\d{3}$/;
const TRIP = /^\d+(\.\d+)? m?s$/;
const COUNTDOWN = /^retry in \d+\.\d s$/;

test("the link", async (t) => {
  const stage = await setStage(t);

  await t.test("connects, and says so", async () => {
    const { page, finish } = await stage.open();
    await reached(page, "Open");
    const { states } = await shown(page);
    // It stands in the page itself, and may be seen or not.
    if (states[0] === "Loading") states.shift();
    assert.deepEqual(states, ["Connecting", "Open"]);
    assert.match(await page.locator("#detail").textContent(), /^for \d+ s$/);
    assert.equal(await page.locator("#countdown").textContent(), "");
    assert.equal(await page.locator("#announce").textContent(), "Open. Messages go straight through.");
    assert.equal(await page.locator("#notice").isVisible(), false);
    await finish();
  });

  await t.test("shows a message in both directions, with times and the round trip", async () => {
    const { page, finish } = await stage.open();
    await reached(page, "Open");
    await say(page, "over and back");
    await logged(page, "received", "over and back", TRIP.source);
    const [sent, received] = (await rows(page)).filter((row) => row.text === "over and back");
    assert.deepEqual([sent.way, received.way], ["sent", "received"]);
    assert.equal(sent.note, "echoed");
    assert.match(sent.time, TIME);
    assert.match(received.time, TIME);
    assert.ok(sent.time <= received.time);
    assert.equal(await page.inputValue("#message"), "");
    await finish();
  });

  await t.test("survives a cut", async () => {
    const { page, finish } = await stage.open();
    await reached(page, "Open");
    await page.click("#fault-cut");
    await passedThrough(page, "Open", "Waiting", "Connecting", "Open");
    await reached(page, "Open");
    const { countdowns } = await shown(page);
    assert.ok(countdowns.length > 0, "a countdown was shown");
    for (const text of countdowns) assert.match(text, COUNTDOWN);
    await logged(page, "link", "Lost: code 1006", "^retry in ");
    await faultStatus(page, "Cut");
    await say(page, "still here");
    await logged(page, "received", "still here");
    await finish();
  });

  await t.test("keeps what is sent while down, and delivers it in order", async () => {
    const { page, finish } = await stage.open({ refusals: true });
    await reached(page, "Open");
    await page.click("#fault-refuse");
    await reached(page, "Waiting");
    const texts = ["first", "second", "third"];
    for (const text of texts) await say(page, text);
    const queued = (await rows(page)).filter((row) => row.way === "sent");
    assert.deepEqual(queued.map(({ text, note }) => [text, note]), texts.map((text) => [text, "queued"]));
    await logged(page, "received", "third", "^held ");
    const all = await rows(page);
    assert.deepEqual(all.filter((row) => row.way === "received").map((row) => row.text), texts);
    assert.ok(all.filter((row) => row.way === "sent").every((row) => row.note === "echoed"));
    await finish();
  });

  await t.test("cuts, then brings back 50 of 50 in order", async () => {
    const { page, finish } = await stage.open({ refusals: true });
    await reached(page, "Open");
    await page.click("#fault-demonstrate");
    await faultStatus(page, "50 messages wait in the outbox");
    await faultStatus(page, "50 of 50 came back, in order");
    const received = (await rows(page)).filter((row) => row.way === "received");
    assert.deepEqual(received.map((row) => parseInt(row.text, 10)), Array.from({ length: 50 }, (_, index) => index + 1));
    await finish();
  });

  await t.test("counts down again and again while refused for five seconds, then opens", async () => {
    const { page, finish } = await stage.open({ refusals: true });
    await reached(page, "Open");
    await forgetShown(page);
    await page.click("#fault-refuse");
    await passedThrough(page, "Open", "Waiting", "Connecting", "Waiting", "Connecting", "Waiting", "Connecting", "Open");
    const { countdowns } = await shown(page);
    for (const text of countdowns) assert.match(text, COUNTDOWN);
    // Five seconds of waiting at ten and more steps a second; a fifth of it would do to see it tick.
    assert.ok(countdowns.length >= 10, `it ticks: ${countdowns.length} steps`);
    const failed = (await rows(page)).filter((row) => row.text.startsWith("Attempt failed"));
    assert.ok(failed.length >= 2, `${failed.length} failed attempts`);
    await reached(page, "Open");
    await finish();
  });

  await t.test("shows the code and the reason of a close", async () => {
    const { page, finish } = await stage.open();
    await reached(page, "Open");
    await page.fill("#close-code", "4321");
    await page.fill("#close-reason", "gone <b>fishing</b>");
    await page.click("#fault-close");
    await passedThrough(page, "Open", "Waiting", "Connecting", "Open");
    await logged(page, "link", "closed with 4321 “gone <b>fishing</b>”");
    await counted(page, "last-close", "4321 “gone <b>fishing</b>”");
    await faultStatus(page, "4321");
    await reached(page, "Open");
    await finish();
  });

  await t.test("notices silence, recovers, and marks what may be lost", async () => {
    const { page, finish } = await stage.open();
    await reached(page, "Open");
    // Written before, so that nothing but a key press lies between the silence and the message.
    await page.fill("#message", "into the void");
    await page.click("#fault-silent");
    const then = await page.waitForFunction(() =>
      document.getElementById("fault-status").textContent.startsWith("Silent") && document.getElementById("state").textContent);
    await page.press("#message", "Enter");
    assert.equal(await then.jsonValue(), "Open", "silence shows in nothing else at first");
    await passedThrough(page, "Open", "Waiting", "Connecting", "Open");
    await logged(page, "link", "Lost: the heartbeat stayed unanswered");
    await logged(page, "sent", "into the void", "^no echo$");
    await say(page, "anyone there?");
    await logged(page, "received", "anyone there?");
    await finish();
  });

  await t.test("closes for good, and connects again", async () => {
    const { page, finish } = await stage.open();
    await reached(page, "Open");
    await page.click("#end");
    await reached(page, "Closed");
    await logged(page, "link", "Closed for good: closed with 1000");
    assert.equal(await page.locator("#notice").isVisible(), false, "the page's own close is no mishap");
    await say(page, "too late");
    await logged(page, "sent", "too late", "^refused$");
    await page.click("#fault-cut");
    await faultStatus(page, "connect again first");
    await page.click("text=Connect again");
    await reached(page, "Open");
    await say(page, "back");
    await logged(page, "received", "back");
    await finish();
  });

  await t.test("closed while down, it says what never went out", async () => {
    const { page, finish } = await stage.open({ refusals: true });
    await reached(page, "Open");
    // Longer than the five seconds that close() waits.
    const name = new URL(await page.locator("#address").textContent()).searchParams.get("name");
    await page.request.post(`${stage.address}/faults/${name}?refuse=503&for=60000&reset=1`);
    await reached(page, "Waiting");
    await say(page, "one");
    await say(page, "two");
    await page.click("#end");
    assert.equal(await page.locator("#end").textContent(), "Closing…");
    await reached(page, "Closed");
    await logged(page, "sent", "one", "^not sent$");
    await logged(page, "sent", "two", "^not sent$");
    await logged(page, "link", "Closed for good", "^2 not sent$");
    assert.match(await page.locator("#notice-text").textContent(), /2 never went out/);
    await finish();
  });

  await t.test("says what happened when the server ends it for good", async () => {
    const { page, finish } = await stage.open();
    await reached(page, "Open");
    // 3000 means unauthorised: the package comes back once, and takes the second for an answer.
    await page.fill("#close-code", "3000");
    await page.fill("#close-reason", "no ticket");
    await page.click("#fault-close");
    await passedThrough(page, "Open", "Waiting", "Connecting", "Open");
    await reached(page, "Open");
    await page.click("#fault-close");
    await reached(page, "Closed");
    await page.locator("#notice").waitFor();
    assert.equal(await page.locator("#notice-title").textContent(), "Closed for good");
    assert.match(await page.locator("#notice-text").textContent(), /“Connect again”/);
    await page.click("#end");
    await reached(page, "Open");
    assert.equal(await page.locator("#notice").isVisible(), false);
    await finish();
  });
});
