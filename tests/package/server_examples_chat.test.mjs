// The chat of examples/node, with two real pages and a bad network in front of it: every line is in both of them once
// and in the same order, and who is there, cut off and gone.

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { startChaos } from "./chaos.mjs";
import { freePort, read } from "./project.mjs";
import { startProxy } from "./proxy.mjs";
import { untilEqual, useExamples } from "./server_examples_stage.mjs";
import { connect } from "./sessions/client.mjs";
import { leave, takeFrom } from "./sessions/kit.mjs";

const OPTIONS = { timeout: 90_000 };
const CUTS = 12;

const stage = useExamples();
let program, chaos, port, isWild;

beforeEach(async () => {
  port = await freePort();
  isWild = false;
  // Somewhere within the handshake, or among the lines.
  const cutAfterBytes = (number) => (isWild ? 900 + ((number * 97) % 2500) : undefined);
  chaos = await startChaos(`http://127.0.0.1:${port}`, { delayMs: 3, cutAfterBytes });
  await begin();
});

afterEach(async () => {
  for (const context of stage.browser.contexts()) await context.close();
  await chaos.stop();
  await program.kill();
});

async function begin() {
  program = stage.run("chat/server.js", { PORT: port, ORIGIN: chaos.url });
  assert.equal(await program.lines.next(), `listening on ${chaos.url}`);
}

/** A page of somebody who has come in. */
async function join(name) {
  const page = await stage.open(chaos.url);
  await page.fill("#name", name);
  await page.press("#name", "Enter");
  await untilEqual(page, linkOf, "Connected");
  return page;
}

const untilLink = (page, words) =>
  page.waitForFunction((words) => words.test(document.getElementById("link").textContent), words);

async function say(page, text) {
  await page.fill("#text", text);
  await page.press("#text", "Enter");
}

const linkOf = () => document.getElementById("link").textContent;
const linesOf = () => Array.from(document.querySelectorAll(".line"), (line) => line.textContent);
const noticesOf = () => Array.from(document.querySelectorAll(".notice"), (notice) => notice.textContent);
const peopleOf = () =>
  Array.from(document.querySelectorAll("#people li"), (item) => item.textContent + (item.className === "away" ? "?" : ""));

/** Somebody without a page, over a link of its own. */
async function joinByProgram(name) {
  const proxy = await startProxy(`ws://127.0.0.1:${port}`);
  const client = connect(`${proxy.url}/chat?name=${name}`, { maxDelay: 50 });
  await client.opened;
  return { client, proxy };
}

test("the server has 30 lines", () => {
  const lines = read("examples/node/chat/server.js").split("\n");
  assert.equal(lines.filter((line) => !/^\s*(\/\/.*)?$/.test(line)).length, 30);
});

test("every line is in both pages, once and in order, over connections that are cut again and again", OPTIONS, async () => {
  const pages = [await join("Ada"), await join("Grace")];
  isWild = true;
  chaos.cut();
  chaos.mend();
  const said = await Promise.all(
    pages.map(async (page, who) => {
      const texts = [];
      while (chaos.stats.cuts < CUTS) {
        texts.push(`line ${texts.length} of page ${who}`);
        await say(page, texts.at(-1));
      }
      return texts;
    }),
  );
  chaos.calm();
  const [ada, grace] = pages;
  const count = said.flat().length;
  await ada.waitForFunction((count) => document.querySelectorAll(".line").length >= count, count);
  const seen = await ada.evaluate(linesOf);
  await untilEqual(grace, linesOf, seen, "the same in both");
  const by = (name) => seen.filter((line) => line.startsWith(name)).map((line) => line.slice(name.length));
  assert.deepEqual([by("Ada"), by("Grace")], said, "each once, in the order in which it was said");
  assert.equal(seen.length, count);
  for (const page of pages) {
    assert.deepEqual(await page.evaluate(peopleOf), ["Ada", "Grace"], "nobody has gone meanwhile");
    await untilEqual(page, linkOf, "Connected");
  }
});

test("who comes, is cut off, is back, and goes is there to see", OPTIONS, async () => {
  const ada = await join("Ada");
  const { client, proxy } = await joinByProgram("Linus");
  await untilEqual(ada, peopleOf, ["Ada", "Linus"]);
  proxy.cut();
  await untilEqual(ada, peopleOf, ["Ada", "Linus?"]);
  await say(ada, "are you there?");
  proxy.mend();
  await untilEqual(ada, peopleOf, ["Ada", "Linus"]);
  let heard = {};
  while (heard.text === undefined) heard = JSON.parse(await takeFrom(client, 1));
  assert.deepEqual(heard, { name: "Ada", text: "are you there?" });
  await leave(client);
  await untilEqual(ada, peopleOf, ["Ada"]);
  assert.deepEqual(await ada.evaluate(noticesOf), ["Ada is here", "Linus is here", "Linus has left"]);
  proxy.stop();
});

test("a page that is closed has left at once", OPTIONS, async () => {
  const ada = await join("Ada");
  const grace = await join("Grace");
  await untilEqual(ada, peopleOf, ["Ada", "Grace"]);
  await grace.close({ runBeforeUnload: true });
  await untilEqual(ada, peopleOf, ["Ada"]);
});

test("a client that sends what is no line does no harm", OPTIONS, async () => {
  const ada = await join("Ada");
  const { client, proxy } = await joinByProgram("Mallory");
  for (const odd of ["null", "7", "[]", '{"text":7}', '{"text":{"toString":1}}', '"text"', "no JSON"]) await client.send(odd);
  await client.send(Uint8Array.of(0xff));
  await client.send('{"text":"and this is one","name":"Ada"}');
  await untilEqual(ada, linesOf, ["Malloryand this is one"]);
  await leave(client);
  proxy.stop();
});

test("the page says how the link is, what waits, and that the server has forgotten it", OPTIONS, async () => {
  const ada = await join("Ada");
  await say(ada, "before");
  await untilEqual(ada, linesOf, ["Adabefore"]);
  chaos.cut();
  await untilLink(ada, /^Cut off|^Connecting/);
  await say(ada, "meanwhile");
  await untilLink(ada, /^Cut off, next try in \d s · to be sent: \d$/);
  await program.kill();
  await begin();
  chaos.mend();
  await untilEqual(ada, linesOf, ["Adabefore", "Adameanwhile"]);
  await untilEqual(ada, linkOf, "Connected");
  const notices = await ada.evaluate(noticesOf);
  // Of the line before the cut the server had perhaps not yet said that it had it.
  const told = notices.filter((notice) => notice !== "Nobody knows whether this arrived: before");
  assert.deepEqual(told, ["Ada is here", "The server has forgotten us. You are in again.", "Ada is here"]);
});

test("a server that ends says so, and the page can come in again", OPTIONS, async () => {
  const ada = await join("Ada");
  await program.stop();
  await untilEqual(ada, linkOf, "Not connected");
  assert.deepEqual(await ada.evaluate(noticesOf), ["Ada is here", "The end: 1001"]);
  await begin();
  await ada.press("#name", "Enter");
  await untilEqual(ada, peopleOf, ["Ada"]);
});

for (const [device, viewport] of [["a phone", { width: 360, height: 640 }], ["a desktop", { width: 1280, height: 800 }]]) {
  test(`on ${device} everything fits, and the newest line is in sight`, OPTIONS, async () => {
    const page = await join("Ada");
    await page.setViewportSize(viewport);
    for (let n = 0; n < 30; n++) await say(page, n % 3 === 0 ? `${"long ".repeat(30)}${n}` : `${"x".repeat(n * 10)}`);
    await say(page, "the newest");
    await page.waitForFunction(() => document.querySelector(".line:last-child")?.textContent.endsWith("the newest"));
    const { overflows, isInSight } = await page.evaluate(() => {
      const { scrollWidth, scrollHeight } = document.documentElement;
      const { bottom } = document.querySelector(".line:last-child").getBoundingClientRect();
      return {
        overflows: scrollWidth > innerWidth || scrollHeight > innerHeight,
        isInSight: bottom <= document.getElementById("say").getBoundingClientRect().top,
      };
    });
    assert.deepEqual({ overflows, isInSight }, { overflows: false, isInSight: true });
  });
}
