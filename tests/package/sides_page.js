// What the scenarios of the side by side tests use inside the page. `sides.mjs` serves it and calls `runScenario`.

import TautSocket from "tautline/websocket";

const CLASSES = { own: WebSocket, single: TautSocket.with({ reconnect: false }), plain: TautSocket };
/** How long a scenario waits for what it waits for. */
const PATIENCE_MS = 10_000;

/** An exception as plain values: what an application can tell it by. The words are each implementation's own. */
export const errorOf = (error) => ({ threw: error?.name, class: error?.constructor?.name, code: error?.code ?? null });

const sumOf = (numbers) => numbers.reduce((sum, number) => (sum * 31 + number) | 0, 7);

/** Data as a plain value; long ones as their length and a sum that depends on the order. */
async function describe(data) {
  if (data instanceof Blob) return { Blob: await describe(await data.arrayBuffer()), type: data.type };
  if (data instanceof ArrayBuffer) {
    const bytes = new Uint8Array(data);
    return { ArrayBuffer: bytes.length <= 64 ? [...bytes] : { length: bytes.length, sum: sumOf(bytes) } };
  }
  if (typeof data !== "string") return data;
  // As code units: a lone surrogate does not survive the way out of the page.
  if (/^[ -~]{0,64}$/.test(data)) return data;
  const units = Array.from({ length: data.length }, (_, index) => data.charCodeAt(index));
  return units.length <= 64 ? units : { length: units.length, sum: sumOf(units) };
}

/** An event as plain values. `isTrusted` is left out here; the list of differences has it. */
function eventOf(event, socket) {
  const { type, bubbles, cancelable, composed, eventPhase } = event;
  const entry = { type, class: event.constructor.name, bubbles, cancelable, composed, eventPhase };
  entry.targets = [event.target === socket, event.currentTarget === socket, event.composedPath().length];
  entry.readyState = socket.readyState;
  // What is still under way when a message comes is a matter of speed.
  if (type !== "message") entry.bufferedAmount = socket.bufferedAmount;
  if (event instanceof CloseEvent) {
    const { code, reason, wasClean } = event;
    Object.assign(entry, { code, reason, wasClean });
  }
  if (event instanceof MessageEvent) {
    const { data, origin, lastEventId, source, ports } = event;
    Object.assign(entry, { data, origin, lastEventId, source, ports: ports.length });
  }
  if (type === "open") Object.assign(entry, { protocol: socket.protocol, extensions: socket.extensions });
  return entry;
}

/** The tools of one run; `places` says where server, proxy and odd server are, and the run's name. */
function kitOf(places) {
  const { name } = places;
  const sockets = [];
  const waits = new Set();
  const log = [];
  const look = () => waits.forEach((wait) => wait());

  const kit = {
    log,
    look,
    name,
    errorOf,
    /** Writes an entry of the scenario's own. */
    note(...entry) {
      log.push(entry.length === 1 ? entry[0] : entry);
      look();
    },
    /** The address of the echo server with these faults, directly or through the proxy. */
    echo: (query = "", base = places.server) => `${base}/echo?name=${name}${query && "&"}${query}`,
    proxied: (query) => kit.echo(query, places.proxy),
    /** The address of the odd server, which answers with these headers and sends these bytes (hex). */
    odd(wishes = {}) {
      const pairs = Object.entries(wishes).flatMap(([key, value]) => [value].flat().map((it) => [key, it]));
      return `${places.odd}/?${new URLSearchParams(pairs)}`;
    },
    /** Remembers the socket, so that it is closed whatever happens, and writes down all its events. */
    watch(socket, label) {
      sockets.push(socket);
      for (const type of ["open", "message", "error", "close"]) {
        socket.addEventListener(type, (event) => kit.note({ ...(label && { label }), ...eventOf(event, socket) }));
      }
      return socket;
    },
    keep(socket) {
      sockets.push(socket);
      return socket;
    },
    /** Resolves with the next event of a type. */
    async next(socket, type) {
      let next;
      socket.addEventListener(type, (event) => kit.look((next = event)), { once: true });
      await kit.untilTrue(() => next, `the next ${type} event`);
      return next;
    },
    seen: (type) => log.filter((entry) => entry?.type === type).length,
    /** Resolves once so many events of a type are written down. */
    until: (type, count = 1) => kit.untilTrue(() => kit.seen(type) >= count, `${count} × ${type}`),
    untilTrue(isTrue, what) {
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          waits.delete(wait);
          const types = log.map((entry) => entry?.type ?? JSON.stringify(entry));
          reject(new Error(`waited ${PATIENCE_MS} ms for ${what}; saw: ${types.join(", ")}`));
        }, PATIENCE_MS);
        const wait = () => {
          if (!isTrue()) return;
          clearTimeout(timer);
          waits.delete(wait);
          resolve();
        };
        waits.add(wait);
        wait();
      });
    },
    /** The value, or the exception, as plain values. */
    attempt(act) {
      try {
        return act();
      } catch (error) {
        return errorOf(error);
      }
    },
    /** What comes of constructing: the properties, or the exception. */
    construct(Class, ...args) {
      return kit.attempt(() => {
        const socket = kit.keep(new Class(...args));
        const { url, readyState, bufferedAmount, protocol, extensions, binaryType } = socket;
        socket.close();
        return { url, readyState, bufferedAmount, protocol, extensions, binaryType };
      });
    },
    async order(query) {
      const response = await fetch(`/faults/${name}?${query}`, { method: "POST" });
      if (!response.ok) throw new Error(`the order ${query} was answered ${response.status}`);
    },
    report: async () => (await fetch(`/faults/${name}`)).json(),
    /** Resolves once a request has gone to the server and back: what was to come at once has come. */
    async lap() {
      await fetch("/health").then((response) => response.text());
      await new Promise((resolve) => setTimeout(resolve));
    },
    /** Resolves once the socket is open. */
    async opened(socket) {
      if (socket.readyState !== 1) await kit.next(socket, "open");
    },
  };
  return { kit, sockets };
}

/** Runs a scenario with one of the classes; its log, and what nobody caught meanwhile, as plain values. */
async function runScenario(scenario, side, places) {
  const { kit, sockets } = kitOf(places);
  const uncaught = [];
  const listen = (event) => {
    event.preventDefault();
    uncaught.push(event.message ?? `unhandled rejection: ${event.reason?.stack ?? event.reason}`);
  };
  for (const type of ["error", "unhandledrejection"]) addEventListener(type, listen);
  await scenario(CLASSES[side], kit);
  // What comes too often comes now.
  await kit.lap();
  const log = [...kit.log];
  // What nobody waits for any more must not be seen by the next scenario.
  for (const socket of sockets) {
    socket.addEventListener("close", kit.look);
    socket.close();
  }
  await kit.untilTrue(() => sockets.every((socket) => socket.readyState === 3), "the scenario's sockets to close");
  await kit.lap();
  for (const type of ["error", "unhandledrejection"]) removeEventListener(type, listen);
  for (const entry of log) if (entry?.type === "message") entry.data = await describe(entry.data);
  // Its name is the only thing by which a run differs.
  const undefinedToo = (_, value) => (value === undefined ? "undefined" : Number.isNaN(value) ? "NaN" : value);
  return JSON.parse(JSON.stringify({ log, uncaught }, undefinedToo).replaceAll(places.name, "NAME"));
}

Object.assign(globalThis, { TautSocket, CLASSES, runScenario });
