// The plain server that two lines made durable, and its page: cut at will, every greeting arrives once and is answered
// once. Pages that were not changed are served as before.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { startChaos } from "./chaos.mjs";
import { freePort, read } from "./project.mjs";
import { untilEqual, untilListening, useExamples } from "./server_examples_stage.mjs";
import { serveFolder } from "./site.mjs";

const OPTIONS = { timeout: 90_000 };
const CUTS = 12;

const SERVER = "examples/node/greeting/server.cjs";
const PAGE = "examples/node/greeting/index.html";
const READMES = ["examples/node/README.md", "pkg-template/README.md"];

const greeting = (n) => `good morning, number ${n}`;
const numbers = (count) => Array.from({ length: count }, (_, n) => n + 1);
const answers = (count) => numbers(count).map((n) => `heard "you said: ${greeting(n)}"`);

/** Behind any byte, from the first of a handshake on; every third connection lasts for some greetings. */
const cutBehind = (number) => (number % 3 === 0 ? 1500 : 1) + ((number * 97) % 1000);

/** What a page has seen. */
const logOf = () => document.getElementById("log").textContent.split("\n").slice(0, -1);
const hasHeard = (least) => document.getElementById("log").textContent.split("\n").length > least;

const stage = useExamples();
let site, program, port;

before(async () => {
  site = await serveFolder(stage.project);
});

after(() => site?.stop());

/** The program as it is, but for where it listens and where its page is from. */
beforeEach(async () => {
  port = await freePort();
  const server = read(SERVER).replace("port: 8080", `port: ${port}, host: "127.0.0.1"`);
  stage.write("server.cjs", server.replace("http://localhost:8000", site.url));
  program = stage.run("server.cjs");
  await untilListening(port);
});

afterEach(async () => {
  for (const context of stage.browser.contexts()) await context.close();
  await program.kill();
});

/** Opens the page, whose server is behind `url`; `change` is made to it before. */
async function openPage(url, change = (page) => page) {
  stage.write("greeting.html", change(read(PAGE).replace("ws://localhost:8080", url)));
  const page = await stage.open(`${site.url}/greeting.html`);
  await untilEqual(page, logOf, answers(1));
  return page;
}

const withoutLines = (text, marks) => text.replace(new RegExp(`^[${marks}].*\n`, "gm"), "").replace(/^[ +-] ?/gm, "");
const diffsOf = (readme) => Array.from(read(readme).matchAll(/```diff\n([\s\S]*?)```/g), ([, diff]) => diff);
const dense = (text) => text.replace(/^\s+/gm, "");

for (const readme of READMES) {
  test(`${readme} shows the two lines of each that are new`, () => {
    const [server, page, ...more] = diffsOf(readme);
    assert.deepEqual(more, []);
    for (const [diff, file] of [[server, SERVER], [page, PAGE]]) {
      assert.equal(diff.match(/^\+/gm).length, 2);
      assert.ok(dense(read(file)).includes(dense(withoutLines(diff, "-"))), `${file} is what the diff leads to`);
    }
  });
}

test("every greeting arrives once and is answered once, over connections that are cut behind any byte", OPTIONS, async () => {
  let isWild = false;
  const cutAfterBytes = (number) => (isWild ? cutBehind(number) : undefined);
  const chaos = await startChaos(`ws://127.0.0.1:${port}`, { delayMs: 2, cutAfterBytes });
  const page = await openPage(chaos.url);
  assert.deepEqual([await program.lines.next(), await program.lines.next()], ["one more", `heard ${greeting(1)}`]);
  isWild = true;
  chaos.cut();
  chaos.mend();
  let count = 1;
  while (chaos.stats.cuts < CUTS) {
    // Always some under way, to be lost, and never so many that they don't fit between two cuts.
    await page.waitForFunction(hasHeard, count - 10);
    await page.evaluate(() => document.getElementById("greet").click());
    count++;
  }
  chaos.calm();
  await untilEqual(page, logOf, answers(count));
  for (const n of numbers(count).slice(1)) assert.equal(await program.lines.next(), `heard ${greeting(n)}`);
  await page.close({ runBeforeUnload: true });
  assert.equal(await program.lines.next(), "one less", "nobody has come or gone meanwhile");
  await chaos.stop();
});

test("the page that was not changed is served as before", OPTIONS, async () => {
  const plain = (text) => text.replace(/^.*tautline\/websocket";\n.*durable: true.*\n/m, "");
  const page = await openPage(`ws://127.0.0.1:${port}`, (text) => {
    assert.notEqual(plain(text), text);
    return plain(text);
  });
  assert.deepEqual([await program.lines.next(), await program.lines.next()], ["one more", `heard ${greeting(1)}`]);
  await page.click("#greet");
  await untilEqual(page, logOf, answers(2));
  await page.close();
  assert.deepEqual([await program.lines.next(), await program.lines.next()], [`heard ${greeting(2)}`, "one less"]);
});
