// What tests of the examples stand on: the packed package, and the examples next to it as if somebody had copied them;
// a program of theirs as a process; pages of a real browser.

import assert from "node:assert/strict";
import { cpSync, writeFileSync } from "node:fs";
import net from "node:net";
import path from "node:path";
import readline from "node:readline";
import { after, afterEach, before } from "node:test";
import { within } from "./conversation.mjs";
import { installPackage, launchBrowser, ROOT, start } from "./project.mjs";

export const PATIENCE = 30_000;
export const NODE = path.join(import.meta.dirname, "node_modules/node22/bin/node");

/** Lines as they come, to be waited for one by one. */
export class Lines {
  #lines = [];
  #wake = () => {};

  say(line) {
    this.#lines.push(line);
    this.#wake();
  }

  async next() {
    while (this.#lines.length === 0) {
      await within(PATIENCE, "another line", new Promise((resolve) => (this.#wake = resolve)));
    }
    return this.#lines.shift();
  }
}

/**
 * The examples, installed for the tests of a file. The result's properties are there once a test runs: `project`, its
 * folder; `browser`; `problems`, what pages did not catch.
 */
export function useExamples() {
  const stage = { problems: [] };
  let installed;

  before(async () => {
    installed = installPackage("examples");
    stage.project = installed.project;
    for (const name of ["chat", "express", "greeting"]) {
      cpSync(path.join(ROOT, "examples/node", name), path.join(stage.project, name), { recursive: true });
    }
    stage.browser = await launchBrowser();
  });

  after(async () => {
    await stage.browser?.close();
    installed?.remove();
  });

  afterEach(async () => {
    for (const context of stage.browser.contexts()) await context.close();
    assert.deepEqual(stage.problems.splice(0), [], "no uncaught error and no unhandled rejection in a page");
  });

  /** Opens a page of its own in a browser's context, or in a new one. */
  stage.open = async (url, { context, ...options } = {}) => {
    const page = await (context ?? (await stage.browser.newContext(options))).newPage();
    page.setDefaultTimeout(PATIENCE);
    page.on("pageerror", (error) => stage.problems.push(error.stack));
    await page.goto(url);
    return page;
  };

  /** Starts a program of the project: its lines, and its end by SIGTERM, which must be 0. */
  stage.run = (file, env = {}, command = [NODE]) => {
    const [program, ...args] = command;
    const options = { cwd: stage.project, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "inherit"] };
    const child = start(program, [...args, file], options);
    const lines = new Lines();
    readline.createInterface({ input: child.stdout }).on("line", (line) => lines.say(line));
    const ended = new Promise((resolve) => child.once("exit", (code, signal) => resolve(code ?? signal)));
    return {
      lines,
      async stop() {
        child.kill("SIGTERM");
        assert.equal(await within(PATIENCE, `${file} to end`, ended), 0, `${file} ends with 0 on SIGTERM`);
      },
      /** Without a word, as a machine that loses its power. */
      async kill() {
        child.kill("SIGKILL");
        await within(PATIENCE, `${file} to end`, ended);
      },
    };
  };

  stage.write = (name, text) => writeFileSync(path.join(stage.project, name), text);

  return stage;
}

/** Waits until somebody listens on a port. */
export async function untilListening(port) {
  const end = performance.now() + PATIENCE;
  const knock = () =>
    new Promise((resolve) => {
      const socket = net.connect(port, "127.0.0.1", () => resolve(true)).on("error", () => resolve(false));
      socket.on("connect", () => socket.destroy());
    });
  while (!(await knock())) {
    assert.ok(performance.now() < end, `nobody listens on ${port}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Waits until a page's function gives what is expected; says what it gave instead. */
export async function untilEqual(page, look, expected, what) {
  const end = performance.now() + PATIENCE;
  for (;;) {
    const seen = await page.evaluate(look);
    try {
      assert.deepEqual(seen, expected, what);
      return;
    } catch (error) {
      if (performance.now() > end) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
