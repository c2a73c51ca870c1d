import type { WasmSource } from "./slim.js";

/**
 * What your bundler or runtime makes of the import of a `.wasm` file: a URL, or, in workerd, the compiled module.
 * Either is for `init` of `tautline/slim`.
 *
 * @example
 * ```ts
 * import { init } from "tautline/slim";
 * import wasm from "tautline/tautline.wasm";
 *
 * init(wasm);
 * ```
 */
declare const wasm: Exclude<WasmSource, URL | Response | Promise<Response>>;
export default wasm;
