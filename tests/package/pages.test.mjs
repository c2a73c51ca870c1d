// The installed files without a bundler: a page that imports them by their URLs, workers, and pages under a strict
// Content-Security-Policy.

import assert from "node:assert/strict";
import path from "node:path";
import { after, before, test } from "node:test";
import * as esbuild from "esbuild";
import React from "react";
import { holdChat, holdWebSocketConversation, visit } from "./conversation.mjs";
import { createProject, launchBrowser, startServer } from "./project.mjs";
import { startProxy } from "./proxy.mjs";
import { serveFolder } from "./site.mjs";

let installed, server, proxy, browser, site;

before(async () => {
  installed = createProject("pages");
  server = await startServer(import.meta.dirname);
  proxy = await startProxy(server.url);
  site = await serveFolder(installed.project);
  browser = await launchBrowser();
});

after(async () => {
  await browser?.close();
  site?.stop();
  proxy?.stop();
  installed?.remove();
  assert.equal(await server?.stop(), 0, "the server ends with 0 on SIGTERM");
});

const open = (app, conversation) => visit(browser, `${site.url}/pages/?app=${app}`, proxy, conversation);

/** Opens an application whose page, scripts and workers are all under a policy; what was asked of the site. */
async function openUnder(policy, app, conversation) {
  const strict = await serveFolder(installed.project, { "content-security-policy": policy.join("; ") });
  try {
    await visit(browser, `${strict.url}/pages/?app=${app}`, proxy, conversation);
    return strict.requests;
  } finally {
    strict.stop();
  }
}

/** React and its renderer as the one module that they are not published as. */
function bundleReact(outfile) {
  const contents = `import React from "react";
    export const { ${Object.keys(React).join(", ")} } = React;
    export { createRoot } from "react-dom/client";`;
  return esbuild.build({
    stdin: { contents, resolveDir: import.meta.dirname },
    outfile,
    bundle: true,
    format: "esm",
    define: { "process.env.NODE_ENV": '"development"' },
  });
}

test("a page imports the entry `tautline` by its URL", () => open("inlined"));

test("a page imports `tautline/slim` by its URL, which finds tautline.wasm beside itself", () => open("slim"));

test("a page imports `tautline/streams` by its URL", () => open("streams"));

test("a page imports `tautline/websocket` by its URL", () => open("websocket", holdWebSocketConversation));

test("a page imports `tautline/react` by its URL, with an import map for React", async () => {
  await bundleReact(path.join(installed.project, "pages/react.js"));
  await visit(browser, `${site.url}/pages/react.html`, proxy, holdChat);
});

test("a dedicated worker", () => open("worker"));

test("a SharedWorker", () => open("shared-worker"));

const STRICT = ["default-src 'none'", "script-src 'self' 'wasm-unsafe-eval'"];

for (const app of ["inlined", "worker", "shared-worker"]) {
  test(`a policy that allows wasm, and connections to the server alone, is enough: ${app}`, async () => {
    await openUnder([...STRICT, `connect-src ${proxy.url}`], app);
  });
}

test("`tautline/slim` needs connect-src 'self' as well, for tautline.wasm", async () => {
  const requests = await openUnder([...STRICT, `connect-src 'self' ${proxy.url}`], "slim");
  assert.ok(requests.some((file) => file.endsWith("/tautline.wasm")));
});

for (const entry of ["index", "slim"]) {
  test(`a page whose policy forbids wasm is told so: ${entry}.js`, async () => {
    const policy = ["script-src 'self'", `connect-src 'self' ${proxy.url}`];
    await openUnder(policy, `refused&entry=${entry}`, async (transcript) => {
      assert.equal(await transcript.next(), "error");
      assert.equal(await transcript.next(), "close");
      assert.match(await transcript.next(), /^true wasm: .*'wasm-unsafe-eval'/);
      assert.equal(await transcript.next(), "closed with 1006, closed");
    });
  });
}
