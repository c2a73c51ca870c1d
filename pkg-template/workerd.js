// The entry for workerd (Cloudflare Workers), by the condition of that name. Nothing is compiled there at run time: wasm is
// imported as a compiled module. It serves `tautline` and, by its default export, `tautline/websocket`.

import { instantiate } from "./engine.js";
import { Socket } from "./socket.js";
import { tautSocketClass } from "./tautsocket.js";
import module from "./tautline.wasm";

export { TautlineError } from "./errors.js";

const load = () => instantiate(() => module);

export function connect(url, options) {
  return new Socket(load, url, options);
}

export default tautSocketClass(load);
