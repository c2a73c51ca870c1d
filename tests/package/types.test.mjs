// The types of every entry: the files in types/right must compile, each mistake in types/wrong must not, and the
// examples in the documentation must. One run of the compiler for each kind of platform; Deno has one of its own.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import ts from "typescript";
import { installPackage } from "./project.mjs";

const TYPES = path.join(import.meta.dirname, "types");
const MODULES = path.join(import.meta.dirname, "node_modules");
const DOM = ["es2022", "dom", "dom.iterable", "dom.asynciterable"];
/** What a platform has, and which files are for it; the browser's are those that no other has for itself. */
const PLATFORMS = {
  browser: { lib: DOM, files: ["right/entries.ts", "left_out.d.ts"] },
  node: {
    lib: ["es2022"],
    types: ["node"],
    files: ["right/entries.ts", "right/node.ts", "right/server.ts", "wrong/server.ts", "left_out_server.d.ts"],
  },
  // In a project that is nowhere near those types.
  "node without the types of ws": { lib: DOM, types: ["node"], files: ["right/untyped_ws.ts", "untyped_ws.d.ts"] },
  bun: { lib: ["es2022"], types: ["node"], files: ["right/bun.ts", "left_out_bun.d.ts"] },
  deno: { files: ["right/deno.ts"] },
  workerd: {
    lib: ["es2022", "webworker"],
    files: ["right/entries.ts", "right/workerd.ts"],
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    customConditions: ["workerd"],
  },
};
const FAR = "node without the types of ws";
/** Whose examples are for which platform; all others are for the browser. */
const EXAMPLES = [[/^server\/deno/, "deno"], [/^server\/bun/, "bun"], [/^server/, "node"], [/./, "browser"]];

const filesIn = (folder) => readdirSync(path.join(TYPES, folder)).map((file) => `${folder}/${file}`);
const right = filesIn("right");
const assigned = new Set(Object.values(PLATFORMS).flatMap(({ files }) => files));
PLATFORMS.browser.files.push(...[...right, ...filesIn("wrong")].filter((file) => !assigned.has(file)));

/** The mistakes in a file: each what it is, the compiler's words, and the lines that it may speak of. */
const mistakes = filesIn("wrong").flatMap((file) => {
  const lines = readFileSync(path.join(TYPES, file), "utf8").split("\n");
  const starts = lines.flatMap((line, index) => (/^ *\/\/ .* → /.test(line) ? [index] : []));
  return starts.map((start, index) => {
    const [, what, words] = /\/\/ (.*) → (.*)/.exec(lines[start]);
    return { what, words, file, from: start + 2, to: starts[index + 1] ?? lines.length };
  });
});

/** Installed packages, near the modules that the tests have and far from them. */
let near, far;
/** The examples in the comments of the package's types: { file, types, platform }. */
let documented;
/** What the compiler says: { platform, file, line, text }. */
const complaints = [];

before(() => {
  near = installPackage("types");
  far = installPackage();
  for (const { project } of [near, far]) cpSync(TYPES, project, { recursive: true });
  documented = examples(near.project);
  for (const platform of Object.keys(PLATFORMS)) if (platform !== "deno") compile(platform);
});

after(() => {
  near?.remove();
  far?.remove();
});

/** All files for a platform. */
function filesFor(platform) {
  const ofExamples = documented.filter((example) => example.platform === platform);
  return [...PLATFORMS[platform].files, ...ofExamples.map(({ file }) => file)];
}

/** Writes the examples of the package's types as files of their own. */
function examples(project) {
  const folder = path.join(project, "node_modules/tautline");
  return readdirSync(folder, { recursive: true }).filter((file) => file.endsWith(".d.ts")).flatMap((types) => {
    const text = readFileSync(path.join(folder, types), "utf8");
    const [, platform] = EXAMPLES.find(([names]) => names.test(types));
    return [...text.matchAll(/^ *\* ```tsx?\n([^]*?)^ *\* ```$/gm)].map(({ index, 1: lines }) => {
      const file = `${types.replace("/", " ")} line ${text.slice(0, index).split("\n").length}.tsx`;
      writeFileSync(path.join(project, file), `${lines.replaceAll(/^ *\* ?/gm, "")}\nexport {};\n`);
      return { file, types, platform };
    });
  });
}

function compile(platform) {
  const { project } = platform === FAR ? far : near;
  const { lib, files: _, ...more } = PLATFORMS[platform];
  const files = filesFor(platform);
  const program = ts.createProgram(files.map((file) => path.join(project, file)), {
    strict: true,
    noEmit: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    jsx: ts.JsxEmit.ReactJSX,
    types: [],
    typeRoots: [path.join(MODULES, "@types")],
    lib: lib.map((name) => `lib.${name}.d.ts`),
    ...more,
  });
  for (const file of files) assert.ok(program.getSourceFile(path.join(project, file)), `${file} is there`);
  // Whatever others' types are like.
  const own = program.getSourceFiles().filter(({ fileName }) => fileName.startsWith(project));
  const ofFiles = own.flatMap((file) => [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)]);
  const found = [...program.getOptionsDiagnostics(), ...program.getGlobalDiagnostics(), ...ofFiles];
  for (const { file, start, messageText } of found) {
    complaints.push({
      platform,
      file: file ? path.relative(project, file.fileName) : "",
      line: file ? file.getLineAndCharacterOfPosition(start).line + 1 : 0,
      text: ts.flattenDiagnosticMessageText(messageText, "\n"),
    });
  }
}

const about = (isMeant) =>
  complaints.filter(isMeant).map(({ platform, file, line, text }) => `${platform}, ${file}:${line}: ${text}`);
const within = (it, { file, from, to }) => it.file === file && it.line >= from && it.line <= to;

test("the package's own types have no fault, on any platform", () => {
  assert.deepEqual(about(({ file }) => file === "" || file.startsWith("node_modules/tautline/")), []);
});

describe("what is right compiles:", () => {
  const compiled = right.filter((file) => !PLATFORMS.deno.files.includes(file));
  for (const file of compiled) test(file, () => assert.deepEqual(about((it) => it.file === file), []));

  test("in Deno, with its own types, the examples included", () => {
    const { status, stderr } = spawnSync(
      path.join(MODULES, ".bin/deno"),
      ["check", "--no-remote", ...filesFor("deno")],
      { cwd: near.project, encoding: "utf8", env: { ...process.env, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" } },
    );
    assert.equal(status, 0, stderr);
  });
});

describe("what is wrong does not compile:", () => {
  for (const mistake of mistakes) {
    test(`${mistake.file}: ${mistake.what}`, () => {
      const found = about((it) => within(it, mistake));
      const isThere = found.some((text) => text.includes(mistake.words));
      assert.ok(isThere, `${JSON.stringify(mistake.words)} should be in ${found.join("\n") || "no complaint at all"}`);
    });
  }

  test("and nothing else in those files is wrong", () => {
    const isMistake = (it) => mistakes.some((mistake) => within(it, mistake));
    assert.deepEqual(about((it) => it.file.startsWith("wrong/") && !isMistake(it)), []);
  });
});

test("every example in the documentation of the types compiles", () => {
  assert.deepEqual(about((it) => documented.some(({ file }) => file === it.file)), []);
  const withExample = new Set(documented.map(({ types }) => types));
  const page = ["errors", "options", "react", "slim", "socket", "streams", "tautline.wasm", "websocket"];
  const server = ["server", ...["options", "session", "sessions", "socket", "deno", "bun"].map((name) => `server/${name}`)];
  for (const name of [...page, ...server]) assert.ok(withExample.has(`${name}.d.ts`), `${name}.d.ts has an example`);
});
