// The entry `tautline/slim`: as `tautline`, with the wasm in a file of its own, which is fetched and compiled as it
// arrives.

export * from "./index.js";

// Without the DOM's types there is no name for it.
type PlatformModule = typeof globalThis extends { WebAssembly: { Module: { prototype: infer M } } } ? M : unknown;

// The platform's has no members, so anything would do; a number, a promise or bytes must not.
type WasmModule = PlatformModule & object & { readonly then?: never; readonly byteLength?: never };

/** Where `tautline.wasm` is, what a server answers when asked for it, or what it compiles to. */
export type WasmSource = string | URL | Response | Promise<Response> | WasmModule;

/**
 * Says where the wasm is, and begins to load it. Optional: without it, the first `connect` loads `tautline.wasm` from
 * beside this module, which is where a plain page and most bundlers have it. The first load wins; call it before
 * `connect`. The load has no time limit but the browser's, and after one that failed the next socket tries again. Node's
 * `fetch` reads no files: give it the compiled module there.
 *
 * @param source a URL, a `Response` or a promise of one (with `fetch` options of your own), or a compiled module.
 * @default the URL of `tautline.wasm` beside this module
 * @returns Resolves when sockets can run. Rejects where they can't, as they will, too (code `wasm`); nobody has to
 * await it.
 * @example
 * ```ts
 * import { connect, init } from "tautline/slim";
 * import url from "tautline/tautline.wasm?url"; // Vite; other bundlers have words of their own
 *
 * init(url);
 * const socket = connect("/chat");
 * ```
 */
export function init(source?: WasmSource): Promise<void>;
