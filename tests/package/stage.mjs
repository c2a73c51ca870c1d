// What tests of the face stand on: the installed package in a plain page of a real browser, the real server, and a proxy
// between the two. Each test has a page of its own, whose uncaught errors are found when it ends.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { after, afterEach, before, beforeEach } from "node:test";

import { installPackage, launchBrowser, startServer } from "./project.mjs";
import { startProxy } from "./proxy.mjs";

/** No test of a page takes this long, unless something never comes. */
const PATIENCE = 40_000;

/** A page that imports the installed package by its name, as any page with an import map. */
const pageOf = (entry) => `<!doctype html>
<meta charset="utf-8">
<title>A page with tautline</title>
<script type="importmap">{ "imports": { "tautline": "/node_modules/tautline/${entry}" } }</script>
<script type="module">
  globalThis.tautline = await import("tautline");
  document.title = "ready";
</script>`;

/**
 * Sets all of it up for the tests of a file, with a page that imports `entry`, or another one whose title becomes "ready".
 * The result's properties are there once a test runs: `page`, where
 * `tautline` is what the entry exports, `server`, `proxy`, `problems` (what was not caught) and `openPage`.
 */
export function useStage({ entry = "index.js", html = pageOf(entry) } = {}) {
  const stage = {};
  let installed, browser, watch;

  before(async () => {
    installed = installPackage();
    writeFileSync(path.join(installed.project, "index.html"), html);
    stage.server = await startServer(installed.project);
    stage.proxy = await startProxy(stage.server.url);
    browser = await launchBrowser();
  });

  after(async () => {
    await browser?.close();
    stage.proxy?.stop();
    assert.equal(await stage.server?.stop(), 0, "the server ends with 0 on SIGTERM");
    installed?.remove();
  });

  /** `prepare` is given the page before it loads. */
  stage.openPage = async (prepare) => {
    const context = await browser.newContext();
    const page = await context.newPage();
    page.on("pageerror", (error) => stage.problems.push(error.stack));
    await prepare?.(page);
    await page.goto(stage.server.url);
    await page.waitForFunction(() => document.title === "ready");
    return page;
  };

  beforeEach(async () => {
    stage.problems = [];
    stage.page = await stage.openPage();
    // What waits in a page fails with it, by the name of its test.
    watch = setTimeout(() => {
      stage.problems.push(`the test waited ${PATIENCE / 1000} s in its page`);
      for (const context of browser.contexts()) context.close();
    }, PATIENCE);
  });

  afterEach(async () => {
    clearTimeout(watch);
    stage.proxy.mend();
    await stage.page.context().close();
    assert.deepEqual(stage.problems, [], "no uncaught error and no unhandled rejection");
  });

  return stage;
}
