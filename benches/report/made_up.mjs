// A run that never was, for tests: records and series as the page posts them.

import { HEAP, WASM } from "./growth.mjs";

/** A record of each round: the values are `figures`, one for each. */
export function rounds(work, payload, client, name, figures) {
  const step = { work, payload, client, rounds: figures.length };
  return figures.map((figure, index) => ({ ...step, round: index + 1, values: { [name]: figure } }));
}

/** What each client has, as a multiple of the browser's WebSocket. */
export const SPEEDS = {
  websocket: 1,
  "reconnecting-websocket": 0.93,
  partysocket: 0.91,
  "socket.io": 0.62,
  tautline: 0.98,
  "tautline-durable": 24,
  "gloo-net": 0.85,
  ws_stream_wasm: 0.74,
  "tokio-tungstenite-wasm": 0.77,
  ewebsock: 0.81,
  "tautline-rust": 0.97,
  "tautline-rust-durable": 16,
};

const PAYLOADS = { json: 18_400, 16: 19_100, 4096: 14_200, 65536: 2900 };
const CLIENTS = Object.entries(SPEEDS);

/** All clients, works and payloads, three rounds of each, and nothing that fails. */
export function wholeRun() {
  const records = [];
  const three = (work, payload, client, values) => {
    for (const [round, share] of [1, 0.98, 1.03].entries()) {
      const own = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value * share]));
      records.push({ work, payload, client, round: round + 1, values: own });
    }
  };
  for (const [client, speed] of CLIENTS) {
    for (const work of ["echo", "in", "out"]) {
      for (const [payload, rate] of Object.entries(PAYLOADS)) three(work, payload, client, { rate: rate * speed });
    }
    const trip = { mean: 110, median: 98, p99: 240 };
    for (const payload of Object.keys(PAYLOADS)) three("round-trip", payload, client, trip);
    three("round-trip-busy", "json", client, trip);
    three("cpu", "json", client, { perMessage: 52 / speed });
    three("first-echo", "json", client, { ms: 12 });
    three("wire", "json", client, { out: 108, in: 104 });
    records.push({ work: "memory", payload: "json", client, round: 1, values: { wasm: 1_179_648, js: 400_000, growth: 1200 } });
    records.push({ work: "loss", payload: "json", client, round: 1, values: { lost: speed > 10 ? 0 : 412, twice: 0, of: 10_000 } });
  }
  return { machine: MACHINE, records, series: growths() };
}

export const MACHINE = {
  date: "2026-11-25",
  browser: "Chromium 156.0.8078.108",
  cpu: "Some Processor",
  cores: 2,
  memory: 8 * 1024 ** 3,
  system: "Linux 6.1, x64",
  node: "v20.20.2",
};

/** Ten points, each so far from the last. */
export const tenPoints = (step, at) => Array.from({ length: 10 }, (_, index) => [(index + 1) * step, at((index + 1) * step)]);

function growths() {
  return ["websocket", ...CLIENTS.map(([client]) => client).filter((client) => client.startsWith("tautline"))].flatMap((client) => {
    const cost = 54 / SPEEDS[client];
    const outbox = [[10, cost * 2], [1000, cost], [100_000, cost]];
    return [
      { work: "sockets", client, x: "sockets", unit: "µs/message", points: [1, 10, 100, 250].map((x) => [x, cost]) },
      { work: "sockets-firefox", client, x: "sockets", unit: "µs/message", points: [1, 10, 100, 1000].map((x) => [x, cost]) },
      { work: "outbox", client, part: "accept", x: "messages in the outbox", unit: "µs/message", points: outbox },
      { work: "outbox", client, part: "drain", x: "messages in the outbox", unit: "µs/message", points: outbox },
      { work: "million", client, x: "messages", unit: "µs/message", points: tenPoints(100_000, () => cost) },
      ...held({ work: "million", client, x: "messages" }, 100_000),
      { work: "reconnects", client, x: "reconnects", unit: "ms/reconnect", points: tenPoints(1000, () => 3) },
      ...held({ work: "reconnects", client, x: "reconnects" }, 1000),
    ];
  });
}

/** What a page holds that keeps nothing. */
function held(one, step) {
  const [heap, wasm] = [1_900_000, 1_179_648].map((held) => tenPoints(step, () => held));
  return [
    { ...one, part: HEAP, unit: "bytes", points: heap },
    { ...one, part: WASM, unit: "bytes", points: wasm },
  ];
}
