// Express and ws on one HTTP server, the example: who has no login gets no session, what a request changes is told to
// the pages of its user alone, each change once and in order, and who logs out is out.

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import WebSocket from "ws";
import { within } from "./conversation.mjs";
import { freePort } from "./project.mjs";
import { startProxy } from "./proxy.mjs";
import { PATIENCE, untilEqual, useExamples } from "./server_examples_stage.mjs";
import { openProbe } from "./sessions/probe.mjs";

const OPTIONS = { timeout: 90_000 };
const UNAUTHORIZED = 4401;

const stage = useExamples();
let program, proxy, origin;

beforeEach(async () => {
  const port = await freePort();
  proxy = await startProxy(`ws://127.0.0.1:${port}`);
  origin = proxy.url.replace(/^ws/, "http");
  program = stage.run("express/server.js", { PORT: port, ORIGIN: origin });
  assert.equal(await program.lines.next(), `listening on ${origin}`);
});

afterEach(async () => {
  for (const context of stage.browser.contexts()) await context.close();
  await program.stop();
  proxy.stop();
});

const linkOf = () => document.getElementById("link").value;
const notesOf = () => Array.from(document.querySelectorAll("#notes li"), (item) => item.textContent);

async function logIn(user) {
  const page = await stage.open(origin);
  await page.fill("[name=user]", user);
  await page.press("[name=user]", "Enter");
  await untilEqual(page, linkOf, "open");
  return page;
}

async function write(page, note) {
  await page.fill("[name=note]", note);
  await page.press("[name=note]", "Enter");
  await page.waitForFunction(() => document.querySelector("[name=note]").value === "");
}

test("notes are in all pages of their user, in nobody else's, once and in order", OPTIONS, async () => {
  const first = await logIn("Ada");
  const other = await logIn("Grace");
  await write(first, "before");
  // The cookie is the browser's.
  const second = await stage.open(origin, { context: first.context() });
  await untilEqual(second, notesOf, ["before"]);
  const expected = ["before"];
  for (let round = 0; round < 5; round++) {
    proxy.cut();
    proxy.mend();
    for (let n = 0; n < 4; n++) {
      expected.push(`note ${n} of round ${round}`);
      await write(n % 2 === 0 ? first : second, expected.at(-1));
    }
  }
  await untilEqual(first, notesOf, expected);
  await untilEqual(second, notesOf, expected);
  await write(other, "mine");
  await untilEqual(other, notesOf, ["mine"]);
});

test("without a login, or with a made up one, sessions are refused with 4401, requests with 401", OPTIONS, async () => {
  for (const cookie of [undefined, "login=0123456789abcdef", "other=1"]) {
    const headers = cookie ? { cookie } : {};
    const socket = new WebSocket(`${proxy.url}/live`, "tautline.v1", { headers });
    const code = await within(PATIENCE, "a close", new Promise((resolve) => socket.once("close", resolve)));
    assert.equal(code, UNAUTHORIZED);
    const body = JSON.stringify({ note: "x" });
    const options = { method: "POST", headers: { ...headers, "content-type": "application/json" }, body };
    assert.equal((await fetch(`${origin}/notes`, options)).status, 401);
  }
  const page = await stage.open(origin);
  await page.waitForSelector("#login", { state: "visible" });
});

test("a client that is not durable, or asks for another path, gets nothing", OPTIONS, async () => {
  const plain = new WebSocket(`${proxy.url}/live`);
  assert.equal(await within(PATIENCE, "a close", new Promise((resolve) => plain.once("close", resolve))), 4000);
  await assert.rejects(openProbe(`${proxy.url}/elsewhere`));
});

test("logging out ends the sessions of that login, and of no other", OPTIONS, async () => {
  const here = await logIn("Ada");
  const there = await logIn("Ada");
  await here.click("#logout");
  await untilEqual(here, linkOf, "logged out");
  assert.equal(await here.isVisible("#login"), true);
  await write(there, "still here");
  await untilEqual(there, notesOf, ["still here"]);
  assert.deepEqual(await here.evaluate(notesOf), []);
  // Its cookie is gone, too.
  await here.reload();
  await here.waitForSelector("#login", { state: "visible" });
});
