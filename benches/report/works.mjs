// What is measured, in words: each work with what it does, what its values mean, and which way is better. The clients in the
// order in which they are shown. Whatever a run brings that is not listed is shown, too, by the names it came with.

import { CLIENTS as PLANNED, ENDED_BY_CUT } from "../page/plan.js";
import { bytes, count, micros, millis, rate } from "./numbers.mjs";

/** What all others are compared with. */
export const BASELINE = "websocket";

/** What is called otherwise than in the plan, or is no peer. */
const SPECIAL = {
  websocket: { title: "the browser’s WebSocket" },
  "socket.io": { title: "socket.io-client" },
  tautline: { title: "tautline", kind: "plain" },
  "tautline-durable": { title: "tautline, durable", kind: "durable" },
  "tautline-rust": { title: "tautline", kind: "plain" },
  "tautline-rust-durable": { title: "tautline, durable", kind: "durable" },
};

/** The face: in what language the work is written. */
export const CLIENTS = Object.fromEntries(
  Object.entries(PLANNED).map(([name, { language }]) => [name, { face: language, ...SPECIAL[name] }]),
);

export const PAYLOADS = {
  json: "100-byte JSON",
  16: "16 bytes",
  4096: "4 KiB",
  65536: "64 KiB",
};

const RATE = { rate: { title: "messages/s", format: rate, better: "more" } };
const LATENCY = {
  mean: { title: "mean", format: micros, better: "less" },
  median: { title: "median", format: micros, better: "less" },
  p99: { title: "p99", format: micros, better: "less" },
};

const list = new Intl.ListFormat("en-GB");
const RECONNECTING = "These are the clients that connect again by themselves. A cut ends "
  + `${list.format(ENDED_BY_CUT.map((name) => `\`${name}\``))}: what was on its way is lost, and a new connection is the `
  + "application’s work.";

/**
 * A value with `better` is compared with the baseline's: the ratio is above 1 where it is more, whichever is better.
 */
export const WORKS = {
  echo: {
    title: "Echo",
    says: "Messages go to the server and come back, as many at a time as the client’s way of waiting allows; each reply is "
      + "parsed, and its order checked.",
    values: RATE,
  },
  in: { title: "In", says: "The server pushes messages; each is parsed, and its order checked.", values: RATE },
  out: { title: "Out", says: "Messages go to the server, which answers once, when it has them all.", values: RATE },
  "round-trip": {
    title: "Round trip",
    says: "One message goes out and comes back before the next does; the clients take turns of 200.",
    values: LATENCY,
  },
  "round-trip-busy": {
    title: "Round trip, busy",
    says: "The same while 10,000 messages a second flow on the same socket; of 4 KiB it is 2,000, as not every client carries more, "
      + "and 64 KiB is left out.",
    values: LATENCY,
  },
  cpu: {
    title: "Processor",
    says: "What the page’s process computes for each message of the echo, all its threads together.",
    values: { perMessage: { title: "µs/message", format: micros, better: "less" } },
  },
  memory: {
    title: "Memory",
    says: "What wasm and JavaScript hold after a million messages were echoed, and what of that came after message 100,000.",
    values: {
      wasm: { title: "wasm", format: bytes },
      js: { title: "JavaScript", format: bytes },
      growth: { title: "growth", format: bytes },
    },
  },
  "first-echo": {
    title: "First echo",
    says: "From the import of the client, in a fresh frame, to the first reply. The browser has loaded it before, in another frame.",
    values: { ms: { title: "ms", format: millis, better: "less" } },
  },
  wire: {
    title: "Wire",
    says: "Bytes on the TCP connection for each message of the echo, counted between browser and server.",
    values: {
      out: { title: "out, bytes/message", format: bytes, better: "less" },
      in: { title: "in, bytes/message", format: bytes, better: "less" },
    },
  },
  reconnect: {
    title: "Reconnect",
    says: "From the cut of a connection to the first reply over the next; the server is there at once, so this is the client’s "
      + "own delay, which most of them draw by lot: Tautline’s first is anything up to 250 ms, so that not all come back at once. "
      + RECONNECTING,
    values: { ms: { title: "ms", format: millis, better: "less" } },
  },
  loss: {
    title: "Loss",
    says: `Messages that never came back, or came twice, while each connection was reset after some 500 messages. ${RECONNECTING}`,
    values: {
      lost: { title: "lost", format: count },
      twice: { title: "twice", format: count },
      of: { title: "of", format: count },
    },
  },
};

/** The works whose cost is asked for as something grows. */
export const GROWTHS = {
  sockets: {
    title: "Sockets at once",
    says: "Messages are echoed through one socket, or through many that are open at once: 250 at most, as Chromium allows no more "
      + "than 255 WebSockets in all pages together. They take turns, ten of them busy at a time, so that from ten on as many messages "
      + "are on their way. A turn has 200 messages, and 16,000 where the client is durable, so that what Chromium needs to get going "
      + "after a rest, some milliseconds, is little of it.",
    scale: "log",
  },
  "sockets-firefox": {
    title: "Sockets at once, in Firefox",
    says: "The same in Firefox, which is told to allow more. It polls all sockets that are open for each piece that it reads, "
      + "whoever’s they are: ten durable ones cost half as much again beside a thousand of the browser’s own that rest. So 950 or "
      + "more are open at each step, and those that are not the client’s are the browser’s: what is told is what the client adds, "
      + "not what a page with few sockets pays. A turn of a durable client has 4,000 messages.",
    scale: "log",
  },
  outbox: {
    title: "Messages in the outbox",
    says: "10, 1,000 and 100,000 messages are accepted before there is a connection, and then drained and echoed. "
      + "The outbox and the inbox are told to have room for them.",
    scale: "log",
  },
  million: {
    title: "A million messages",
    says: "A million messages are echoed through one socket; each hundred thousand is timed, and the heap measured after it.",
    scale: "linear",
  },
  reconnects: {
    title: "10,000 reconnects",
    says: "The server closes each connection after one message; each thousand of reconnects, with one echo each, is timed, and the "
      + "heap measured after it. The clients are told to come back at once.",
    scale: "linear",
  },
};

/** A work by its name; that of another browser beside the first is named after both, as `echo-firefox` is. */
export function workOf(name) {
  const [, work, browser] = /^(.+)-(firefox|chromium)$/.exec(name) ?? [];
  const where = browser === "firefox" ? "in Firefox" : "in Chromium";
  if (work in WORKS) return { ...WORKS[work], title: `${WORKS[work].title}, ${where}` };
  return WORKS[name] ?? GROWTHS[name] ?? { title: name, says: "", values: {} };
}

/** Clients, each once, in the order in which they are shown; those that are not known come last. */
export function inOrder(clients) {
  const known = Object.keys(CLIENTS);
  const place = (client) => (client in CLIENTS ? known.indexOf(client) : known.length);
  return [...new Set(clients)].sort((a, b) => place(a) - place(b));
}

/** How a client is called. */
export const titleOf = (client) => CLIENTS[client]?.title ?? client;

export const kindOf = (client) => CLIENTS[client]?.kind ?? (client === BASELINE ? "baseline" : "peer");
