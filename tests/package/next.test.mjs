// The packed package in Next.js: client components that hold sockets, built with `next build`, rendered by `next start`
// on the server, and then alive in a real browser.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import path from "node:path";
import readline from "node:readline";
import { after, before, test } from "node:test";
import { holdChat, visit, within } from "./conversation.mjs";
import { createProject, launchBrowser, start, startServer } from "./project.mjs";
import { startProxy } from "./proxy.mjs";

const PATIENCE = { timeout: 120_000 };

let installed, server, proxy, browser, next, address;

before(async () => {
  installed = createProject("next");
  server = await startServer(import.meta.dirname);
  proxy = await startProxy(server.url);
  browser = await launchBrowser();
}, PATIENCE);

after(async () => {
  await browser?.close();
  if (next?.kill()) await once(next, "exit");
  proxy?.stop();
  installed?.remove();
  assert.equal(await server?.stop(), 0, "the server ends with 0 on SIGTERM");
});

/** Every process of Next.js, with apps/next/trap.cjs in it. */
function startNext(...args) {
  const app = path.join(installed.project, "next");
  const child = start(process.execPath, [path.join(import.meta.dirname, "node_modules/next/dist/bin/next"), ...args], {
    cwd: app,
    env: {
      ...process.env,
      CI: "true",
      NEXT_TELEMETRY_DISABLED: "1",
      NODE_OPTIONS: `--require ${path.join(app, "trap.cjs")}`,
      TRAP_NOTES: path.join(installed.project, "notes"),
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  child.said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => (child.said += text));
  }
  return child;
}

/** Starts the built application; its address. */
async function serve() {
  next = startNext("start", "--hostname", "127.0.0.1", "--port", "0");
  for await (const line of readline.createInterface({ input: next.stdout })) {
    const [url] = /http:\/\/127\.0\.0\.1:\d+/.exec(line) ?? [];
    if (url) return url;
  }
  throw new Error(`next start ended: ${next.said}`);
}

test("`next build` builds client components with `tautline` and `tautline/react`", PATIENCE, async () => {
  const build = startNext("build");
  const [status] = await within(100_000, "`next build` to end", once(build, "close"));
  assert.equal(status, 0, build.said);
  assert.doesNotMatch(build.said, /warn/i);
});

test("`next start` renders them, and makes no WebSocket for it", PATIENCE, async () => {
  address = await serve();
  const html = await (await fetch(`${address}/?server=${proxy.url}/echo`)).text();
  assert.match(html, /<button>connecting: nothing yet<\/button>/);
  const notes = readFileSync(path.join(installed.project, "notes"), "utf8").trim().split("\n");
  assert.deepEqual([...new Set(notes)], ["set"]);
});

test("in the browser `tautline` holds the conversation", PATIENCE, () => visit(browser, address, proxy));

test("in the browser useSocket of `tautline/react` greets, and greets again after a cut", PATIENCE, () => {
  return visit(browser, address, proxy, holdChat);
});
