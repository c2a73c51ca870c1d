// The entry `tautline/server/deno`: durable sessions on the server of Deno.

import { Buffer } from "node:buffer";

import { offersSession, PROTOCOL } from "./door.js";
import { DOOR, Sessions } from "./sessions.js";

export { TautlineError } from "../errors.js";

/**
 * How soon it is looked whether connections that hold too much have got on, and how often at least, in ms: there is no
 * event.
 */
const SOON = 5;
const LATE = 80;

export function durable(options) {
  return new DenoSessions(options);
}

class DenoSessions extends Sessions {
  upgrade(request, info) {
    const { headers } = request;
    if (headers.get("upgrade")?.toLowerCase() !== "websocket") return undefined;
    if (!offersSession(headers.get("sec-websocket-protocol"))) return undefined;
    const admitted = this[DOOR].admit(request, headers.get("origin") ?? undefined, info?.remoteAddr?.hostname);
    if (!(admitted instanceof Promise)) return this.#accept(admitted, request);
    const inTime = this[DOOR].inTime(admitted);
    return inTime.then((admitted) => (admitted ? this.#accept(admitted, request) : new Response(null, { status: 503 })));
  }

  #accept(admitted, request) {
    // The platform's own can't be read any more once it is answered.
    const { url, headers } = request;
    const kept = new Request(url, { headers });
    const { socket, response } = Deno.upgradeWebSocket(request, { protocol: PROTOCOL, idleTimeout: 0 });
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      const transport = new Transport(socket, this[DOOR].maxFrame);
      transport.link = this[DOOR].connect(transport, admitted, kept);
    };
    return response;
  }
}

/** Connections that hold too much; one timer looks at all of them, less and less often while nothing else happens. */
const blocked = new Set();
let delay;

function look() {
  for (const transport of blocked) {
    const { link } = transport;
    link.drained();
    if (link.isDone || !link.isBlocked) blocked.delete(transport);
  }
  delay = Math.min(2 * delay, LATE);
  if (blocked.size > 0) setTimeout(look, delay);
}

class Transport {
  /** The hub's end of it. */
  link;
  #socket;

  constructor(socket, maxFrame) {
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#receive(data, maxFrame);
    socket.onerror = ({ message }) => this.#refuse(refused(message), message);
    // Without a closing handshake the code is 0.
    socket.onclose = ({ code, reason }) => this.link.closed(code || 1006, reason);
  }

  get bufferedAmount() {
    return this.#socket.bufferedAmount;
  }

  send(data) {
    this.#socket.send(data);
  }

  close(code, reason) {
    this.#socket.close(code, reason);
  }

  blocked() {
    if (blocked.size === 0) setTimeout(look, SOON);
    blocked.add(this);
    delay = SOON;
  }

  #receive(data, maxFrame) {
    const isText = typeof data === "string";
    const size = isText ? Buffer.byteLength(data) : data.byteLength;
    if (size > maxFrame) return this.#refuse(1009, "Frame too large");
    if (isText) this.link.text(data, size);
    else this.link.binary(new Uint8Array(data));
  }

  #refuse(code, reason) {
    if (code === undefined) return;
    this.link.broken(code, reason);
    this.#socket.close(code, reason);
  }
}

/** The close code for what the platform refuses to read, by its words; undefined where the connection is lost. */
function refused(message) {
  if (message === "Frame too large") return 1009;
  if (message === "Invalid UTF-8") return 1007;
  return /^(Invalid|Reserved|Control|Ping)/.test(message) ? 1002 : undefined;
}
