// What would go to the registry: the tarball's content, its package.json, and what two independent checkers say of it.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import ts from "typescript";
import { installPackage } from "./project.mjs";

const MODULES = path.join(import.meta.dirname, "node_modules");
const PAGE_ENTRIES = [".", "./slim", "./streams", "./websocket", "./react"];
const SERVER_ENTRIES = ["./server", "./server/deno", "./server/bun"];
const ENTRIES = [...PAGE_ENTRIES, ...SERVER_ENTRIES, "./tautline.wasm", "./package.json"];
/** For people. */
const TEXTS = ["LICENSE-APACHE", "LICENSE-MIT", "PROTOCOL.md", "README.md"];

let installed, folder, manifest, tarball;

before(() => {
  installed = installPackage();
  folder = path.join(installed.project, "node_modules/tautline");
  tarball = path.join(installed.project, "tautline.tgz");
  manifest = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8"));
});

after(() => installed?.remove());

const text = (file) => readFileSync(path.join(folder, file), "utf8");

/** The files that an entry, or one of its conditions, leads to. */
function targets(entry) {
  return typeof entry === "string" ? [path.normalize(entry)] : Object.values(entry).flatMap(targets);
}

/** The files of the package that this one names; `packages` collects the names of others. */
function imports(file, packages) {
  if (!/\.[jt]s$/.test(file)) return [];
  const named = ts.preProcessFile(text(file)).importedFiles.map(({ fileName }) => fileName);
  const urls = [...text(file).matchAll(/new URL\("(.*?)", import\.meta\.url\)/g)].map(([, url]) => url);
  return [...named, ...urls].flatMap((name) => {
    if (!name.startsWith(".")) {
      packages.add(name);
      return [];
    }
    const target = path.join(path.dirname(file), name);
    return file.endsWith(".d.ts") ? [target.replace(/\.js$/, ".d.ts")] : [target];
  });
}

/** Every file that entries lead to, and the packages they import. */
function reach(entries = ENTRIES) {
  const packages = new Set();
  const files = new Set(entries.flatMap((entry) => targets(manifest.exports[entry])));
  for (const file of files) {
    assert.ok(existsSync(path.join(folder, file)), `${file} is there`);
    for (const next of imports(file, packages)) files.add(next);
  }
  return { files: [...files], packages: [...packages].sort() };
}

test("the tarball holds what the entries lead to, what people read, and nothing else", () => {
  const packed = execFileSync("tar", ["-tzf", tarball], { encoding: "utf8" }).trim().split("\n");
  const expected = [...reach().files, ...TEXTS].map((file) => `package/${file}`);
  assert.deepEqual(packed.sort(), expected.sort());
  for (const file of TEXTS) assert.ok(text(file).trim().length > 500, `${file} says something`);
});

test("there are the promised entries, each with types", () => {
  assert.deepEqual(Object.keys(manifest.exports), ENTRIES);
  for (const [name, entry] of Object.entries(manifest.exports)) {
    if (name === "./package.json") continue;
    for (const conditions of [entry, entry.workerd ?? entry]) {
      assert.match(conditions.types, /\.d\.ts$/, `${name} has types`);
      assert.equal(Object.keys(conditions).at(-1), "default", `${name} has a default, last`);
    }
  }
  assert.equal(Object.keys(manifest.exports["."])[0], "workerd", "or the default would win");
});

test("entries for pages import nothing but React, and nothing of the server's", () => {
  const { files, packages } = reach(PAGE_ENTRIES);
  assert.deepEqual(packages, ["react"]);
  assert.deepEqual(files.filter((file) => file.startsWith("server")), []);
});

test("entries for servers import nothing but modules of Node that Deno and Bun have, too: not even `ws`", () => {
  const { files, packages } = reach(SERVER_ENTRIES);
  assert.deepEqual(packages, ["node:buffer", "node:events", "node:http", "node:process", "node:stream"]);
  for (const shared of files.filter((file) => !file.startsWith("server"))) {
    const named = new Set();
    imports(shared, named);
    assert.deepEqual([...named], [], `${shared} is for pages, too`);
  }
});

test("package.json: ESM without side effects, no dependencies, no scripts, React and `ws` as optional peers", () => {
  const { type, sideEffects, license, dependencies, scripts } = manifest;
  assert.deepEqual(
    { type, sideEffects, license, dependencies, scripts },
    { type: "module", sideEffects: false, license: "MIT OR Apache-2.0", dependencies: undefined, scripts: undefined },
  );
  assert.match(manifest.engines.node, /^>=\d+$/);
  assert.deepEqual(Object.keys(manifest.peerDependencies), ["react", "ws"]);
  assert.deepEqual(manifest.peerDependenciesMeta, { react: { optional: true }, ws: { optional: true } });
  const modules = readdirSync(path.join(installed.project, "node_modules"), { withFileTypes: true });
  const names = modules.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  assert.deepEqual(names.filter((name) => !name.startsWith(".")), ["tautline"], "nothing is installed with it");
});

test("publint --strict has nothing to say", async () => {
  const { messages, pkg } = await publint({ strict: true, pack: { tarball: readFileSync(tarball).buffer } });
  assert.deepEqual(messages.map((message) => formatMessage(message, pkg)), []);
});

test("attw finds the types of every entry, for ESM", () => {
  const attw = path.join(MODULES, "@arethetypeswrong/cli/dist/index.js");
  const flags = ["--profile", "esm-only", "--format", "ascii", "--no-emoji", "--no-color"];
  const { status, stdout, stderr } = spawnSync(process.execPath, [attw, tarball, ...flags], { encoding: "utf8" });
  assert.equal(status, 0, stdout + stderr);
  for (const entry of ENTRIES) {
    assert.ok(stdout.includes(`"${path.posix.join("tautline", entry)}"`), `${entry} is checked`);
  }
});

test("no module awaits at its top or holds a data: URL", () => {
  const scripts = reach().files.filter((file) => file.endsWith(".js"));
  assert.ok(scripts.length > 10);
  for (const file of scripts) {
    assert.doesNotMatch(text(file), /["'`]data:/, file);
    assert.equal(awaitsAtTop(ts.createSourceFile(file, text(file), ts.ScriptTarget.ESNext)), false, file);
  }
});

function awaitsAtTop(node) {
  if (ts.isAwaitExpression(node) || (ts.isForOfStatement(node) && node.awaitModifier)) return true;
  return !ts.isFunctionLike(node) && Boolean(ts.forEachChild(node, awaitsAtTop));
}

test("importing every entry touches nothing of the platform", () => {
  const entries = [...PAGE_ENTRIES, ...SERVER_ENTRIES].filter((entry) => entry !== "./react");
  const program = `
    const touched = new Set();
    for (const name of ["WebAssembly", "WebSocket", "fetch", "setTimeout", "addEventListener", "location"]) {
      const real = globalThis[name];
      const get = () => {
        // The runtime's own loader may.
        if (new Error().stack.includes("node_modules/tautline")) touched.add(name);
        return real;
      };
      Object.defineProperty(globalThis, name, { get });
    }
    const { connect } = await import("tautline");
    for (const entry of ${JSON.stringify(entries)}) await import("tautline" + entry.slice(1));
    const atImport = [...touched];
    await connect("ws://127.0.0.1/").close();
    console.log(JSON.stringify({ atImport, atConnect: [...touched] }));`;
  const { status, stdout, stderr } = spawnSync(
    path.join(MODULES, "node22/bin/node"),
    ["--input-type=module", "-e", program],
    { cwd: installed.project, encoding: "utf8" },
  );
  assert.equal(status, 0, stderr);
  const { atImport, atConnect } = JSON.parse(stdout);
  assert.deepEqual(atImport, []);
  assert.ok(atConnect.includes("WebAssembly"), "it would have been seen");
});
