// What tests of durable sockets have at hand in their page: one socket, `socket`, and what it has told so far, `log`.
// Tests share the page; `reset` ends what one of them has left.

import { connect, TautlineError } from "tautline";

const PATIENCE = 20_000;
/** What an event has beside its type. */
const FIELDS = {
  open: ["resumed"],
  disconnect: ["code", "reason", "wasClean"],
  sessionlost: ["unacknowledged", "resent"],
  close: ["code", "reason", "wasClean", "unacknowledged"],
};
/** Payloads as they are: strings and bytes. */
const raw = { encode: (payload) => payload, decode: (payload) => payload };
/** For errors, beside their codes: what they say. */
const words = [];
const log = [];
/** What came, where `listen` asked for it. */
const messages = [];

const { send } = WebSocket.prototype;
/** Ends the sockets of a test. */
let end = new AbortController();

function reset() {
  end.abort();
  end = new AbortController();
  WebSocket.prototype.send = send;
  for (const list of [words, log, messages]) list.length = 0;
}

/** Opens the page's socket, which comes back quickly. */
function open(url, options = {}) {
  const reconnect = options.reconnect !== false && { minDelay: 1, maxDelay: 20, ...options.reconnect };
  const { signal } = end;
  const socket = connect(url, { durable: true, codec: "text", signal, ...options, reconnect });
  for (const [type, names] of Object.entries(FIELDS)) {
    socket.addEventListener(type, (event) => log.push([type, ...names.map((name) => event[name])]));
  }
  socket.addEventListener("error", ({ error }) => {
    words.push(error.message);
    log.push(["error", error instanceof TautlineError ? error.code : String(error)]);
  });
  globalThis.socket = socket;
  return socket;
}

/** What is handed to the browser's sockets from now on, as it is handed over. */
function spy() {
  const handed = [];
  WebSocket.prototype.send = function (data) {
    handed.push(data);
    return send.call(this, data);
  };
  return handed;
}

/** Takes what comes, from now on, into `messages`. */
function listen() {
  socket.addEventListener("message", ({ data }) => messages.push(data));
}

/** Takes the next ones by an iterator that it leaves again. */
async function take(count) {
  const taken = [];
  if (count === 0) return taken;
  for await (const message of socket) if (taken.push(message) === count) break;
  return taken;
}

/** Waits until it is so. */
async function until(isSo) {
  const end = performance.now() + PATIENCE;
  while (!isSo()) {
    if (performance.now() > end) throw new Error(`waited in vain for ${isSo}; ${JSON.stringify({ log, words })}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Until events of a type have come, so many. */
const seen = (type, count = 1) => until(() => log.filter(([name]) => name === type).length >= count);

/** The code of the error that a promise rejects with; "" where it does not. */
async function codeOf(promise) {
  try {
    await promise;
    return "";
  } catch (error) {
    return error instanceof TautlineError ? error.code : String(error);
  }
}

Object.assign(globalThis, { connect, raw, words, log, messages, open, reset, spy, listen, take, until, seen, codeOf });
document.title = "ready";
