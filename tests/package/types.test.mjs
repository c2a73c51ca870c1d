// The types of every entry: the files in types/right must compile, each mistake in types/wrong must not, and the
// examples in the documentation must. One run of the compiler for each kind of platform.

import assert from "node:assert/strict";
import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import ts from "typescript";
import { installPackage } from "./project.mjs";

const TYPES = path.join(import.meta.dirname, "types");
/** What a platform has, and which files are for it alone. */
const PLATFORMS = {
  browser: { lib: ["es2022", "dom", "dom.iterable", "dom.asynciterable"] },
  node: { lib: ["es2022"], types: ["node"] },
  workerd: {
    lib: ["es2022", "webworker"],
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    customConditions: ["workerd"],
  },
};

const filesIn = (folder) => readdirSync(folder).map((file) => path.join(folder, file));
const right = filesIn(path.join(TYPES, "right")).map((file) => path.relative(TYPES, file));

/** The mistakes in a file: each what it is, the compiler's words, and the lines that it may speak of. */
const mistakes = filesIn(path.join(TYPES, "wrong")).flatMap((file) => {
  const lines = readFileSync(file, "utf8").split("\n");
  const starts = lines.flatMap((line, index) => (/^ *\/\/ .* → /.test(line) ? [index] : []));
  return starts.map((start, index) => {
    const [, what, words] = /\/\/ (.*) → (.*)/.exec(lines[start]);
    return { what, words, file: path.relative(TYPES, file), from: start + 2, to: starts[index + 1] ?? lines.length };
  });
});

let installed, documented;
/** What the compiler says: { platform, file, line, text }. */
const complaints = [];

before(() => {
  installed = installPackage("types");
  const { project } = installed;
  cpSync(TYPES, project, { recursive: true });
  documented = examples(path.join(project, "node_modules/tautline"));
  const ofPlatform = (name) => ["right/entries.ts", `right/${name}.ts`];
  const others = right.filter((file) => file !== "right/node.ts" && file !== "right/workerd.ts");
  const wrong = new Set(mistakes.map(({ file }) => file));
  compile("browser", [...others, ...wrong, "left_out.d.ts", ...documented.map(({ file }) => file)]);
  compile("node", ofPlatform("node"));
  compile("workerd", ofPlatform("workerd"));

  /** The examples in the comments of the package's types, as files of their own. */
  function examples(folder) {
    return filesIn(folder).filter((file) => file.endsWith(".d.ts")).flatMap((types) => {
      const text = readFileSync(types, "utf8");
      return [...text.matchAll(/^ *\* ```tsx?\n([^]*?)^ *\* ```$/gm)].map(({ index, 1: lines }) => {
        const file = `${path.basename(types)} line ${text.slice(0, index).split("\n").length}.tsx`;
        writeFileSync(path.join(project, file), `${lines.replaceAll(/^ *\* ?/gm, "")}\nexport {};\n`);
        return { file, types: path.basename(types) };
      });
    });
  }

  function compile(platform, files) {
    const { lib, ...more } = PLATFORMS[platform];
    const program = ts.createProgram(files.map((file) => path.join(project, file)), {
      strict: true,
      noEmit: true,
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.NodeNext,
      jsx: ts.JsxEmit.ReactJSX,
      types: [],
      typeRoots: [path.join(import.meta.dirname, "node_modules/@types")],
      lib: lib.map((name) => `lib.${name}.d.ts`),
      ...more,
    });
    for (const file of files) assert.ok(program.getSourceFile(path.join(project, file)), `${file} is there`);
    for (const { file, start, messageText } of ts.getPreEmitDiagnostics(program)) {
      complaints.push({
        platform,
        file: file ? path.relative(project, file.fileName) : "",
        line: file ? file.getLineAndCharacterOfPosition(start).line + 1 : 0,
        text: ts.flattenDiagnosticMessageText(messageText, "\n"),
      });
    }
  }
});

after(() => installed?.remove());

const about = (isMeant) =>
  complaints.filter(isMeant).map(({ platform, file, line, text }) => `${platform}, ${file}:${line}: ${text}`);
const within = (it, { file, from, to }) => it.file === file && it.line >= from && it.line <= to;

test("the package's own types have no fault, on any platform", () => {
  assert.deepEqual(about(({ file }) => file === "" || file.startsWith("node_modules/tautline/")), []);
});

describe("what is right compiles:", () => {
  for (const file of right) test(file, () => assert.deepEqual(about((it) => it.file === file), []));
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
  for (const name of ["errors", "options", "react", "slim", "socket", "streams", "tautline.wasm", "websocket"]) {
    assert.ok(withExample.has(`${name}.d.ts`), `${name}.d.ts has an example`);
  }
});
