// The bundlers, each with as little configuration as it takes. Each builds the application `app` of a project into the
// folder `out`, its page with it, and throws where the bundler so much as warns.

import { execFile } from "node:child_process";
import { copyFileSync, mkdirSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { nodeResolve } from "@rollup/plugin-node-resolve";
import { rspack } from "@rspack/core";
import * as esbuild from "esbuild";
import { rollup } from "rollup";
import * as vite from "vite";
import webpack from "webpack";

const PARCEL = path.join(import.meta.dirname, "node_modules/parcel/lib/bin.js");

function complain(warning) {
  throw new Error(typeof warning === "string" ? warning : warning.message);
}

function viteConfig(root) {
  const logger = { ...vite.createLogger("silent"), warn: complain, warnOnce: complain, error: complain };
  return { root, configFile: false, logLevel: "silent", customLogger: logger };
}

/** A bundler that knows scripts only: from main.js to main.js, and the page as it is. */
function ofScripts(bundle) {
  return async (project, app, out) => {
    const source = path.join(project, app);
    mkdirSync(out, { recursive: true });
    await bundle(project, path.join(source, "main.js"), path.join(out, "main.js"));
    copyFileSync(path.join(source, "index.html"), path.join(out, "index.html"));
  };
}

/** webpack, or Rspack, whose interface is the same. */
function likeWebpack(pack) {
  return ofScripts(async (project, entry, script) => {
    const output = { path: path.dirname(script), filename: path.basename(script) };
    const compiler = pack({ mode: "production", context: project, entry, output });
    const stats = await promisify(compiler.run.bind(compiler))();
    await promisify(compiler.close.bind(compiler))();
    if (stats.hasErrors() || stats.hasWarnings()) complain(stats.toString("errors-warnings"));
  });
}

function withEsbuild(format) {
  return ofScripts(async (project, entry, script) => {
    const { warnings } = await esbuild.build({
      absWorkingDir: project,
      entryPoints: [entry],
      outfile: script,
      bundle: true,
      minify: true,
      format,
      logLevel: "silent",
    });
    if (warnings.length > 0) complain((await esbuild.formatMessages(warnings, { kind: "warning" })).join(""));
  });
}

/** By its command: it keeps threads of its own. */
async function buildWithParcel(project, app, out) {
  const page = path.join(project, app, "index.html");
  const folders = ["--dist-dir", out, "--cache-dir", path.join(project, ".parcel-cache"), "--public-url", "./"];
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    [PARCEL, "build", page, ...folders, "--no-autoinstall", "--log-level", "warn"],
    { cwd: project, timeout: 100_000 },
  );
  if (stdout + stderr) complain(stdout + stderr);
}

export const bundlers = {
  async Vite(project, app, out) {
    await vite.build({ ...viteConfig(path.join(project, app)), base: "./", build: { outDir: out, emptyOutDir: true } });
  },
  webpack: likeWebpack(webpack),
  Rspack: likeWebpack(rspack),
  Rollup: ofScripts(async (_project, entry, script) => {
    const bundle = await rollup({ input: entry, plugins: [nodeResolve({ browser: true })], onwarn: complain });
    await bundle.write({ file: script, format: "es" });
    await bundle.close();
  }),
  esbuild: withEsbuild("esm"),
  Parcel: buildWithParcel,
};

/** A bundle for a classic script. */
export const buildClassic = withEsbuild("iife");

/** Vite's development server for some applications of a project; its address, and a way to stop it. */
export async function startViteServer(project, apps) {
  const server = await vite.createServer({
    ...viteConfig(project),
    server: { host: "127.0.0.1", port: 0 },
    optimizeDeps: { entries: apps.map((app) => `${app}/index.html`) },
  });
  await server.listen();
  const { port } = server.httpServer.address();
  return { url: `http://127.0.0.1:${port}`, stop: () => server.close() };
}
