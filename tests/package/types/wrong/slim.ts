// Mistakes with `tautline/slim` and `tautline/tautline.wasm`.

import { init } from "tautline/slim";
import wasm from "tautline/tautline.wasm";

// wasm from a number → '1' is not assignable to parameter of type 'WasmSource
await init(1);
// wasm from bytes → is not assignable to parameter of type 'WasmSource
await init(new Uint8Array());
// wasm from a promise of bytes → is not assignable to parameter of type 'WasmSource
await init(fetch("/").then((answer) => answer.arrayBuffer()));
// wasm used as something else → Property 'toFixed' does not exist
wasm.toFixed();
