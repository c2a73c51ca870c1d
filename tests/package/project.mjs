// A fresh project that has installed the packed package, and what its tests need around it: the echo server, a browser.

import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import readline from "node:readline";
import { chromium } from "playwright-core";

export const ROOT = process.env.TAUTLINE_ROOT ?? path.resolve(import.meta.dirname, "../..");
const SERVER = process.env.TAUTLINE_ECHO_BIN ?? path.join(ROOT, "target/debug/tautline-echo");
const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

function need(file, command) {
  if (!existsSync(file)) throw new Error(`${file} is missing: run \`${command}\``);
}

/** Packs `pkg/` as npm would publish it and installs it into an empty project; the project's folder. */
export function installPackage() {
  const pkg = path.join(ROOT, "pkg");
  need(path.join(pkg, "package.json"), "cargo xtask build");
  const project = mkdtempSync(path.join(tmpdir(), "tautline-project-"));
  const npm = (...args) => execFileSync("npm", args, { cwd: project, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
  const [{ filename }] = JSON.parse(npm("pack", pkg, "--json"));
  writeFileSync(path.join(project, "package.json"), JSON.stringify({ private: true, type: "module" }));
  npm("install", "--no-audit", "--no-fund", `./${filename}`);
  return { project, remove: () => rmSync(project, { recursive: true, force: true }) };
}

/** The echo server, which serves `www` as its pages. */
export async function startServer(www, ...flags) {
  need(SERVER, "cargo build -p tautline-echo");
  const child = spawn(SERVER, ["--port", "0", "--log", "warn", "--www", www, ...flags], { stdio: ["ignore", "pipe", "inherit"] });
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
  const quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run", "--disable-quic", "--disable-gpu", "--disable-dev-shm-usage"];
  const sandbox = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  return chromium.launch({ executablePath: CHROMIUM, args: [...sandbox, ...quiet] });
}

/** A page that imports the installed package by its name, as any page with an import map. */
export const PAGE = `<!doctype html>
<meta charset="utf-8">
<title>A page with tautline</title>
<script type="importmap">{ "imports": { "tautline": "/node_modules/tautline/index.js" } }</script>
<script type="module">
  globalThis.tautline = await import("tautline");
  document.title = "ready";
</script>`;

export function read(file) {
  return readFileSync(path.join(ROOT, file), "utf8");
}
