// A fresh project that has installed the packed package, and what its tests need around it: the echo server, a browser.

import { execFileSync, spawn } from "node:child_process";
import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import readline from "node:readline";
import { chromium } from "playwright-core";

export const ROOT = process.env.TAUTLINE_ROOT ?? path.resolve(import.meta.dirname, "../..");
const SERVER = process.env.TAUTLINE_ECHO_BIN ?? path.join(ROOT, "target/debug/tautline-echo");
const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const PROJECTS = path.join(import.meta.dirname, ".projects");
const APPS = path.join(import.meta.dirname, "apps");

/** Folders and child processes that are still there, whatever has failed: they don't outlive this process. */
const folders = new Set();
const children = new Set();
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));

// Where connections were reset, Node 20 now and then spins for ever over the handles that it frees at its natural end; `exit`
// leaves them to the system. Once the runner, which ends its report in this very event, has said all.
let hasReported = false;
process.on("beforeExit", () => {
  if (hasReported) process.exit();
  hasReported = true;
  setImmediate(() => {});
});

/** Says what makes a file that is missing. */
export function need(file, command) {
  if (!existsSync(file)) throw new Error(`${file} is missing: run \`${command}\``);
}

function temporaryFolder(prefix) {
  mkdirSync(path.dirname(prefix), { recursive: true });
  const folder = mkdtempSync(prefix);
  folders.add(folder);
  return folder;
}

function removeFolder(folder) {
  rmSync(folder, { recursive: true, force: true });
  folders.delete(folder);
}

/** Errors only: that the Node of these tests may be older than the package asks for is no matter. */
const QUIET = ["--no-audit", "--no-fund", "--prefer-offline", "--loglevel", "error"];

function npm(cwd, ...args) {
  return execFileSync("npm", args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
}

let tarball;

/** `pkg/` as npm would publish it, packed once: the tarball's path. */
function pack() {
  if (!tarball) {
    const pkg = path.join(ROOT, "pkg");
    need(path.join(pkg, "package.json"), "cargo xtask build");
    const folder = temporaryFolder(path.join(tmpdir(), "tautline-tarball-"));
    const [{ filename }] = JSON.parse(npm(folder, "pack", pkg, "--json"));
    tarball = path.join(folder, filename);
  }
  return tarball;
}

/**
 * Packs the package and installs it into an empty project; the project's folder. Outside of this folder, where nothing
 * else can be imported; or, with a `name`, below it, where bundlers and React come from this folder's node_modules.
 */
export function installPackage(name) {
  const project = temporaryFolder(name ? path.join(PROJECTS, `${name}-`) : path.join(tmpdir(), "tautline-project-"));
  // Of its own, as if it had been downloaded: no project reads what lies outside of it.
  copyFileSync(pack(), path.join(project, "tautline.tgz"));
  writeFileSync(path.join(project, "package.json"), JSON.stringify({ private: true, type: "module" }));
  npm(project, "install", ...QUIET, "./tautline.tgz");
  return { project, remove: () => removeFolder(project) };
}

/** A fresh project with the package and the applications of apps/ in it. */
export function createProject(name) {
  const installed = installPackage(name);
  cpSync(APPS, installed.project, { recursive: true });
  return installed;
}

/** A child process that ends with this one at the latest. */
export function start(command, args, options) {
  const child = spawn(command, args, options);
  children.add(child);
  child.once("error", () => children.delete(child));
  child.once("exit", () => children.delete(child));
  return child;
}

/** A port that was free a moment ago, on one address or on all. */
export async function freePort(host) {
  const probe = net.createServer();
  await new Promise((resolve) => probe.listen(0, host, resolve));
  const { port } = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/** The echo server, which serves `www` as its pages. */
export async function startServer(www, ...flags) {
  need(SERVER, "cargo build -p tautline-echo");
  const args = ["--port", "0", "--log", "warn", "--www", www, ...flags];
  const child = start(SERVER, args, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const url = await new Promise((resolve, reject) => {
    readline.createInterface({ input: child.stdout }).on("line", (line) => {
      const [, url] = /^listening on (\S+)$/.exec(line) ?? [];
      if (url) resolve(url);
    });
    ended.then((code) => reject(new Error(`the echo server ended with ${code} before it listened`)));
  });
  return {
    url,
    async stop() {
      child.kill("SIGTERM");
      return ended;
    },
  };
}

export function launchBrowser() {
  need(CHROMIUM, "cargo xtask setup");
  const idle = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"];
  const bare = ["--disable-quic", "--disable-gpu", "--disable-dev-shm-usage"];
  const sandbox = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  return chromium.launch({ executablePath: CHROMIUM, args: [...sandbox, ...idle, ...bare] });
}

export function read(file) {
  return readFileSync(path.join(ROOT, file), "utf8");
}
