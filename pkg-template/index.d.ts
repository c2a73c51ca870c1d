// The entry `tautline`: the wasm is inlined, and there is nothing to configure.

export { TautlineError } from "./errors.js";
export type { ErrorCode } from "./errors.js";
export type {
  Attempt,
  Bytes,
  BytesSource,
  Codec,
  CodecName,
  Heartbeat,
  Inbox,
  Options,
  Outbox,
  Reconnect,
  UrlSource,
} from "./options.js";
export { connect } from "./socket.js";
export type {
  CloseInfo,
  DisconnectEvent,
  Listener,
  ListenerOptions,
  OpenEvent,
  SessionLostEvent,
  Socket,
  SocketCloseEvent,
  SocketErrorEvent,
  SocketEventMap,
  SocketMessageEvent,
  State,
  StateChangeEvent,
  Stats,
} from "./socket.js";
