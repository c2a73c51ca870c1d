// What tests of `tautline/server` in its own process stand on: for each of them a server of `ws` that is durable, the
// sessions that begin on it, and clients that are told frame by frame what to say.

import assert from "node:assert/strict";
import http from "node:http";
import { test } from "node:test";
import { durable } from "tautline/server";
import { WebSocketServer } from "ws";

import { within } from "../conversation.mjs";
import { openProbe, openSession } from "../sessions/probe.mjs";

const PATIENCE = 20_000;

/** What comes one after the other, for who waits for the next. */
export class Arrivals {
  #items = [];
  #wake = () => {};

  add(item) {
    this.#items.push(item);
    this.#wake();
  }

  async next(what) {
    if (this.#items.length === 0) await within(PATIENCE, what, new Promise((resolve) => (this.#wake = resolve)));
    return this.#items.shift();
  }

  get length() {
    return this.#items.length;
  }
}

class Stage {
  wss;
  sessions;
  url;
  #http = http.createServer();
  #began = new Arrivals();
  #probes = [];

  /** `ws` has more options for the server of `ws`; with `own: false` nobody listens for sessions. */
  async start(options, { ws, own = true } = {}) {
    this.wss = new WebSocketServer({ server: this.#http, ...ws });
    this.sessions = durable(this.wss, options);
    if (own) this.sessions.on("session", (session, request) => this.#began.add({ session, request }));
    await new Promise((resolve) => this.#http.listen(0, "127.0.0.1", resolve));
    this.url = `http://127.0.0.1:${this.#http.address().port}`;
  }

  /** The next session that begins, with the request that began it. */
  began() {
    return this.#began.next("a session");
  }

  /** How many began that nobody has asked for. */
  get beganMore() {
    return this.#began.length;
  }

  /** A connection that has said nothing yet. */
  async connect({ path = "/", ...options } = {}) {
    const probe = await openProbe(this.url + path, options);
    this.#probes.push(probe);
    return probe;
  }

  /** A connection whose HELLO is welcome. */
  async greet(hello, { path = "/", ...options } = {}) {
    const probe = await openSession(this.url + path, hello, options);
    this.#probes.push(probe);
    return probe;
  }

  /** A new session from both sides: { probe, session, request }. */
  async open(hello, options) {
    const probe = await this.greet(hello, options);
    return { probe, ...(await this.began()) };
  }

  /** The code of the close that answers a HELLO. */
  async refusal(hello, options) {
    const probe = await this.connect(options);
    probe.hello(hello);
    const code = await probe.code();
    assert.deepEqual(probe.frames, [], "nothing else is said");
    return code;
  }

  /** The first frame that answers a HELLO. */
  async answer(hello, options) {
    const probe = await this.connect(options);
    probe.hello(hello);
    return probe.until();
  }

  stop() {
    this.sessions?.forget();
    for (const client of [...this.#probes.map(({ ws }) => ws), ...(this.wss?.clients ?? [])]) client.terminate();
    this.wss?.close();
    this.#http.close();
    this.#http.closeAllConnections();
  }
}

/** A test with a server of its own. */
export function serverTest(name, options, run, more) {
  test(name, { timeout: 2 * PATIENCE }, async () => {
    const stage = new Stage();
    try {
      await stage.start(options, more);
      await run(stage);
    } finally {
      stage.stop();
    }
  });
}

/** What a promise rejects with. */
export async function failureOf(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("it did not reject");
}

/** The warnings of the process while something runs, which are not printed then. */
export async function gatherWarnings(run) {
  const warnings = [];
  const printers = process.listeners("warning");
  process.removeAllListeners("warning");
  process.on("warning", ({ message }) => warnings.push(message));
  try {
    await run();
    // They come in a later turn.
    await new Promise(setImmediate);
  } finally {
    process.removeAllListeners("warning");
    for (const printer of printers) process.on("warning", printer);
  }
  return warnings;
}

/** What is emitted next, as the array of its arguments. */
export function emitted(emitter, name) {
  return within(PATIENCE, `"${name}"`, new Promise((resolve) => emitter.once(name, (...args) => resolve(args))));
}

export const text = (seq, ...messages) => ({ type: "text", seq, messages });
