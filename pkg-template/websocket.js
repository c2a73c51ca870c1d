// The entry `tautline/websocket`: the browser's WebSocket interface, over a connection that comes back. Wasm inlined.

import { load } from "./inlined.js";
import { tautSocketClass } from "./tautsocket.js";

export { TautlineError } from "./errors.js";

export default tautSocketClass(load);
