// The entry `tautline/server`: durable sessions on a server of `ws`.

import { ServerSessions } from "./server/ws.js";

export { TautlineError } from "./errors.js";

export function durable(wss, options) {
  return new ServerSessions(wss, options);
}
