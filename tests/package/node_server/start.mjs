// Starts the programs of this folder: from a fresh project that has installed the package, in Node, Deno and Bun.

import { cpSync } from "node:fs";
import path from "node:path";
import readline from "node:readline";

import { within } from "../conversation.mjs";
import { installPackage, need, start } from "../project.mjs";

const PATIENCE = 20_000;
const TESTS = path.resolve(import.meta.dirname, "..");
const modules = path.join(TESTS, "node_modules");
/** What programs import beside the package: in the project it is where it is here. */
const FILES = ["node_server", "sessions", "conversation.mjs", "chaos.mjs", "durable_courier.js"];

/** How each runtime is told to run a program. */
export const RUNTIMES = {
  "Node 22": [path.join(modules, "node22/bin/node")],
  "Node 24": [path.join(modules, "node24/bin/node")],
  Deno: [path.join(modules, ".bin/deno"), "run", "--quiet", "--no-remote", "--allow-net=127.0.0.1", "--allow-read=."],
  Bun: [path.join(modules, ".bin/bun"), "run"],
};

let project;

/** The project, which is there until this process ends. */
function projectFolder() {
  if (!project) {
    project = installPackage("server").project;
    for (const file of FILES) cpSync(path.join(TESTS, file), path.join(project, file), { recursive: true });
  }
  return project;
}

/** Runs a program in the project, `args` from its path on: a child process whose standard output is piped. */
export function runProgram(runtime, ...args) {
  const [command, ...before] = RUNTIMES[runtime];
  need(command, "cargo xtask setup");
  // Of the tests that run here, not of the program's.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  return start(command, [...before, ...args.map(String)], {
    cwd: projectFolder(),
    env: { ...env, DENO_NO_UPDATE_CHECK: "1" },
    stdio: ["ignore", "pipe", "inherit"],
  });
}

/** Starts a server that says where it listens: { url, pid, stop }. */
async function startServer(runtime, file, ...flags) {
  const child = runProgram(runtime, `node_server/${file}`, ...flags);
  const ended = new Promise((resolve) => child.once("exit", (code, signal) => resolve(code ?? signal)));
  const listening = new Promise((resolve, reject) => {
    readline.createInterface({ input: child.stdout }).on("line", (line) => {
      const [, url] = /^listening on (\S+)$/.exec(line) ?? [];
      if (url) resolve(url);
    });
    ended.then((status) => reject(new Error(`${file} in ${runtime} ended with ${status} before it listened`)));
  });
  return {
    url: await within(PATIENCE, `${file} to listen`, listening),
    pid: child.pid,
    /** Resolves with the exit status, or the signal that ended it. */
    stop() {
      child.kill("SIGTERM");
      return within(PATIENCE, `${file} in ${runtime} to end`, ended);
    },
  };
}

export const startNodeServer = (version, ...flags) => startServer(`Node ${version}`, "serve_node.mjs", ...flags);
export const startDenoServer = (...flags) => startServer("Deno", "serve_deno.mjs", ...flags);
export const startBunServer = (...flags) => startServer("Bun", "serve_bun.mjs", ...flags);
