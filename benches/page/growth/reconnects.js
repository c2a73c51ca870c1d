// The growth `reconnects`: the server closes each connection after one message, and the client comes back, 10,000 times; what one
// reconnect costs, its echo included, and what the page holds, after each thousand. The clients wait for no delay of their own.
//
// Chromium waits ten milliseconds between two connections to the same address and port, which would be most of what is measured.
// So each connection goes through the next of several relays to the one server.

import { connect } from "/pkg/index.js";

import { check, messagesOf } from "../messages.js";
import { openRelay } from "../runner.js";
import { Held } from "./held.js";

const STEPS = 10;
const RELAYS = 16;
const PATH = "/echo?after=1&close=4000";
const messages = messagesOf("json");

export async function grow(client, { quick }, wasmBytes) {
  const relays = await Promise.all(Array.from({ length: RELAYS }, () => openRelay("tautline")));
  try {
    return await growThrough(relays.map(({ url }) => url + PATH), client, quick ? 100 : 1000, wasmBytes);
  } finally {
    await Promise.all(relays.map((relay) => relay.stop()));
  }
}

async function growThrough(urls, client, step, wasmBytes) {
  const { name, isRust, isDurable } = client;
  const urlOf = (number) => urls[number % urls.length];
  const held = new Held(wasmBytes);
  const time = [];
  let start;
  /** Called with 0 when the first connection is gone, and then for each that came after it, once that is gone, too. */
  const count = async (reconnects) => {
    if (reconnects % step !== 0) return;
    if (reconnects > 0) {
      time.push([reconnects, (performance.now() - start) / step]);
      await held.note(reconnects);
    }
    start = performance.now();
  };
  const course = new Course(urlOf, STEPS * step, count);
  if (isRust) await client.wasm.come_back(course);
  else if (name === "websocket") await connectAgain(urlOf, STEPS * step, count);
  else await comeBack(course, isDurable);
  const x = "reconnects";
  return [{ x, unit: "ms/reconnect", points: time }, ...held.series(x)];
}

/** The browser's own: a new socket for each connection. */
async function connectAgain(urlOf, last, count) {
  for (let reconnects = 0; reconnects <= last; reconnects++) {
    await new Promise((resolve, reject) => {
      const socket = new WebSocket(urlOf(reconnects));
      let arrived = false;
      socket.onopen = () => socket.send(messages.encode(messages.make(1)));
      socket.onmessage = ({ data }) => {
        check(messages, messages.decode(data), 1);
        arrived = true;
      };
      socket.onclose = ({ code }) => (arrived ? resolve() : reject(new Error(`the socket closed with ${code} before the echo`)));
    });
    await count(reconnects);
  }
}

/** Where a socket that comes back goes, and how often. */
class Course {
  #urlOf;
  #last;
  #count;
  #reconnects = -1;
  /** The next connection waits while the heap is measured. */
  #counting;

  constructor(urlOf, last, count) {
    this.#urlOf = urlOf;
    this.#last = last;
    this.#count = count;
  }

  async url(number) {
    await this.#counting;
    return this.#urlOf(number);
  }

  /** A connection is gone. Whether it was the last. */
  async gone() {
    this.#counting = this.#count(++this.#reconnects);
    await this.#counting;
    return this.#reconnects === this.#last;
  }
}

/**
 * One socket that comes back, and sends one message over each connection. The server may close before it has sent the echo; where
 * the socket is durable, that comes over the next connection then, and the next message waits for it.
 */
async function comeBack(course, isDurable) {
  const socket = connect(({ number }) => course.url(number), { durable: isDurable, reconnect: { minDelay: 0, maxDelay: 0 } });
  let isUnused = false;
  let [sent, due] = [0, 1];
  try {
    await new Promise((resolve, reject) => {
      const send = () => {
        if (!isUnused || due <= sent) return;
        isUnused = false;
        socket.send(messages.make(++sent)).catch(reject);
      };
      socket.addEventListener("open", () => {
        isUnused = true;
        send();
      });
      socket.addEventListener("message", ({ data }) => {
        try {
          check(messages, data, due++);
        } catch (error) {
          reject(error);
        }
        send();
      });
      socket.addEventListener("disconnect", ({ code }) => {
        isUnused = false;
        if (due <= sent && !isDurable) reject(new Error(`the connection closed with ${code} before the echo`));
        course.gone().then((wasLast) => wasLast && resolve(), reject);
      });
      socket.addEventListener("close", ({ code }) => reject(new Error(`the socket closed for good, with ${code}`)));
    });
  } finally {
    await socket.close();
  }
}
