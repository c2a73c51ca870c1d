// A socket of `ws` and the SessionSocket of a durable session, side by side. A scenario runs with a client of a bare `ws`
// server, with a plain client of a durable server, and with a durable client of the same one, and says in plain values
// what it saw; what it sees at the bare server is the expectation.

import assert from "node:assert/strict";
import { once } from "node:events";
import path from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import WebSocket, { WebSocketServer } from "ws";
import { within } from "./conversation.mjs";
import { installPackage } from "./project.mjs";
import { connect } from "./sessions/client.mjs";
import { shortly } from "./sessions/payloads.mjs";

const PATIENCE = 20_000;

/** What a socket of `ws` may ever emit. */
const TYPES = ["open", "message", "ping", "pong", "error", "close", "upgrade", "redirect", "unexpected-response"];

/** A `ws` server on a free port of this machine. */
async function startWebSocketServer(options) {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", ...options });
  await once(server, "listening");
  return server;
}

const addressOf = (server) => `ws://127.0.0.1:${server.address().port}`;

/** Resolves when it is closed; unlike `once`, whatever errors there are. */
export const closed = (emitter) => new Promise((resolve) => emitter.once("close", resolve));

/**
 * The client's end, the same for a plain and a durable one: what it received, as lines, and how it ended. A durable one
 * may lose its session instead, and then has another.
 */
class PlainVisitor {
  received = [];
  #ws;

  constructor(url, { protocols }, look) {
    this.#ws = new WebSocket(url, protocols, { perMessageDeflate: false });
    this.opened = once(this.#ws, "open");
    this.closed = new Promise((resolve) => {
      this.#ws.on("close", (code, reason) => resolve({ code, reason: reason.toString() }));
    });
    this.outcome = this.closed;
    this.#ws.on("message", (data, isBinary) => {
      this.received.push(shortly(isBinary ? data : data.toString()));
      look();
    });
    this.#ws.on("error", () => {});
  }

  get protocol() {
    return this.#ws.protocol;
  }

  send(data) {
    this.#ws.send(data);
  }

  /** It takes all that comes from the beginning. */
  take() {}

  /** Whatever the server says it takes. */
  sendUnchecked(data) {
    this.send(data);
  }

  /** All of them in one piece on the wire. */
  sendTogether(...payloads) {
    const { _socket: socket } = this.#ws;
    socket.cork();
    for (const payload of payloads) this.send(payload);
    socket.uncork();
  }

  ping() {
    this.#ws.ping();
  }

  close(code, reason) {
    this.#ws.close(code, reason);
    return this.closed;
  }

  /** Breaks the connection. */
  drop() {
    this.#ws.terminate();
  }
}

class DurableVisitor {
  received = [];
  /** The independent client. */
  client;
  #look;
  #takes = false;

  /** `takes`: whatever comes is taken. `returns` is waited for before it comes back from a lost connection. */
  constructor(url, { protocols = [], takes = true, returns, ...options }, look) {
    const address = async (attempt) => {
      if (attempt > 1) await returns;
      return url;
    };
    this.client = connect(address, { protocols, ...options });
    this.opened = this.client.opened;
    this.closed = this.client.closed.then(({ code, reason }) => ({ code, reason }));
    this.outcome = new Promise((resolve) => {
      this.client.once("sessionlost", () => resolve("its session is lost"));
      this.closed.then(resolve);
    });
    this.#look = look;
    if (takes) this.take();
  }

  get protocol() {
    return this.client.protocol;
  }

  /** Takes all that comes from now on. */
  async take() {
    if (this.#takes) return;
    this.#takes = true;
    for await (const message of this.client) {
      this.received.push(shortly(message));
      this.#look();
    }
  }

  send(data) {
    const sent = this.client.send(data);
    // What still waits when the session ends is no matter.
    sent.catch(() => {});
    return sent;
  }

  sendUnchecked(data) {
    this.client.outbox.maxMessage = Infinity;
    this.send(data);
  }

  sendTogether(...payloads) {
    for (const payload of payloads) this.send(payload);
  }

  /** A PING of the session. */
  ping() {
    this.client.link.ping();
  }

  close(code, reason, options) {
    return this.client.close(code, reason, options);
  }

  drop() {
    this.client.drop();
  }
}

const VISITORS = { bare: PlainVisitor, plain: PlainVisitor, durable: DurableVisitor };

/** The tools of one run of a scenario. */
class Kit {
  log = [];
  side;
  /** The server of `ws`, or the sessions over one: what an application has in its hands. */
  server;
  #url;
  #waits = new Set();
  #visitors = [];
  #sockets = [];

  constructor(side, server, url) {
    this.side = side;
    this.server = server;
    this.#url = url;
  }

  /** Writes an entry of the scenario's own. */
  note(...entry) {
    this.log.push(entry);
    this.look();
  }

  /** Whatever is waited for may have come. */
  look = () => {
    for (const wait of this.#waits) wait();
  };

  /** A client comes: the `client`, and the `path` of its request. Options: `protocols`, and those of a durable visitor. */
  come(options = {}) {
    const path = `/${this.side}-${this.#visitors.length}?x=1`;
    const client = new VISITORS[this.side](this.#url + path, options, this.look);
    this.#visitors.push(client);
    return { client, path };
  }

  /**
   * The same; `socket` is the server's end of it, `request` what it came with. `prepare(socket, request)` runs inside of
   * the server's own event, before anything can arrive.
   */
  async visit(prepare = () => {}, options) {
    const { client, path } = this.come(options);
    const met = new Promise((resolve, reject) => {
      const greet = (socket, request) => {
        if (request.url !== path) return;
        this.server.off("connection", greet);
        this.#sockets.push(socket);
        try {
          prepare(socket, request);
          resolve({ socket, request });
        } catch (error) {
          reject(error);
        }
      };
      this.server.on("connection", greet);
    });
    const [meeting] = await within(PATIENCE, "a connection", Promise.all([met, client.opened]));
    return { ...meeting, client };
  }

  /** The same, and every event of the socket is written down with its arguments and readyState. */
  watched(prepare = () => {}, options) {
    return this.visit((socket, request) => {
      for (const type of TYPES) socket.on(type, (...args) => this.note(type, socket.readyState, ...args));
      prepare(socket, request);
    }, options);
  }

  /** How often an event was written down. */
  seen(type) {
    return this.log.filter(([first]) => first === type).length;
  }

  /** Resolves once an event was written down so often. */
  until(type, count = 1) {
    return this.untilTrue(() => this.seen(type) >= count, `${count} × ${type}`);
  }

  untilTrue(isTrue, what) {
    if (isTrue()) return undefined;
    const wait = {};
    const done = new Promise((resolve) => {
      wait.look = () => isTrue() && resolve();
      this.#waits.add(wait.look);
    });
    return within(PATIENCE, `${what}; saw ${this.log.map(([first]) => first)}`, done).finally(() => {
      this.#waits.delete(wait.look);
    });
  }

  /** What a call gives, or throws. */
  attempt(act) {
    try {
      return act();
    } catch (error) {
      return error;
    }
  }

  /** Resolves once a whole visit is over that began after this was called: what was to come at once has come. */
  async lap() {
    let heard;
    const { client } = await this.visit((socket) => {
      heard = once(socket, "message");
    });
    client.send("lap");
    await heard;
    await client.close(1000);
  }

  /** Ends what is still there. */
  async leave() {
    for (const client of this.#visitors) client.close(1000, "", { timeout: 0 });
    for (const socket of this.#sockets) {
      if (socket.readyState === 3) continue;
      const over = closed(socket);
      socket.resume();
      socket.terminate();
      await within(PATIENCE, "the end of a socket", over);
    }
    await within(PATIENCE, "the clients' ends", Promise.all(this.#visitors.map(({ closed }) => closed)));
  }
}

/** A value as one that can be compared, and reads as what it is. */
async function plain(value) {
  if (value instanceof Error) {
    const { constructor, name, code, message } = value;
    return { error: constructor.name, name, code, message };
  }
  if (Buffer.isBuffer(value)) return `Buffer, ${shortly(value)}`;
  if (value instanceof ArrayBuffer) return `ArrayBuffer, ${shortly(new Uint8Array(value))}`;
  if (value instanceof Blob) return `Blob, ${value.type}, ${shortly(new Uint8Array(await value.arrayBuffer()))}`;
  if (Array.isArray(value)) return Promise.all(value.map(plain));
  if (typeof value === "function") return `function ${value.name}`;
  if (typeof value !== "object" || value === null) return value;
  const entries = await Promise.all(Object.entries(value).map(async ([key, it]) => [key, await plain(it)]));
  return Object.fromEntries(entries);
}

/** Starts both servers, with the package of a project; `ofServer` are the options of both as servers of `ws`. */
export async function startSides(project, options, ofServer) {
  const { durable } = await import(pathToFileURL(path.join(project, "node_modules/tautline/server.js")).href);
  const [bare, wss] = await Promise.all([startWebSocketServer(ofServer), startWebSocketServer(ofServer)]);
  const sessions = durable(wss, options);
  return {
    sessions,
    /** Runs a scenario on one of the sides; its log. */
    async run(side, scenario) {
      const kit = new Kit(side, side === "bare" ? bare : sessions, addressOf(side === "bare" ? bare : wss));
      try {
        await scenario(kit);
      } catch (error) {
        // What goes wrong behind it is no news.
        await kit.leave().catch(() => {});
        throw error;
      }
      const log = [...kit.log];
      await kit.leave();
      return log;
    },
    async stop() {
      sessions.forget();
      for (const server of [bare, wss]) {
        for (const client of server.clients) client.terminate();
        await new Promise((resolve) => server.close(resolve));
      }
    },
  };
}

/** What the tests of a file stand on: the `sides`, and where the package is installed. */
export function useSides(options, ofServer) {
  const stage = {};
  let installed;
  before(async () => {
    installed = installPackage();
    stage.project = installed.project;
    stage.sides = await startSides(stage.project, options, ofServer);
  });
  after(async () => {
    await stage.sides?.stop();
    installed?.remove();
  });
  return stage;
}

/** What a scenario sees on one of the sides. */
export const see = async ({ sides }, side, scenario) => plain(await sides.run(side, scenario));

/** Makes tests that a durable client's socket shows what a plain one's does, and that plain ones are as ever. */
export const sameOnAllSides = (stage) => (name, scenario) =>
  test(name, { timeout: 3 * PATIENCE }, async () => {
    const expected = await see(stage, "bare", scenario);
    assert.ok(expected.length > 0, "the scenario saw something");
    for (const side of ["plain", "durable"]) assert.deepEqual(await see(stage, side, scenario), expected, side);
  });
