// The page of the tests of libraries over durable sockets: it opens clients of graphql-ws and y-websocket, durable or
// with the browser's own class, and writes down whatever they notice.

import { createClient } from "graphql-ws";
import TautSocket from "tautline/websocket";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";

const CLASSES = {
  durable: TautSocket.with({ durable: true, reconnect: { minDelay: 1, maxDelay: 50 } }),
  plain: WebSocket,
};

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * A client of graphql-ws: its `events`, without pings, and how many answers its own pings had; `query`, `subscribe`. A
 * durable one has no retries of its own, so that each end it noticed would be the last.
 */
function openGraph(url, kind, { keepAlive = 0 } = {}) {
  const events = [];
  let pongs = 0;
  const on = {
    closed: ({ code, reason, wasClean }) => events.push(["closed", code, reason, wasClean]),
    pong: () => pongs++,
  };
  for (const type of ["connecting", "opened", "connected", "error"]) on[type] = () => events.push(type);
  const client = createClient({
    url,
    webSocketImpl: CLASSES[kind],
    on,
    keepAlive,
    retryAttempts: kind === "durable" ? 0 : Infinity,
    shouldRetry: () => true,
    retryWait: () => pause(20),
    lazy: false,
    onNonLazyError: () => {},
  });
  const run = (query, variables) =>
    new Promise((resolve, reject) => {
      let result;
      const next = (value) => (result = value);
      client.subscribe({ query, variables }, { next, error: reject, complete: () => resolve(result) });
    });
  return {
    events,
    client,
    get pongs() {
      return pongs;
    },
    /** What is answered, its errors among it. */
    run,
    /** The field of an answer without errors. */
    async ask(field, variables) {
      const { data, errors } = await run(field, variables);
      if (errors) throw new Error(JSON.stringify(errors));
      return Object.values(data)[0];
    },
    /** A subscription: its `items`, the word "complete", and what else it was told. */
    subscribe(query, name) {
      const items = [];
      const stop = client.subscribe({ query }, {
        next: ({ data, errors }) => items.push(errors ?? data[name]),
        error: (error) => items.push(`failed: ${error.code ?? error}`),
        complete: () => items.push("complete"),
      });
      return { items, stop };
    },
  };
}

/** A document and its provider of y-websocket: what both notice, and the names that awareness ever lost. */
function openDocument(url, room, kind, name) {
  const doc = new Y.Doc();
  const provider = new WebsocketProvider(url, room, doc, {
    WebSocketPolyfill: CLASSES[kind],
    // Else two documents of one browser talk past the server.
    disableBc: true,
    maxBackoffTime: 50,
    connect: false,
  });
  const { awareness } = provider;
  const events = [];
  const lost = [];
  provider.on("status", ({ status }) => events.push(status));
  provider.on("sync", (isSynced) => events.push(isSynced ? "synced" : "not synced"));
  provider.on("connection-close", () => events.push("connection-close"));
  provider.on("connection-error", () => events.push("connection-error"));
  awareness.on("change", ({ removed }) => lost.push(...removed));
  awareness.setLocalStateField("name", name);
  provider.connect();
  return {
    doc,
    provider,
    events,
    lost,
    text: doc.getText("text"),
    map: doc.getMap("map"),
    /** Who is there, as far as it knows, with what they are at. */
    get others() {
      const states = [...awareness.getStates().values()];
      return Object.fromEntries(states.map(({ name, at }) => [name, at ?? null]).sort());
    },
    at: (place) => awareness.setLocalStateField("at", place),
  };
}

/** A number between 0 and 1 for each call, always the same ones of a seed. */
function randomOf(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Changes a document at random, so often, in so many milliseconds at least. */
async function scribble({ doc, text, map }, seed, count, duration) {
  const random = randomOf(seed);
  const below = (limit) => Math.floor(random() * limit);
  for (let step = 0; step < count; step++) {
    doc.transact(() => {
      if (text.length > 20 && random() < 0.3) text.delete(below(text.length - 5), 1 + below(5));
      else text.insert(below(text.length + 1), `${seed}:${step} ${"🪢".repeat(below(3))}`);
      map.set(`key ${below(10)}`, `${seed}:${step}`);
    });
    await pause(duration / count);
  }
}

/** How a bare socket of the class ends that says this to a server, and the rest once it is answered. */
function endOf(url, kind, protocol, [first, ...rest]) {
  return new Promise((resolve) => {
    const socket = new CLASSES[kind](url, protocol);
    const say = (message) => socket.send(JSON.stringify(message));
    socket.onopen = () => say(first);
    socket.onmessage = () => rest.splice(0).forEach(say);
    socket.onclose = ({ code, reason, wasClean }) => resolve([code, reason, wasClean]);
  });
}

Object.assign(globalThis, { openGraph, openDocument, scribble, endOf, Y });
document.title = "ready";
