// The other entries of the package with a durable socket: slim, streams, React's hook, and a worker.

import assert from "node:assert/strict";
import { copyFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, beforeEach, afterEach, test } from "node:test";
import { build } from "esbuild";

import { startChaos } from "./chaos.mjs";
import { installPackage, launchBrowser } from "./project.mjs";
import { until } from "./sessions/kit.mjs";
import { startSessionServer } from "./sessions/server.mjs";
import { serveFolder } from "./site.mjs";

const PATIENCE = { timeout: 30_000 };

const PAGE = `<!doctype html>
<meta charset="utf-8">
<title>A page with every entry</title>
<script type="importmap">{ "imports": { "tautline": "/node_modules/tautline/index.js" } }</script>
<script type="module" src="/durable_page.js"></script>
<main></main>`;

const WORKER = `
import { connect } from "/node_modules/tautline/index.js";
import { carry } from "/durable_courier.js";
onmessage = async ({ data: [url, job] }) => postMessage(await carry(connect, url, job));
`;

/** A component that shows what the hook says. */
const COMPONENT = `
import { createElement, StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { useSocket } from "tautline/react";

export function show(url, options, told) {
  function Chat() {
    const { state, message, send } = useSocket(url, { ...options, onMessage: (message) => told.heard.push(message) });
    told.send = send;
    return createElement("p", null, state + ": " + (message ?? "nothing yet"));
  }
  const root = createRoot(document.querySelector("main"));
  root.render(createElement(StrictMode, null, createElement(Chat)));
  return root;
}
`;

let installed, site, browser, page, server, chaos, problems;

before(async () => {
  installed = installPackage("durable");
  const { project } = installed;
  for (const file of ["durable_page.js", "durable_courier.js"]) {
    copyFileSync(path.join(import.meta.dirname, file), path.join(project, file));
  }
  writeFileSync(path.join(project, "index.html"), PAGE);
  writeFileSync(path.join(project, "worker.js"), WORKER);
  writeFileSync(path.join(project, "component.js"), COMPONENT);
  const define = { "process.env.NODE_ENV": '"development"' };
  await build({
    absWorkingDir: project,
    entryPoints: ["component.js"],
    outfile: "react.js",
    bundle: true,
    format: "esm",
    define,
    logLevel: "error",
  });
  site = await serveFolder(project);
  browser = await launchBrowser();
  page = await browser.newPage();
  page.on("pageerror", (error) => problems.push(error.stack));
  await page.goto(site.url);
  await page.waitForFunction(() => document.title === "ready");
});

after(async () => {
  await browser?.close();
  site?.stop();
  installed?.remove();
});

beforeEach(() => (problems = []));

afterEach(async () => {
  await page.evaluate(() => reset());
  await chaos.stop();
  const { errors } = server;
  await server.stop();
  assert.deepEqual([problems, errors], [[], []]);
});

/** A server, behind a network; where clients connect to. */
async function serve(options, network) {
  server = await startSessionServer(options);
  chaos = await startChaos(server.url, network);
  return `${chaos.url.replace(/^http/, "ws")}/echo`;
}

const BAD = { delayMs: 2, resetEveryMs: 60 };
const JOB = { count: 800 };
function wasDelivered({ outcome, firstDifference, lostSessions, end, reconnects }) {
  assert.deepEqual([outcome, firstDifference], [{ lost: 0, repeated: 0, outOfOrder: 0 }, null]);
  assert.deepEqual([lostSessions, end], [0, 1000]);
  assert.ok(reconnects > 0, "the network broke");
}

test("`tautline/slim`: a session is carried over cuts", PATIENCE, async () => {
  const url = await serve({}, BAD);
  wasDelivered(await page.evaluate(async ([url, job]) => {
    const { connect } = await import("/node_modules/tautline/slim.js");
    const { carry } = await import("/durable_courier.js");
    return carry(connect, url, job);
  }, [url, JOB]));
  assert.ok(site.requests.includes("/node_modules/tautline/tautline.wasm"));
});

test("in a worker a session is carried over cuts", PATIENCE, async () => {
  const url = await serve({}, BAD);
  wasDelivered(await page.evaluate(([url, job]) => new Promise((resolve, reject) => {
    const worker = new Worker("/worker.js", { type: "module" });
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(message));
    worker.postMessage([url, job]);
  }), [url, JOB]));
});

test("`tautline/streams`: `readable` that nobody reads holds back the server, over cuts, too", PATIENCE, async () => {
  const COUNT = 2000;
  let sent = 0;
  const application = async (session) => {
    while (sent < COUNT) await session.send(`${sent++}`);
  };
  const url = await serve({ application }, {});
  await page.evaluate(async (url) => {
    const { streams } = await import("/node_modules/tautline/streams.js");
    open(url, { inbox: { messages: 16 }, outbox: { messages: 16 } });
    globalThis.reader = streams(socket).readable.getReader();
    await socket.opened;
  }, url);
  const [session] = server.sessions;
  await until(() => session.outbox.standsAtLimit, "the server stood at the limit");
  assert.equal(session.outbox.taken, 0, "nothing is read ahead");
  const read = (count) =>
    page.evaluate(async (count) => {
      const values = [];
      while (values.length < count) values.push((await reader.read()).value);
      return values;
    }, count);
  const first = await read(5);
  await until(() => session.outbox.taken === 5, "five were taken");
  chaos.cut();
  await page.evaluate(() => seen("disconnect"));
  assert.deepEqual(await page.evaluate(() => socket.stats().inbox.messages >= 11), true, "what is there can be read");
  chaos.mend();
  const rest = await read(COUNT - 5);
  assert.deepEqual([...first, ...rest], Array.from({ length: COUNT }, (_, n) => `${n}`));
});

test("`tautline/streams`: an application that does not take holds back `writable`", PATIENCE, async () => {
  const taken = [];
  let goOn;
  const told = new Promise((resolve) => (goOn = resolve));
  const application = async (session) => {
    await told;
    for await (const message of session) taken.push(message);
  };
  const url = await serve({ application, window: 8 }, {});
  await page.evaluate(async (url) => {
    const { streams } = await import("/node_modules/tautline/streams.js");
    open(url, { outbox: { messages: 10 } });
    globalThis.written = 0;
    let next = 0;
    const source = new ReadableStream({
      pull: (controller) => (next === 1000 ? controller.close() : controller.enqueue(`${next++}`)),
    }, { highWaterMark: 0 });
    const count = new TransformStream({
      transform(message, controller) {
        written++;
        controller.enqueue(message);
      },
    }, undefined, { highWaterMark: 0 });
    globalThis.piped = source.pipeThrough(count).pipeTo(streams(socket).writable);
    await until(() => socket.stats().outbox.messages === 10 && socket.stats().unacknowledged === 8);
  }, url);
  chaos.cut();
  await page.evaluate(() => seen("disconnect"));
  chaos.mend();
  await page.evaluate(() => seen("open", 2));
  const written = await page.evaluate(() => written);
  assert.ok(written <= 13, `${written} were written, where the outbox holds ten`);
  goOn();
  await page.evaluate(() => piped);
  assert.deepEqual(taken, Array.from({ length: 1000 }, (_, n) => `${n}`), "closing `writable` waits for all of it");
});

test("`tautline/react`: the hook shows and sends over a cut, and ends the session on unmount", PATIENCE, async () => {
  const url = await serve({}, {});
  await page.evaluate(async (url) => {
    const { show } = await import("/react.js");
    globalThis.told = { heard: [] };
    const options = { durable: true, codec: "text", reconnect: { minDelay: 1, maxDelay: 20 } };
    globalThis.root = show(url, options, told);
  }, url);
  const shows = (text) => page.getByText(text, { exact: true }).waitFor();
  await shows("open: nothing yet");
  await page.evaluate(() => told.send("one"));
  await shows("open: one");
  chaos.cut();
  await page.getByText(/^(waiting|connecting): one$/).waitFor();
  await page.evaluate(() => void ["two", "three"].map((message) => told.send(message)));
  chaos.mend();
  await shows("open: three");
  assert.deepEqual(await page.evaluate(() => told.heard), ["one", "two", "three"]);
  assert.equal(server.stats.lost, 0);
  await page.evaluate(() => root.unmount());
  await until(() => server.sessions.length === 0, "the session was ended by a BYE");
});
