// The entry `tautline`: wasm inlined, nothing to configure, nothing done at import.

import { load } from "./inlined.js";
import { Socket } from "./socket.js";

export { TautlineError } from "./errors.js";

export function connect(url, options) {
  return new Socket(load, url, options);
}
