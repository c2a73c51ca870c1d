// What the page says when it can't do its work: it names what happened and what to run.

import assert from "node:assert/strict";
import test from "node:test";

import { reached, setStage } from "./stage.mjs";

// The browser writes a line for a file it does not get; the test takes that file away.
const missingFile = (message) => /^Failed to load resource: .*404/.test(message.text()) && message.location().url.endsWith("/pkg/index.js");

async function told(page) {
  await page.locator("#notice").waitFor();
  assert.equal(await page.locator("#notice-title").textContent(), "The package did not load");
  assert.match(await page.locator("#notice-text").textContent(), /cargo xtask build/);
  assert.equal(await page.locator("#state").textContent(), "Not loaded");
  assert.equal(await page.locator("main button:enabled").count(), 0, "nothing to press that can't work");
}

test("failures", async (t) => {
  const stage = await setStage(t);

  await t.test("the package is missing", async () => {
    const { page, finish } = await stage.open({
      tolerated: missingFile,
      before: (page) => page.route("**/pkg/index.js", (route) => route.fulfill({ status: 404, body: "no such file" })),
    });
    await told(page);
    await finish();
  });

  await t.test("the wasm may not run: a content security policy forbids it", async () => {
    const { page, finish } = await stage.open({
      // The violation itself is reported by the browser.
      tolerated: (message) => /Content Security Policy|WebAssembly/.test(message.text()),
      before: (page) => page.route("**/", async (route) => {
        const response = await route.fetch();
        await route.fulfill({ response, headers: { ...response.headers(), "content-security-policy": "script-src 'self' 'unsafe-inline'" } });
      }),
    });
    await page.locator("#notice").waitFor();
    assert.equal(await page.locator("#notice-title").textContent(), "The package can’t run here");
    await reached(page, "Closed");
    await finish();
  });
});
