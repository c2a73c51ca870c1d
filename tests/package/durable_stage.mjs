// What tests of durable sockets stand on: the installed package in a plain page of a real browser, and a server whose
// every frame is the test's. The tests of a file share the page.

import assert from "node:assert/strict";
import { copyFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";

import { startPeers } from "./durable_peer.mjs";
import { installPackage, launchBrowser } from "./project.mjs";
import { serveFolder } from "./site.mjs";

const PATIENCE = 30_000;

const pageOf = (entry) => `<!doctype html>
<meta charset="utf-8">
<title>A page with a durable socket</title>
<script type="importmap">{ "imports": { "tautline": "/node_modules/tautline/${entry}" } }</script>
<script type="module" src="/durable_page.js"></script>`;

/** Sets it up for the tests of a file: `page`, `site`, `browser` and `project` are there once a test runs. */
export function useDurableStage({ entry = "index.js" } = {}) {
  const stage = { problems: [] };
  let installed;

  /** A page more; what it does not catch is a problem of the test's. */
  stage.openPage = async (context = stage.browser) => {
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE);
    page.on("pageerror", (error) => stage.problems.push(error.stack));
    await page.goto(stage.site.url);
    await page.waitForFunction(() => document.title === "ready");
    return page;
  };

  before(async () => {
    installed = installPackage();
    stage.project = installed.project;
    writeFileSync(path.join(stage.project, "index.html"), pageOf(entry));
    copyFileSync(path.join(import.meta.dirname, "durable_page.js"), path.join(stage.project, "durable_page.js"));
    stage.site = await serveFolder(stage.project);
    stage.browser = await launchBrowser();
    stage.page = await stage.openPage();
  });

  after(async () => {
    await stage.browser?.close();
    stage.site?.stop();
    installed?.remove();
  });

  return stage;
}

/**
 * A test with a server of its own, which `options` are for: `run` is given the page, the server's `peers`, and `open`,
 * which opens the page's socket. It must not leave an error that nobody caught.
 */
export function durableTest(stage, name, run, options) {
  test(name, { timeout: PATIENCE }, async () => {
    const { page } = stage;
    const peers = await startPeers(options);
    stage.problems = [];
    try {
      await run({ page, peers, open: (options) => openSocket(page, peers.url, options) });
    } finally {
      await page.evaluate(() => reset());
      await peers.stop();
    }
    assert.deepEqual(stage.problems, [], "no uncaught error and no unhandled rejection");
  });
}

/** Opens the page's socket with options that can travel. */
function openSocket(page, url, options) {
  return page.evaluate(([url, options]) => void open(url, options), [url, options]);
}
