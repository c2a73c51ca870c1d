// What `tautline` and, by its default export, `tautline/websocket` are under the condition `workerd` (Cloudflare
// Workers), where wasm comes compiled.

export * from "./index.js";
export { default } from "./websocket.js";
