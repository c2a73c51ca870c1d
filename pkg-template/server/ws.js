// Durable sessions on a server of `ws`. Its upgrades come here first: those of durable clients go to a server of their own,
// which has the settings that sessions need; all others go where they went before.

import { EventEmitter } from "node:events";

import { Clients } from "./clients.js";
import { offersSession, PROTOCOL } from "./door.js";
import { report } from "./hub.js";
import { DOOR, Sessions } from "./sessions.js";
import { Transport } from "./ws_transport.js";

/** How long a closing handshake may take, in ms. */
const CLOSE_TIMEOUT = 3000;
/** What the server tells those who listen for it here. */
const RELAYED = new Set(["connection", "error", "listening", "close", "headers", "wsClientError"]);

/** Servers that are durable. */
const durables = new WeakSet();

export class ServerSessions extends Sessions {
  #wss;
  /** The server of durable clients. */
  #inner;
  #clients;
  /** What takes the upgrades of all others. */
  #upgradePlain;
  #relays = new Map();

  constructor(wss, options) {
    const Server = serverClass(wss);
    if (durables.has(wss)) throw new TypeError("tautline: this server is durable already");
    super(options, (offered, request) => select(wss, offered, request));
    durables.add(wss);
    this.#wss = wss;
    this.#clients = new Clients(super.clients, () => wss.clients);
    this.#upgradePlain = wss.handleUpgrade;
    wss.handleUpgrade = (...upgrade) => this.handleUpgrade(...upgrade);
    this.#inner = new Server({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      // A flood of pings would become a pile of pongs.
      autoPong: false,
      handleProtocols: () => PROTOCOL,
      maxPayload: this[DOOR].maxFrame,
      closeTimeout: CLOSE_TIMEOUT,
    });
    this.#inner.on("headers", (...values) => wss.emit("headers", ...values));
    wss.once("close", () => this.#inner.close());
    this.#relay();
  }

  get clients() {
    return this.#clients;
  }

  get options() {
    return this.#wss.options;
  }

  get path() {
    return this.#wss.path;
  }

  address() {
    return this.#wss.address();
  }

  close(callback) {
    this.#inner.close();
    this.#wss.close(callback);
  }

  shouldHandle(request) {
    return this.#wss.shouldHandle(request);
  }

  handleUpgrade(request, socket, head, callback) {
    const { headers } = request;
    if (!offersSession(headers["sec-websocket-protocol"]) || !this.#wss.shouldHandle(request)) {
      this.#upgradePlain.call(this.#wss, request, socket, head, callback);
      return;
    }
    const origin = headers[headers["sec-websocket-version"] === "8" ? "sec-websocket-origin" : "origin"];
    const admitted = this[DOOR].admit(request, origin, request.socket.remoteAddress);
    if (!(admitted instanceof Promise)) return this.#upgrade(admitted, request, socket, head);
    const release = watch(socket);
    const upgrade = (admitted) => {
      release();
      if (!admitted) socket.destroy();
      else if (!socket.destroyed) this.#upgrade(admitted, request, socket, head);
    };
    this[DOOR].inTime(admitted).then(upgrade).catch(report);
  }

  /** All but what relays the server's events. */
  removeAllListeners(event) {
    for (const name of event === undefined ? this.eventNames() : [event]) {
      if (name !== "newListener" && name !== "removeListener") super.removeAllListeners(name);
    }
    return this;
  }

  #upgrade(admitted, request, socket, head) {
    const [wss, inner] = [this.#wss, this.#inner];
    // Both may change at any time.
    inner.options.verifyClient = wss.options.verifyClient;
    inner.removeAllListeners("wsClientError");
    const pass = (...values) => wss.emit("wsClientError", ...values);
    if (wss.listenerCount("wsClientError") > 0) inner.on("wsClientError", pass);
    try {
      inner.handleUpgrade(request, socket, head, (connection) => {
        const transport = new Transport(connection, socket);
        transport.link = this[DOOR].connect(transport, admitted, request);
      });
    } catch (error) {
      // An option of the server's has failed: the client is not to wait for ever.
      socket.destroy();
      throw error;
    }
  }

  /** As long as somebody listens here: some things a server of `ws` does otherwise where nobody listens. */
  #relay() {
    const wss = this.#wss;
    for (const event of RELAYED) this.#relays.set(event, (...values) => this.emit(event, ...values));
    const isFor = (event) => RELAYED.has(event) && this.listenerCount(event) === 0;
    this.on("newListener", (event) => isFor(event) && wss.on(event, this.#relays.get(event)));
    this.on("removeListener", (event) => isFor(event) && wss.removeListener(event, this.#relays.get(event)));
  }
}

/** The class of `ws` that a server is of, be it by way of one of the application's own. */
function serverClass(wss) {
  const isServer = wss instanceof EventEmitter && wss.options && typeof wss.handleUpgrade === "function";
  if (!isServer) throw new TypeError("tautline: durable takes a WebSocketServer of `ws`");
  let Class = wss.constructor;
  while (Object.getPrototypeOf(Class) !== EventEmitter) Class = Object.getPrototypeOf(Class);
  return Class;
}

/** The subprotocol of a session, as a server of `ws` would select it. */
function select(wss, offered, request) {
  const { handleProtocols } = wss.options;
  const protocol = handleProtocols ? handleProtocols(new Set(offered), request) : offered[0];
  return offered.includes(protocol) ? protocol : "";
}

/** Destroys the socket of a client that leaves, as nobody else looks at it now. Gives what ends that. */
function watch(socket) {
  const destroy = () => socket.destroy();
  // What comes too early stays where it is, but the end is told to readers only.
  const look = () => socket.readableLength === 0 && socket.read(0);
  socket.on("error", destroy).on("end", destroy).on("readable", look);
  return () => socket.off("error", destroy).off("end", destroy).off("readable", look);
}
