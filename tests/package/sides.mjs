// The browser's own WebSocket class and tautline's, side by side in one page. A scenario runs once with each, against
// the same servers, and says in plain values what it saw; what the browser's own class shows is the expectation.

import assert from "node:assert/strict";
import { copyFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { startOddServer } from "./odd_server.mjs";
import { installPackage, launchBrowser, startServer } from "./project.mjs";
import { startProxy } from "./proxy.mjs";

const PAGE = `<!doctype html>
<meta charset="utf-8">
<title>Side by side</title>
<script type="importmap">{ "imports": { "tautline/websocket": "/node_modules/tautline/websocket.js" } }</script>
<script type="module">
  await import("/sides_page.js");
  document.title = "ready";
</script>`;

/** What the scenarios of a file run on, from before its tests until after them. */
const stage = {};
let runs = 0;

export function useStage() {
  before(async () => {
    stage.installed = installPackage();
    writeFileSync(path.join(stage.installed.project, "index.html"), PAGE);
    copyFileSync(path.join(import.meta.dirname, "sides_page.js"), path.join(stage.installed.project, "sides_page.js"));
    stage.server = await startServer(stage.installed.project);
    stage.proxy = await startProxy(stage.server.url);
    stage.odd = await startOddServer();
    stage.browser = await launchBrowser();
  });

  after(async () => {
    await stage.browser?.close();
    stage.proxy?.stop();
    stage.odd?.stop();
    const status = await stage.server?.stop();
    stage.installed?.remove();
    assert.equal(status, 0, "the server ends with 0 on SIGTERM");
  });
}

/** A name of an https page that exists in the browser only. */
const SECURE = "https://page.test/";

/** Answers for the https page with the project's files. */
async function serveSecurely(route) {
  const { pathname } = new URL(route.request().url());
  if (pathname === "/health") return route.fulfill({ body: "{}" });
  return route.fulfill({ path: path.join(stage.installed.project, pathname === "/" ? "index.html" : pathname) });
}

async function openPage(secure = false) {
  // A context of its own is a process of its own.
  const context = await stage.browser.newContext();
  const page = await context.newPage();
  const said = [];
  page.on("console", (message) => said.push(message.text()));
  page.on("pageerror", (error) => said.push(error.stack));
  await page.exposeFunction("cut", () => stage.proxy.cut());
  await page.exposeFunction("mend", () => stage.proxy.mend());
  if (secure) await page.route(`${SECURE}**`, serveSecurely);
  await page.goto(secure ? SECURE : stage.server.url);
  await page
    .waitForFunction(() => document.title === "ready", undefined, { timeout: 10_000 })
    .catch((error) => assert.fail(`the page did not load: ${error.message}\n${said.join("\n")}`));
  return page;
}

async function closePage() {
  await stage.page?.context().close();
  stage.page = undefined;
}

/** What a scenario sees with one of the classes of the page, entry by entry, so that a difference reads as one. */
async function run(scenario, side) {
  const { server, proxy, odd } = stage;
  const name = `${side}-${++runs}`;
  const places = { server: server.url.replace("http", "ws"), proxy: proxy.url, odd: odd.url, name };
  // As in a module: what can't be set throws.
  const strict = `(() => { "use strict"; return ${scenario}; })()`;
  stage.proxy.mend();
  const { log, uncaught } = await stage.page.evaluate(`runScenario(${strict}, "${side}", ${JSON.stringify(places)})`);
  return [...log, ...uncaught].map((entry) => JSON.stringify(entry));
}

/** Runs a scenario of the page with one class, as a test of its own. */
export function runsWith(side, name, scenario, check) {
  test(name, { timeout: 60_000 }, async () => {
    stage.page ??= await openPage();
    try {
      check((await run(scenario, side)).map((line) => JSON.parse(line)));
    } catch (error) {
      await closePage();
      throw error;
    }
  });
}

/**
 * A test that tautline's class shows what the browser's own does. `plain`: as it comes, too, with reconnecting, for
 * what has no lost connection in it. `manySockets`: each in a page of its own, as Chromium makes a process wait that
 * has given up many connections. `secure`: in an https page.
 */
export function sameOnBothSides(name, scenario, { plain = false, manySockets = false, secure = false } = {}) {
  const see = async (side) => {
    if (manySockets || secure) await closePage();
    stage.page ??= await openPage(secure);
    return run(scenario, side);
  };
  test(name, { timeout: 60_000 }, async () => {
    let same = false;
    try {
      const own = await see("own");
      assert.ok(own.length > 0, "the scenario saw something");
      for (const side of plain ? ["single", "plain"] : ["single"]) {
        assert.deepEqual(await see(side), own, side === "single" ? "with { reconnect: false }" : "as it comes");
      }
      same = true;
    } finally {
      if (manySockets || secure || !same) await closePage();
    }
  });
}
