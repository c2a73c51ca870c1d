// What every test stands on: the real echo server, a real Chromium, and a page whose console is watched. Waits are for
// conditions; nothing sleeps.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { access } from "node:fs/promises";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

export const root = process.env.TAUTLINE_ROOT ?? fileURLToPath(new URL("../..", import.meta.url));
const serverPath = process.env.TAUTLINE_ECHO_BIN ?? path.join(root, "target/debug/tautline-echo");
const chromiumPath = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** Longer than any wait of the page's own: a refused socket is back within its last delay of five seconds. */
export const PATIENCE = 20_000;

async function need(file, remedy) {
  await access(file).catch(() => assert.fail(`${file} is missing: ${remedy}`));
}

/** Starts the echo server on a free port. Resolves with its address and a way to stop it. */
export async function startServer() {
  await need(serverPath, "run `cargo build -p tautline-echo`, or say where it is in TAUTLINE_ECHO_BIN");
  await need(path.join(root, "pkg/index.js"), "run `cargo xtask build`");
  await need(path.join(root, "www/index.html"), "is TAUTLINE_ROOT the repository's root?");
  const server = spawn(serverPath, ["--port", "0"], { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
  const line = await Promise.race([
    once(createInterface(server.stdout), "line").then(([line]) => line),
    once(server, "exit").then(([code]) => assert.fail(`the echo server ended at once, with ${code}`)),
  ]);
  const address = /^listening on (http:\S+)$/.exec(line)?.[1];
  assert.ok(address, `the echo server said ${JSON.stringify(line)}`);
  const stop = async () => {
    assert.ok(server.exitCode === null && server.signalCode === null,
      `the echo server ended during the tests, with ${server.exitCode ?? server.signalCode}: what failed after that says nothing about the page`);
    server.kill("SIGTERM");
    await once(server, "exit");
  };
  return { address, stop };
}

export async function launch() {
  await need(chromiumPath, "install Chromium, or say where it is in CHROMIUM");
  const args = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run", "--disable-quic", "--disable-gpu", "--disable-dev-shm-usage"];
  if (process.getuid?.() === 0) args.unshift("--no-sandbox");
  return chromium.launch({ executablePath: chromiumPath, args });
}

/** One server and one browser for a file of tests; each test opens pages of its own. */
export async function setStage(t) {
  const server = await startServer();
  t.after(() => server.stop());
  const browser = await launch();
  t.after(async () => {
    assert.ok(browser.isConnected(), "Chromium ended during the tests: what failed after that says nothing about the page");
    await browser.close();
  });
  return { address: server.address, open: (options) => openPage(browser, server.address, options) };
}

const REFUSED = /^WebSocket connection to 'ws:\/\/127\.0\.0\.1:\d+\/echo\?name=[0-9a-f]+' failed: Error during WebSocket handshake: Unexpected response code: 503$/;

/**
 * Opens the demo page. `refusals` says that the test has the server answer 503: the browser itself writes a line about
 * each attempt to the console, which no page can prevent. `before` is called with the page before it loads. Whatever
 * else appears there as an error is found by `finish`, which closes the page.
 */
export async function openPage(browser, address, { refusals = false, tolerated = () => false, before, viewport = { width: 1440, height: 900 }, ...context } = {}) {
  const page = await browser.newPage({ viewport, ...context });
  page.setDefaultTimeout(PATIENCE);
  const complaints = [];
  page.on("console", (message) => {
    if (message.type() !== "error") return;
    if (refusals && REFUSED.test(message.text())) return;
    if (tolerated(message)) return;
    complaints.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => complaints.push(`uncaught: ${error.stack ?? error}`));
  await before?.(page);
  await page.addInitScript(recordChanges);
  await page.goto(address);
  const finish = async () => {
    await page.close();
    assert.deepEqual(complaints, [], "the console has errors");
  };
  return { page, finish };
}

// Runs in the page. Every state the page has shown, and every countdown, however short it was there: a wait is random
// and can be over before a test looks.
function recordChanges() {
  window.shown = { states: [], countdowns: [] };
  const note = (list, text) => {
    if (text !== "" && list.at(-1) !== text) list.push(text);
  };
  // There is only the document as yet. At DOMContentLoaded the page's modules have run, and the first state may be over.
  new MutationObserver(() => {
    note(window.shown.states, document.getElementById("state")?.textContent ?? "");
    note(window.shown.countdowns, document.getElementById("countdown")?.textContent ?? "");
  }).observe(document, { childList: true, characterData: true, subtree: true });
}

export const shown = (page) => page.evaluate(() => window.shown);

/** Forgets what was shown so far, but for the present state. */
export const forgetShown = (page) => page.evaluate(() => {
  window.shown.states = window.shown.states.slice(-1);
  window.shown.countdowns = [];
});

export const reached = (page, name) =>
  page.waitForFunction((name) => document.getElementById("state").textContent === name, name);

/** Waits until the page has shown these states in this order, others in between. */
export const passedThrough = (page, ...names) =>
  page.waitForFunction((names) => {
    let from = 0;
    return names.every((name) => (from = window.shown.states.indexOf(name, from) + 1) > 0);
  }, names);

/** The log's rows: `{ way, time, text, note }`. */
export const rows = (page) =>
  page.locator("#rows > li").evaluateAll((rows) =>
    rows.map((row) => ({
      way: ["sent", "received", "link"].find((way) => row.classList.contains(way)),
      time: row.querySelector("time").textContent,
      text: row.querySelector(".text").textContent,
      note: row.querySelector(".note").textContent,
    })));

/** Waits for a row of the log: of this way, with this text, and a note that matches. */
export const logged = (page, way, text, note = "") =>
  page.waitForFunction(([way, text, note]) =>
    [...document.querySelectorAll(`#rows > li.${way}`)].some((row) =>
      row.querySelector(".text").textContent.includes(text) && new RegExp(note).test(row.querySelector(".note").textContent)),
  [way, text, note]);

export async function say(page, text) {
  await page.fill("#message", text);
  await page.press("#message", "Enter");
}

/** Waits for a counter of `stats()` to read like this: a text, a number or a pattern. They stand still out of sight. */
export async function counted(page, key, expected) {
  await page.locator("#counts").scrollIntoViewIfNeeded();
  const pattern = expected instanceof RegExp ? expected.source : `^${String(expected).replace(/[^\w\s]/g, "\\$&")}$`;
  await page.waitForFunction(([key, pattern]) => new RegExp(pattern).test(document.getElementById(`count-${key}`).textContent), [key, pattern]);
}

/** Waits for a counter to reach a number. */
export async function countedUpTo(page, key, least) {
  await page.locator("#counts").scrollIntoViewIfNeeded();
  await page.waitForFunction(([key, least]) => Number(document.getElementById(`count-${key}`).textContent) >= least, [key, least]);
}

export const faultStatus = (page, text) =>
  page.waitForFunction((text) => document.getElementById("fault-status").textContent.includes(text), text);
