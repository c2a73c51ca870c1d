// The server of the packed package in programs of other shapes: with `ws` in one file, as a bundler makes it, and in a
// CommonJS module. Each serves a durable client whose link is cut.

import assert from "node:assert/strict";
import path from "node:path";
import readline from "node:readline";
import { after, before, test } from "node:test";
import * as esbuild from "esbuild";
import { holdConversation, Transcript, within } from "./conversation.mjs";
import { createProject, start } from "./project.mjs";
import { startProxy } from "./proxy.mjs";

const PATIENCE = { timeout: 60_000 };
const TO_END = 20_000;
const NODES = {
  "Node 22": path.join(import.meta.dirname, "node_modules/node22/bin/node"),
  "Node 24": path.join(import.meta.dirname, "node_modules/node24/bin/node"),
};
/** What a bundle of modules needs for the CommonJS in it, such as `ws`: esbuild says so. */
const REQUIRE = `import { createRequire } from "node:module"; const require = createRequire(import.meta.url);`;

let installed;
before(() => (installed = createProject("server-shapes")));
after(() => installed?.remove());

/** Runs a program: its lines, and its end, with what it said on standard error. */
function run(...command) {
  const [node, ...args] = command;
  const child = start(node, args, { cwd: installed.project, stdio: ["ignore", "pipe", "pipe"] });
  const transcript = new Transcript();
  readline.createInterface({ input: child.stdout }).on("line", (line) => transcript.say(line));
  let complaints = "";
  child.stderr.setEncoding("utf8").on("data", (text) => (complaints += text));
  const ended = new Promise((resolve) => {
    child.once("close", (code, signal) => resolve({ status: code ?? signal, complaints }));
  });
  ended.then(({ status }) => transcript.fail(new Error(`${args.at(-1)} ended with ${status}: ${complaints}`)));
  return { child, transcript, ended };
}

/** Runs a server; talks to it from a program of the same Node. */
async function talkTo(node, ...program) {
  const server = run(node, ...program);
  const [, url] = /^listening on (\S+)$/.exec(await server.transcript.next());
  const proxy = await startProxy(url);
  const client = run(node, "programs/durable.js", proxy.url);
  try {
    await holdConversation(client.transcript, proxy);
    assert.deepEqual(await within(TO_END, "the client to end by itself", client.ended), { status: 0, complaints: "" });
    server.child.kill("SIGTERM");
    assert.deepEqual(await within(TO_END, "the server to end on SIGTERM", server.ended), { status: 0, complaints: "" });
  } finally {
    for (const { child } of [client, server]) child.kill("SIGKILL");
    proxy.stop();
  }
}

/** Bundles the server and `ws`: the one file. */
async function bundle(format, file, banner) {
  const outfile = path.join(installed.project, "dist", file);
  const { warnings } = await esbuild.build({
    absWorkingDir: installed.project,
    entryPoints: ["server/serve.js"],
    outfile,
    bundle: true,
    minify: true,
    platform: "node",
    target: "node22",
    format,
    banner,
    logLevel: "silent",
  });
  assert.deepEqual(warnings, []);
  return outfile;
}

for (const [format, file, banner] of [["esm", "serve.mjs", { js: REQUIRE }], ["cjs", "serve.cjs"]]) {
  test(`esbuild, ${format}: one file, which reads no other`, PATIENCE, async () => {
    const outfile = await bundle(format, file, banner);
    await talkTo(NODES["Node 22"], "--permission", `--allow-fs-read=${outfile}`, outfile);
  });
}

for (const [name, node] of Object.entries(NODES)) {
  test(`${name}: a CommonJS module requires it, without a warning`, PATIENCE, () => talkTo(node, "server/serve.cjs"));
}
