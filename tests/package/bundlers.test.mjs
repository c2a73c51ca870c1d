// The packed package in bundlers: each builds the same small applications, which then talk to the real server from a
// real browser.

import assert from "node:assert/strict";
import { copyFileSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { buildClassic, bundlers, startViteServer } from "./bundlers.mjs";
import { visit } from "./conversation.mjs";
import { createProject, launchBrowser, startServer } from "./project.mjs";
import { startProxy } from "./proxy.mjs";
import { serveFolder } from "./site.mjs";

const PATIENCE = { timeout: 120_000 };
/** They leave `new URL("…", import.meta.url)` as it is, and the file where it lay. */
const NEED_INIT = ["esbuild", "Rollup"];

let server, proxy, browser;

before(async () => {
  server = await startServer(import.meta.dirname);
  proxy = await startProxy(server.url);
  browser = await launchBrowser();
});

after(async () => {
  await browser?.close();
  proxy?.stop();
  assert.equal(await server?.stop(), 0, "the server ends with 0 on SIGTERM");
});

/** Listens to apps/together. */
async function hearAll(transcript) {
  for (const way of ["by streams", "by the WebSocket interface", "by slim"]) assert.equal(await transcript.next(), way);
  assert.equal(await transcript.next(), "true true", "one class of errors");
  assert.equal(await transcript.next(), "1 instance");
}

/** Visits a bundle in the browser; the number of wasm files that its page asked for. */
async function run(out, conversation) {
  const site = await serveFolder(out);
  try {
    await visit(browser, `${site.url}/`, proxy, conversation);
    return site.requests.filter((file) => file.endsWith(".wasm")).length;
  } finally {
    site.stop();
  }
}

for (const [name, build] of Object.entries(bundlers)) {
  describe(name, () => {
    let installed;
    before(() => (installed = createProject(name.toLowerCase())));
    after(() => installed?.remove());

    async function bundle(app) {
      const out = path.join(installed.project, "dist", app);
      await build(installed.project, app, out);
      return out;
    }

    test("the entry `tautline` needs no configuration and no file beside the bundle", PATIENCE, async () => {
      assert.equal(await run(await bundle("inlined")), 0);
    });

    if (NEED_INIT.includes(name)) {
      test("`tautline/slim` takes tautline.wasm from where `init` says", PATIENCE, async () => {
        const out = await bundle("slim-init");
        const { resolve } = createRequire(path.join(installed.project, "package.json"));
        copyFileSync(resolve("tautline/tautline.wasm"), path.join(out, "tautline.wasm"));
        assert.equal(await run(out), 1);
      });
    } else {
      test("`tautline/slim` has its tautline.wasm found", PATIENCE, async () => {
        assert.equal(await run(await bundle("slim")), 1);
      });
    }

    test("all entries in one application share one instance", PATIENCE, async () => {
      assert.equal(await run(await bundle("together"), hearAll), 0);
    });

    test("an import that is not used leaves nothing in the bundle", PATIENCE, async () => {
      const out = await bundle("unused");
      const scripts = readdirSync(out, { recursive: true }).filter((file) => file.endsWith(".js"));
      const code = scripts.map((file) => readFileSync(path.join(out, file), "utf8")).join("\n");
      assert.match(code, /an application without a socket/);
      assert.doesNotMatch(code, /WebAssembly|WebSocket|tautline/i);
    });

    if (name === "esbuild") {
      test("the entry `tautline` in a classic script", PATIENCE, async () => {
        const out = path.join(installed.project, "dist/classic");
        await buildClassic(installed.project, "classic", out);
        assert.equal(await run(out), 0);
      });
    }
  });
}

describe("Vite's development server", () => {
  let installed, site;
  before(async () => {
    installed = createProject("vite-dev");
    site = await startViteServer(installed.project, ["inlined", "slim", "together"]);
  });
  after(async () => {
    await site?.stop();
    installed?.remove();
  });

  test("the entry `tautline` needs no configuration", PATIENCE, () => visit(browser, `${site.url}/inlined/`, proxy));

  test("`tautline/slim` has its tautline.wasm found", PATIENCE, () => visit(browser, `${site.url}/slim/`, proxy));

  test("all entries in one application share one instance", PATIENCE, () => {
    return visit(browser, `${site.url}/together/`, proxy, hearAll);
  });
});
