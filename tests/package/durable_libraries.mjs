// What the tests of libraries over durable sockets stand on: a page with the libraries, bundled with the installed
// package, and a durable server of `ws` with all that the libraries on it could notice.

import assert from "node:assert/strict";
import { once } from "node:events";
import { copyFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, afterEach, before, beforeEach, mock } from "node:test";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { WebSocketServer } from "ws";
import { startChaos } from "./chaos.mjs";
import { installPackage, launchBrowser } from "./project.mjs";
import { until } from "./sessions/kit.mjs";
import { serveFolder } from "./site.mjs";

const PATIENCE = 30_000;
const ENTRY = "durable_libraries_page.js";
const PAGE = '<!doctype html><title>Libraries</title><script type="module" src="bundle.js"></script>';

/** Sets it up for the tests of a file. `page` is there once a test runs, a new one for each. */
export function useLibraries() {
  const stage = {};
  let installed, site, browser, durable, problems;

  before(async () => {
    installed = installPackage("durable-libraries");
    const { project } = installed;
    copyFileSync(path.join(import.meta.dirname, ENTRY), path.join(project, ENTRY));
    writeFileSync(path.join(project, "index.html"), PAGE);
    const options = { outfile: "bundle.js", bundle: true, format: "esm", logLevel: "error" };
    await build({ absWorkingDir: project, entryPoints: [ENTRY], ...options });
    ({ durable } = await import(pathToFileURL(path.join(project, "node_modules/tautline/server.js")).href));
    site = await serveFolder(project);
    browser = await launchBrowser();
  });

  after(async () => {
    await browser?.close();
    site?.stop();
    installed?.remove();
  });

  beforeEach(async () => {
    problems = [];
    // Where the libraries on the server say what has gone wrong.
    mock.method(console, "error", (...words) => problems.push(words.map(String).join(" ")));
    stage.page = await browser.newPage();
    stage.page.setDefaultTimeout(PATIENCE);
    stage.page.on("pageerror", (error) => problems.push(error.stack));
    await stage.page.goto(site.url);
    await stage.page.waitForFunction(() => document.title === "ready");
  });

  afterEach(async () => {
    await stage.page.close();
    mock.restoreAll();
    assert.deepEqual(problems, [], "no uncaught error, no unhandled rejection, and no complaint of a library");
  });

  /**
   * A durable server, given to the library by `serve(sessions)`. `seen` has what its sockets emitted: "connection", then
   * "close" and "error" with what belongs to them; `sockets` are all that there were, `pongs` how many came.
   */
  stage.startServer = async (serve, options) => {
    const wss = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    await once(wss, "listening");
    const sessions = durable(wss, { allowOrigin: site.url, ...options });
    const server = { sessions, seen: [], sockets: [], pongs: 0, url: `ws://127.0.0.1:${wss.address().port}` };
    sessions.on("connection", (socket) => {
      server.sockets.push(socket);
      server.seen.push("connection");
      socket.on("close", (code, reason) => server.seen.push(`close ${code} ${reason}`));
      socket.on("error", (error) => server.seen.push(`error ${error}`));
      socket.on("pong", () => server.pongs++);
    });
    const served = serve(sessions);
    server.stop = async () => {
      sessions.forget();
      for (const socket of wss.clients) socket.terminate();
      await new Promise((resolve) => wss.close(resolve));
    };
    return Object.assign(server, { served });
  };

  return stage;
}

/** Cuts the link, and resolves when the server has noticed it. */
export async function cut(proxy, { sessions }) {
  proxy.cut();
  await until(() => sessions.stats().attached === 0, "the server noticed the loss");
}

/**
 * A network that takes 20 ms each way. From `shake` on it resets all connections every 250 ms, `resets` times so far,
 * until `calm`: a client outlives a reset once it has a session, not before.
 */
export async function startSlowNetwork(url) {
  const chaos = await startChaos(url, { delayMs: 20 });
  let timer;
  return {
    url: chaos.url,
    resets: 0,
    shake() {
      timer = setInterval(() => {
        chaos.cut();
        chaos.mend();
        this.resets++;
      }, 250);
    },
    calm() {
      clearInterval(timer);
    },
    stop() {
      this.calm();
      return chaos.stop();
    },
  };
}
