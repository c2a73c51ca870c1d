// The entry `tautline/server/bun`: durable sessions on the server of Bun.

import { Buffer } from "node:buffer";

import { offersSession, PROTOCOL } from "./door.js";
import { DOOR, Sessions } from "./sessions.js";

export { TautlineError } from "../errors.js";

/** Bun's own default for frames, and for what a connection holds before it throws away what is sent, in bytes. */
const MOST = 16 * 2 ** 20;

export function durable(options) {
  return new BunSessions(options);
}

class BunSessions extends Sessions {
  upgrade(request, server) {
    if (!offersSession(request.headers.get("sec-websocket-protocol"))) return false;
    const origin = request.headers.get("origin") ?? undefined;
    const admitted = this[DOOR].admit(request, origin, server.requestIP(request)?.address);
    if (!(admitted instanceof Promise)) return this.#accept(admitted, request, server);
    return admitted.then((admitted) => this.#accept(admitted, request, server));
  }

  get websocket() {
    return this.websocketWith({ maxPayloadLength: 0 });
  }

  websocketWith(handlers) {
    const of = (socket) => (socket.data instanceof Transport ? socket.data : undefined);
    return {
      ...handlers,
      // It could leak the token.
      perMessageDeflate: false,
      maxPayloadLength: Math.max(handlers.maxPayloadLength ?? MOST, this[DOOR].maxFrame),
      backpressureLimit: Math.max(handlers.backpressureLimit ?? MOST, MOST),
      open: (socket) => (of(socket) ? of(socket).open(socket) : handlers.open?.(socket)),
      message: (socket, data) => (of(socket) ? of(socket).receive(data) : handlers.message?.(socket, data)),
      drain: (socket) => (of(socket) ? of(socket).link.drained() : handlers.drain?.(socket)),
      ping: (socket, data) => (of(socket) ? of(socket).link.alive() : handlers.ping?.(socket, data)),
      pong: (socket, data) => (of(socket) ? of(socket).link.alive() : handlers.pong?.(socket, data)),
      close: (socket, code, reason) =>
        of(socket) ? of(socket).end(code, reason) : handlers.close?.(socket, code, reason),
    };
  }

  #accept(admitted, request, server) {
    const door = this[DOOR];
    const data = new Transport(door.maxFrame, (transport) => door.connect(transport, admitted, request));
    return server.upgrade(request, { data, headers: { "Sec-WebSocket-Protocol": PROTOCOL } });
  }
}

/** A connection as the hub takes it: the `data` of its socket. */
class Transport {
  /** The hub's end of it. */
  link;
  #socket;
  #connect;
  #maxFrame;

  constructor(maxFrame, connect) {
    this.#maxFrame = maxFrame;
    this.#connect = connect;
  }

  get bufferedAmount() {
    return this.#socket.getBufferedAmount();
  }

  send(data) {
    this.#socket.send(data);
  }

  close(code, reason) {
    this.#socket.close(code, reason);
  }

  // What happens on the socket

  open(socket) {
    this.#socket = socket;
    this.link = this.#connect(this);
    this.#connect = undefined;
  }

  receive(data) {
    const isText = typeof data === "string";
    const size = isText ? Buffer.byteLength(data) : data.byteLength;
    if (size > this.#maxFrame) {
      this.link.broken(1009, "Received too big message");
      this.#socket.close(1009);
    } else if (isText) this.link.text(data, size);
    else this.link.binary(data);
  }

  end(code, reason) {
    const refusal = code === 1006 ? refused(reason) : undefined;
    if (refusal) this.link.broken(refusal, reason);
    this.link.closed(code, reason);
  }
}

/** The close code for what Bun refuses to read, by its words; undefined where the connection is lost. */
function refused(reason) {
  if (reason === "Received too big message") return 1009;
  if (reason === "Received invalid UTF-8") return 1007;
  return /^Received (?!TCP)/.test(reason) ? 1002 : undefined;
}
