// One bare connection that speaks frames and keeps no rule by itself: for tests that say exactly what goes out, and
// look at exactly what comes back.

import WebSocket from "ws";

import { within } from "../conversation.mjs";
import { decode, encode, PROTOCOL } from "./wire.mjs";

const PATIENCE = 20_000;

/** Opens a WebSocket; rejects where the server refuses it. */
export async function openProbe(url, { origin, protocols = [PROTOCOL] } = {}) {
  const ws = new WebSocket(url.replace(/^http/, "ws"), protocols, { origin });
  const probe = new Probe(ws);
  const opened = new Promise((resolve, reject) => {
    ws.once("open", resolve);
    ws.once("unexpected-response", (_, response) => {
      ws.terminate();
      reject(new Error(`refused with ${response.statusCode}`));
    });
    ws.once("error", reject);
  });
  await within(PATIENCE, "a WebSocket", opened);
  return probe;
}

/** A connection with a session on it: the HELLO is said, and `welcome` is the answer. */
export async function openSession(url, hello, options) {
  const probe = await openProbe(url, options);
  probe.hello(hello);
  const welcome = await probe.until("welcome");
  return Object.assign(probe, { welcome });
}

export class Probe {
  ws;
  /** Resolves with { code, reason }. */
  closed;
  /** What has come, and no one has looked at yet. */
  frames = [];
  welcome = null;
  #wake = () => {};
  #isClosed = false;

  constructor(ws) {
    this.ws = ws;
    ws.on("error", () => {});
    ws.on("message", (data, isBinary) => {
      this.frames.push(decode(data, isBinary));
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

  hello(fields = {}) {
    const hello = { token: "", taken: 0, limit: 1024, attempt: 1, maxMessage: 1 << 20, protocols: [] };
    this.send({ type: "hello", ...hello, ...fields });
  }

  /** Ends the session, and with it the connection. */
  async bye(code = 1000, reason = "") {
    this.send({ type: "bye", code, reason });
    this.ws.close(1000);
    await this.code();
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

  /** The next `count` messages, whatever else comes in between. */
  async messages(count) {
    const messages = [];
    while (messages.length < count) messages.push(...((await this.until()).messages ?? []));
    return messages;
  }

  /** The code that the server closes with. */
  async code() {
    return (await within(PATIENCE, "a close", this.closed)).code;
  }

  stop() {
    this.ws.terminate();
  }
}
