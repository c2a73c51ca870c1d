// `tautline/react`: a component under StrictMode, from Vite's development server, in a real browser, against the real
// server, which counts the connections.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import path from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { createServer } from "vite";
import { createProject, launchBrowser, startServer } from "./project.mjs";

const PATIENCE = 20_000;

let installed, server, vite, address, browser, page, problems, name;
let names = 0;

before(async () => {
  installed = createProject("react");
  server = await startServer(installed.project);
  vite = await createServer({
    root: path.join(installed.project, "react"),
    configFile: false,
    logLevel: "warn",
    server: { host: "127.0.0.1", port: 0 },
  });
  await vite.listen();
  address = `http://127.0.0.1:${vite.httpServer.address().port}/`;
  browser = await launchBrowser();
});

after(async () => {
  await browser?.close();
  await vite?.close();
  assert.equal(await server?.stop(), 0, "the server ends with 0 on SIGTERM");
  installed?.remove();
});

beforeEach(async () => {
  problems = [];
  name = `react-${++names}`;
  page = await browser.newPage();
  page.setDefaultTimeout(PATIENCE);
  page.on("pageerror", (error) => problems.push(error.stack));
  page.on("console", (message) => {
    // React's complaints, not the browser's about connections that this test breaks.
    if (message.type() === "error" && !/WebSocket connection|favicon/.test(message.text() + message.location().url)) {
      problems.push(message.text());
    }
  });
  await page.goto(address);
  await page.waitForFunction(() => document.title === "ready");
});

afterEach(async () => {
  await page.close();
  assert.deepEqual(problems, [], "no uncaught error, no unhandled rejection, no complaint of React's");
});

const echo = (query = "", of = name) => `${server.url}/echo?name=${of}${query}`;
const show = (props) => page.evaluate((props) => globalThis.show(props), props);
const order = async (query) => (await fetch(`${server.url}/faults/${name}?${query}`, { method: "POST" })).json();
const has = (state) => page.waitForFunction((state) => document.querySelector("#state")?.textContent === state, state);

/** What the server says of a name, once it says so. */
async function report(isSo, of = name) {
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    const report = await (await fetch(`${server.url}/faults/${of}`)).json();
    if (isSo(report)) return report;
    if (Date.now() > deadline) assert.fail(`the server waited in vain for ${isSo}: ${JSON.stringify(report)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test("StrictMode or not, one connection; it shows state and message, and is closed on unmount", async () => {
  await show({ url: echo() });
  await has("open");
  await page.evaluate(() => seen.now.send({ text: "hello, world" }));
  await page.waitForFunction(() => document.querySelector("#message").textContent === '{"text":"hello, world"}');
  assert.deepEqual(await page.evaluate(() => seen.states), ["connecting", "open"]);
  assert.equal((await report(() => true)).attempts, 1);

  await show(null);
  const { attempts, open, lastClose } = await report(({ open, lastClose }) => open === 0 && lastClose);
  assert.deepEqual({ attempts, open, ...lastClose }, { attempts: 1, open: 0, code: 1000, reason: "", clean: true });
});

test("renders with other objects and functions change neither the connection nor `send`, but `onMessage`", async () => {
  const render = (n) =>
    page.evaluate((props) => showAtOnce(props), {
      url: echo(),
      options: { reconnect: { maxDelay: 1000 + n } },
      tag: `render ${n}`,
    });
  for (let n = 1; n <= 10; n++) await render(n);
  await has("open");
  for (let n = 11; n <= 20; n++) await render(n);
  assert.ok((await page.evaluate(() => seen.renders)) >= 20);
  await page.evaluate(() => seen.now.send("hello"));
  await page.waitForFunction(() => seen.heard.length > 0);
  assert.deepEqual(await page.evaluate(() => seen.heard), [{ "render 20": "hello" }]);
  assert.equal(await page.evaluate(() => seen.sends.size), 1);
  assert.equal((await report(() => true)).attempts, 1);
});

test("a child may send before anything is connected, from a layout effect, too", async () => {
  for (const early of [false, true]) {
    await show({ url: echo(), greeting: `early: ${early}`, early });
    // StrictMode runs the child's effect twice, too.
    const twice = (text) => seen.heard.filter((message) => message === text).length === 2;
    await page.waitForFunction(twice, `early: ${early}`);
    await show(null);
    await report(({ open }) => open === 0);
  }
  assert.deepEqual(await page.evaluate(() => seen.codes), []);
  assert.equal((await report(() => true)).attempts, 2, "one for each time that it was there");
});

test("it survives a cut, says why it waits, and sends what was sent meanwhile", async () => {
  await show({ url: echo(), options: { reconnect: { minDelay: 50, maxDelay: 100 } } });
  await has("open");
  await order("reset=1&refuse=503&for=600000");
  await page.waitForFunction(() => seen.states.includes("waiting") && seen.now.error?.code === "refused");
  await page.evaluate(() => seen.now.send("sent while it waits"));
  await order("refuse=503&for=1");
  await page.waitForFunction(() => seen.heard.includes("sent while it waits"));
  await has("open");
  assert.deepEqual(await page.evaluate(() => [seen.now.state, seen.now.error, seen.now.message]), [
    "open",
    undefined,
    "sent while it waits",
  ]);
});

test("`onMessage` has every message, in order, however many come at once; `message` is the last", async () => {
  await show({ url: echo("&flood=500") });
  await page.waitForFunction(() => seen.heard.length === 500 && seen.now.message?.n === 500);
  const { heard, shown } = await page.evaluate(() => seen);
  assert.deepEqual(heard, Array.from({ length: 500 }, (_, index) => ({ n: index + 1 })));
  assert.ok(shown.length < 510, `no more renders than messages and states, and not ${shown.length}`);
});

test("another URL closes the one and opens the other, and nothing of the old one is shown", async () => {
  const other = `${name}-other`;
  await show({ url: echo("&greet=1") });
  await page.waitForFunction(() => document.querySelector("#message").textContent === "1");
  await show({ url: echo("", other) });
  await page.waitForFunction(() => seen.states.length === 4);
  assert.deepEqual(await page.evaluate(() => seen.states), ["connecting", "open", "connecting", "open"]);
  const shown = (await page.evaluate(() => seen.shown)).filter(([url]) => url === echo("", other));
  assert.deepEqual(shown[0].slice(1), ["connecting", undefined]);
  assert.ok(shown.every(([, , message]) => message === undefined));
  const { open, lastClose } = await report(({ open, lastClose }) => open === 0 && lastClose);
  assert.deepEqual({ open, ...lastClose }, { open: 0, code: 1000, reason: "", clean: true });
  assert.equal((await report(({ open }) => open === 1, other)).attempts, 1);
});

test("a child's message at the change of the URL goes to the new one", async () => {
  const other = `${name}-other`;
  await show({ url: echo(), greeting: "to the first", early: true });
  await report(({ messages }) => messages === 2);
  await show({ url: echo("", other), greeting: "to the second", early: true });
  await report(({ messages }) => messages >= 1, other);
  assert.equal((await report(({ open }) => open === 0)).messages, 2);
});

test("without a URL there is no connection, until there is one, and then none again", async () => {
  for (const url of [null, undefined, false]) await show({ url, greeting: "nobody hears it" });
  await page.waitForFunction(() => seen.codes.length > 0);
  const { states, codes, now } = await page.evaluate(() => ({ ...seen, now: { socket: seen.now.socket } }));
  assert.deepEqual([states, new Set(codes), now.socket], [["closed"], new Set(["closed"]), undefined]);

  await show({ url: echo(), greeting: "hello" });
  await page.waitForFunction(() => seen.now.message === "hello");
  await show({ url: null });
  await report(({ open }) => open === 0);
  assert.equal(await page.evaluate(() => seen.now.send(1).catch(({ code }) => code)), "closed");
  await show({ url: echo() });
  await has("open");
  const history = await page.evaluate(() => seen.states);
  assert.deepEqual(history, ["closed", "connecting", "open", "closed", "connecting", "open"]);
  assert.equal((await report(() => true)).attempts, 2);
});

test("what was sent before the component left still goes out; afterwards nothing does", async () => {
  await show({ url: echo("&delay=100") });
  await page.waitForFunction(() => seen.now?.socket);
  const late = await page.evaluate(async () => {
    const sent = seen.now.send("a last word");
    show(null);
    await sent;
    await seen.now.socket.closed;
    return seen.now.send("too late").catch(({ code }) => code);
  });
  assert.equal(late, "closed");
  const { attempts, messages } = await report(({ lastClose }) => lastClose !== null);
  assert.deepEqual({ attempts, messages }, { attempts: 1, messages: 1 });
});

test("a component that is gone at once leaves no connection", async () => {
  await page.evaluate((url) => {
    globalThis.made = [];
    globalThis.WebSocket = class extends WebSocket {
      constructor(...args) {
        super(...args);
        made.push(this);
      }
    };
    for (let n = 0; n < 20; n++) {
      showAtOnce({ url });
      showAtOnce(null);
    }
  }, echo());
  await page.waitForFunction(() => made.length > 0 && made.every(({ readyState }) => readyState === WebSocket.CLOSED));
  assert.ok((await page.evaluate(() => made.length)) <= 20);
  await report(({ open }) => open === 0);
});

test("what was sent to one URL never goes to another, whatever is asked for meanwhile", async () => {
  const other = `${name}-elsewhere`;
  // The first one is refused, so that its message waits while the component moves on.
  await order("refuse=503&for=600000");
  await page.evaluate(({ url }) => show({ url: () => url, options: { reconnect: { minDelay: 1, maxDelay: 20 } } }), { url: echo() });
  await page.waitForFunction(() => seen.now?.error?.code === "refused");
  await page.evaluate(async () => void (await seen.now.send("for the first")));
  await show({ url: echo("", other) });
  await has("open");
  await order("refuse=503&for=1");
  const first = await report(({ messages }) => messages === 1);
  assert.equal(first.connections, 1);
  assert.equal((await (await fetch(`${server.url}/faults/${other}`)).json()).messages, 0);
});

test("a function is asked for the URL of every attempt, the newest one", async () => {
  await page.evaluate(({ url }) => {
    globalThis.asked = [];
    const urlOf = (render) => async ({ number }) => {
      asked.push([render, number]);
      return url;
    };
    globalThis.render = (n) => showAtOnce({ url: urlOf(n), options: { reconnect: { minDelay: 1, maxDelay: 10 } } });
    render(1);
  }, { url: echo() });
  await has("open");
  await page.evaluate(() => render(2));
  assert.equal((await report(() => true)).attempts, 1);
  await order("close=4000");
  await report(({ connections, open }) => connections === 2 && open === 1);
  assert.deepEqual(await page.evaluate(() => asked), [[1, 1], [2, 2]]);
});

test("a component that is hidden lets go, and comes back with its children's messages", async () => {
  await show({ url: echo(), greeting: "hello" });
  await page.waitForFunction(() => seen.heard.length === 2);
  await page.evaluate(() => hide(true));
  await report(({ open }) => open === 0);
  await page.evaluate(() => hide(false));
  await report(({ connections, open }) => connections === 2 && open === 1);
  await page.waitForFunction(() => seen.heard.length >= 3);
  assert.deepEqual(await page.evaluate(() => seen.codes), []);
});

test("an option that can't be used reaches the error boundary, by its name", async () => {
  await show({ url: echo(), options: { connectTimeout: "soon" } });
  const caught = await page.waitForSelector("#caught");
  assert.match(await caught.textContent(), /^TypeError: .*`connectTimeout`/);
  assert.equal((await report(() => true)).attempts, 0);
  // React says on the console what a boundary caught.
  assert.ok(problems.length > 0 && problems.every((problem) => /connectTimeout|<Talk>/.test(problem)), problems.join());
  problems = [];
});

test("a server renders it, and connects nothing", () => {
  const program = `
    import { createElement } from "react";
    import { renderToString } from "react-dom/server";
    import { useSocket } from "tautline/react";
    globalThis.WebSocket = class { constructor() { throw new Error("it connects"); } };
    const Talk = ({ url }) => {
      const { state, message, error, socket, send } = useSocket(url);
      return JSON.stringify({ state, message, error, socket, send: typeof send });
    };
    for (const url of ["wss://example.com/", () => "/", null]) {
      console.log(renderToString(createElement(Talk, { url })).replaceAll("&quot;", '"'));
    }`;
  const output = execFileSync(process.execPath, ["--input-type=module", "-e", program], {
    cwd: installed.project,
    encoding: "utf8",
    timeout: PATIENCE,
  });
  const rendered = output.trim().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(rendered, [
    { state: "connecting", send: "function" },
    { state: "connecting", send: "function" },
    { state: "closed", send: "function" },
  ]);
});
