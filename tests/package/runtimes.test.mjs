// The packed package without a browser: in programs of Node, Deno and Bun, and in a worker of workerd.

import assert from "node:assert/strict";
import { copyFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import readline from "node:readline";
import { Readable } from "node:stream";
import { after, before, describe, test } from "node:test";
import * as esbuild from "esbuild";
import { Miniflare } from "miniflare";
import { holdConversation, holdWebSocketConversation, Transcript, within } from "./conversation.mjs";
import { createProject, need, start, startServer } from "./project.mjs";
import { startProxy } from "./proxy.mjs";

const PATIENCE = { timeout: 60_000 };
const modules = path.join(import.meta.dirname, "node_modules");

/** How each runtime is told to run a program. */
const RUNTIMES = {
  "Node 22": [path.join(modules, "node22/bin/node")],
  "Node 24": [path.join(modules, "node24/bin/node")],
  Deno: [path.join(modules, ".bin/deno"), "run", "--quiet", "--no-remote", "--allow-net=127.0.0.1", "--allow-read=."],
  Bun: [path.join(modules, ".bin/bun"), "run"],
};

/** The programs in apps/programs that talk, and what a test has to say to them. */
const PROGRAMS = { inlined: holdConversation, slim: holdConversation, websocket: holdWebSocketConversation };

let installed, server, proxy;

before(async () => {
  installed = createProject("runtimes");
  server = await startServer(import.meta.dirname);
  proxy = await startProxy(server.url);
});

after(async () => {
  proxy?.stop();
  installed?.remove();
  assert.equal(await server?.stop(), 0, "the server ends with 0 on SIGTERM");
});

/** Runs a program of apps/programs, which says what the `conversation` expects and then ends by itself. */
async function run([command, ...args], program, conversation) {
  need(command, "cargo xtask setup");
  const child = start(command, [...args, `programs/${program}.js`, `${proxy.url}/echo`], {
    cwd: installed.project,
    env: { ...process.env, DENO_NO_UPDATE_CHECK: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const transcript = new Transcript();
  readline.createInterface({ input: child.stdout }).on("line", (line) => transcript.say(line));
  let complaints = "";
  child.stderr.setEncoding("utf8").on("data", (text) => (complaints += text));
  const ended = new Promise((resolve) => child.once("close", (code, signal) => resolve(code ?? signal)));
  child.once("error", (error) => transcript.fail(error));
  ended.then((status) => transcript.fail(new Error(`the program ended with ${status}: ${complaints}`)));
  try {
    await conversation(transcript, proxy);
    const status = await within(20_000, "the program to end by itself", ended);
    assert.deepEqual({ status, complaints }, { status: 0, complaints: "" });
  } finally {
    child.kill("SIGKILL");
  }
}

for (const [runtime, command] of Object.entries(RUNTIMES)) {
  for (const [program, conversation] of Object.entries(PROGRAMS)) {
    test(`${runtime}: ${program}, and the program ends by itself once its socket is closed`, PATIENCE, () => {
      return run(command, program, conversation);
    });
  }
}

test("nothing happens at import: nothing is compiled or fetched, no listener and no timer is set", PATIENCE, () => {
  return run(RUNTIMES["Node 24"], "imports", async (transcript) => {
    assert.equal(await transcript.next(), "true", "the traps are set");
    assert.equal(await transcript.next(), "nothing");
  });
});

describe("workerd", () => {
  let miniflare;
  before(async () => {
    const out = path.join(installed.project, "dist");
    const { warnings } = await esbuild.build({
      absWorkingDir: installed.project,
      entryPoints: ["workerd/worker.js"],
      outdir: out,
      bundle: true,
      format: "esm",
      // What wrangler asks for.
      conditions: ["workerd", "worker", "browser"],
      external: ["*.wasm"],
      logLevel: "silent",
    });
    assert.deepEqual(warnings, []);
    const { resolve } = createRequire(path.join(installed.project, "package.json"));
    copyFileSync(resolve("tautline/tautline.wasm"), path.join(out, "tautline.wasm"));
    miniflare = new Miniflare({
      modulesRoot: out,
      modules: [
        { type: "ESModule", path: path.join(out, "worker.js") },
        { type: "CompiledWasm", path: path.join(out, "tautline.wasm") },
      ],
      compatibilityDate: "2026-01-01",
      // It would ask the internet where it is.
      cf: false,
    });
  });
  after(() => miniflare?.dispose());

  /** One request, whose answer is the transcript. */
  async function ask(entry, conversation) {
    const { body } = await miniflare.dispatchFetch(`http://worker/${entry}?server=${proxy.url}/echo`);
    const transcript = new Transcript();
    const answer = Readable.fromWeb(body).on("error", (error) => transcript.fail(error));
    const lines = readline.createInterface({ input: answer });
    lines.on("line", (line) => transcript.say(line));
    lines.on("close", () => transcript.fail(new Error("the worker's answer has ended")));
    try {
      await conversation(transcript, proxy);
    } finally {
      answer.destroy();
    }
  }

  test("the entry `tautline` takes its wasm as a compiled module", PATIENCE, () => ask("tautline", holdConversation));

  test("`tautline/websocket` in another request, on the same instance", PATIENCE, () => {
    return ask("websocket", holdWebSocketConversation);
  });

  test("a listener that throws costs its connection, and not the socket", PATIENCE, () => {
    return ask("throwing", async (transcript) => {
      assert.equal(await transcript.next(), "heard second");
      assert.equal(await transcript.next(), "closed with 1000 after 1 reconnect");
    });
  });

  test("a second request is served as the first was", PATIENCE, () => ask("tautline", holdConversation));
});
