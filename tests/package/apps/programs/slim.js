// The entry `tautline/slim` in a program: a runtime that can't fetch files gives the module it has compiled.

import { readFile } from "node:fs/promises";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { connect, init } from "tautline/slim";
import { talk } from "../talk.js";

const file = fileURLToPath(import.meta.resolve("tautline/tautline.wasm"));
init(await WebAssembly.compile(await readFile(file)));
await talk(connect, process.argv[2], console.log);
