// `tautline/slim` has the face of `tautline`, and takes its wasm from anywhere.

import { connect as other, TautlineError as Other } from "tautline";
import { connect, init, TautlineError, type Socket } from "tautline/slim";
import wasm from "tautline/tautline.wasm";

const same: typeof other = connect;
const error: Other = new TautlineError("wasm", "no luck", { cause: same });
connect<string>("/") satisfies Socket<string>;

const nothing: void = await init();
for (const source of ["/x.wasm", new URL("https://example.com/x.wasm"), fetch("/"), await fetch("/"), wasm]) {
  await init(source);
}
await init(await WebAssembly.compileStreaming(fetch("/")));
console.log(nothing, error);
