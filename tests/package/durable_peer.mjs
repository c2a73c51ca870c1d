// The server's end of `tautline.v1` as one bare connection that keeps no rule by itself: for tests that say exactly
// what a client gets, and look at exactly what it sends.

import { WebSocketServer } from "ws";

import { within } from "./conversation.mjs";
import { decode, encode, PROTOCOL } from "./sessions/wire.mjs";

const PATIENCE = 20_000;

/** What a WELCOME says where a test does not say otherwise. */
export const WELCOME = {
  resumed: false,
  token: "a-token",
  taken: 0,
  limit: 1024,
  resumeMs: 120_000,
  heartbeatMs: 15_000,
  maxMessage: 1 << 20,
  protocol: "",
};

/**
 * Starts a server whose connections are handed out one after the other by `next()`, to be spoken for by the test.
 * `select` chooses the WebSocket subprotocol of those offered; false for none.
 */
export async function startPeers({ select = () => PROTOCOL } = {}) {
  const peers = [];
  const offers = [];
  let wake = () => {};
  const handleProtocols = (offered) => {
    offers.push([...offered]);
    return select(offered);
  };
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: false, handleProtocols });
  server.on("connection", (ws, { url }) => {
    peers.push(new Peer(ws, url));
    wake();
  });
  await new Promise((resolve) => server.once("listening", resolve));
  let taken = 0;
  return {
    url: `ws://127.0.0.1:${server.address().port}`,
    /** The subprotocols that each upgrade offered. */
    offers,
    /** How many connections there have been. */
    get count() {
      return peers.length;
    },
    /** The next connection that nobody has asked for yet. */
    async next() {
      if (taken === peers.length) {
        await within(PATIENCE, `connection ${taken + 1}`, new Promise((resolve) => (wake = resolve)));
      }
      return peers[taken++];
    },
    /** The next connection, its HELLO read and answered with these fields: `hello` is what it said. */
    async greet(fields) {
      const peer = await this.next();
      await peer.greet(fields);
      return peer;
    },
    stop() {
      for (const { ws } of peers) ws.terminate();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

class Peer {
  ws;
  /** What the upgrade asked for. */
  path;
  hello;
  /** What has come, with each frame's size in bytes, and no one has looked at yet. */
  frames = [];
  /** Resolves with { code, reason }. */
  closed;
  #wake = () => {};
  #isClosed = false;

  constructor(ws, path) {
    this.ws = ws;
    this.path = path;
    ws.on("error", () => {});
    ws.on("message", (data, isBinary) => {
      this.frames.push({ ...decode(data, isBinary), size: data.length });
      this.#wake();
    });
    this.closed = new Promise((resolve) => {
      ws.on("close", (code, reason) => {
        this.#isClosed = true;
        resolve({ code, reason: reason.toString() });
        this.#wake();
      });
    });
  }

  /** A frame as an object, or, as it is, a text or bytes. */
  send(frame) {
    const isRaw = typeof frame === "string" || frame instanceof Uint8Array;
    this.ws.send(isRaw ? frame : encode(frame));
  }

  /** All of them in one piece on the wire, so that nothing comes between. */
  sendTogether(...frames) {
    const { _socket: socket } = this.ws;
    socket.cork();
    for (const frame of frames) this.send(frame);
    socket.uncork();
  }

  ack(taken, limit = taken + 1024) {
    this.send({ type: "ack", taken, limit });
  }

  /** Texts from a position on, each of a single position. */
  texts(seq, ...messages) {
    this.send({ type: "text", seq, messages });
  }

  async greet(fields) {
    this.hello = await this.until("hello");
    this.send({ type: "welcome", ...WELCOME, ...fields });
  }

  /** The next frame; with a type, what comes before one of that type is passed over. */
  async until(type) {
    for (;;) {
      while (this.frames.length > 0) {
        const frame = this.frames.shift();
        if (!type || frame.type === type) return frame;
      }
      if (this.#isClosed) {
        const { code, reason } = await this.closed;
        throw new Error(`closed with ${code} ${reason} instead of a ${type ?? "frame"}`);
      }
      await within(PATIENCE, `a ${type ?? "frame"}`, new Promise((resolve) => (this.#wake = resolve)));
    }
  }

  /** The next frames that carry messages, until they have brought so many. */
  async untilMessages(count) {
    const frames = [];
    for (let rest = count; rest > 0; ) {
      const frame = await this.until();
      if (!frame.messages) continue;
      frames.push(frame);
      rest -= frame.messages.length;
    }
    return frames;
  }

  /** Everything that came until the connection ended, and how it ended. */
  async end() {
    const { code, reason } = await within(PATIENCE, "the end of a connection", this.closed);
    return { code, reason, frames: this.frames.splice(0) };
  }

  /** Ends it as a broken link. */
  cut() {
    this.ws.terminate();
  }

  close(code, reason) {
    this.ws.close(code, reason);
  }
}
