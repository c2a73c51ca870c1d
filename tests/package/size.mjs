// What the package costs a page, over the wire: each entry bundled and minified, as an application's bundler would, then
// compressed as servers do. `cargo xtask size` prints the table; size.test.mjs holds it against the budget.

import { buildSync } from "esbuild";
import { readFileSync } from "node:fs";
import path from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";

/** At most so many bytes, compressed with brotli: what a page has to load before its first socket. */
export const BUDGET = { slim: 20_000, tautline: 22_000 };

const WASM = "tautline.wasm";
const ENTRIES = {
  tautline: `export * from "./index.js"`,
  "tautline/slim": `export * from "./slim.js"`,
  "tautline/websocket": `export { default } from "./websocket.js"`,
  "tautline/streams": `export * from "./streams.js"`,
  "tautline/react": `export * from "./react.js"`,
  "for workerd": `export * from "./workerd.js"; export { default } from "./workerd.js"`,
};
const PARTS = {
  "face, without the wasm": [`export * from "./index.js"`, "./bytes.js"],
};

/** Rows of { name, raw, gzip, brotli }, in bytes. */
export function measure(pkg) {
  const bundle = (contents, ...external) =>
    buildSync({
      stdin: { contents, resolveDir: pkg },
      bundle: true,
      minify: true,
      format: "esm",
      target: "es2022",
      external: ["react", "*.wasm", ...external],
      legalComments: "none",
      write: false,
    }).outputFiles[0].contents;
  const rows = [row(WASM, readFileSync(path.join(pkg, WASM)))];
  for (const [name, entry] of Object.entries({ ...PARTS, ...ENTRIES })) rows.push(row(name, bundle(...[entry].flat())));
  const [wasm, slim] = [WASM, "tautline/slim"].map((wanted) => rows.find(({ name }) => name === wanted));
  const sum = (key) => wasm[key] + slim[key];
  rows.push({ name: "slim, with its wasm", raw: sum("raw"), gzip: sum("gzip"), brotli: sum("brotli") });
  return rows;
}

/** What the budget is about: { slim, tautline }, in bytes of brotli. */
export function spent(rows) {
  const brotli = (wanted) => rows.find(({ name }) => name === wanted).brotli;
  return { slim: brotli("slim, with its wasm"), tautline: brotli("tautline") };
}

function row(name, bytes) {
  return { name, raw: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length, brotli: brotliCompressSync(bytes).length };
}

function table(rows) {
  const kilobytes = (bytes) => (bytes / 1000).toFixed(1).padStart(9);
  const lines = rows.map(({ name, raw, gzip, brotli }) => name.padEnd(28) + kilobytes(raw) + kilobytes(gzip) + kilobytes(brotli));
  return [`${"kB, minified".padEnd(28)}${["raw", "gzip", "brotli"].map((word) => word.padStart(9)).join("")}`, ...lines].join("\n");
}

if (process.argv[1] === import.meta.filename) {
  const rows = measure(process.argv[2]);
  console.log(table(rows));
  for (const [name, bytes] of Object.entries(spent(rows))) {
    const share = `${((bytes / BUDGET[name]) * 100).toFixed(0)} % of its budget of ${BUDGET[name] / 1000} kB of brotli`;
    console.log(`${name}: ${share}${bytes > BUDGET[name] ? ": TOO MUCH" : ""}`);
    if (bytes > BUDGET[name]) process.exitCode = 1;
  }
}
