// What is measured: works, payloads, clients and counts, in full and quick. Read by the runner, which hands the page its jobs.

const JAVASCRIPT = ["websocket", "reconnecting-websocket", "partysocket", "socket.io", "tautline", "tautline-durable"];
const RUST = ["gloo-net", "ws_stream_wasm", "tokio-tungstenite-wasm", "ewebsock", "tautline-rust", "tautline-rust-durable"];

/** Every client: its language, and whether it delivers each message exactly once. */
export const CLIENTS = Object.fromEntries([
  ...JAVASCRIPT.map((name) => [name, { language: "JavaScript", isDurable: name === "tautline-durable" }]),
  ...RUST.map((name) => [name, { language: "Rust", isDurable: name === "tautline-rust-durable" }]),
]);

const ALL = [...JAVASCRIPT, ...RUST];
/** Those that end with their connection: what comes after a cut would be the bench's own work, and its figures. */
export const ENDED_BY_CUT = ["websocket", "gloo-net", "ws_stream_wasm", "tokio-tungstenite-wasm", "ewebsock"];
/** Those that connect again by themselves. */
const RECONNECTING = ALL.filter((name) => !ENDED_BY_CUT.includes(name));
/** Those whose costs must not grow, and what they are seen against. */
const OURS = ["tautline", "tautline-durable"];
const GROWING = ["websocket", ...OURS];
/** JSON of five fields, and bytes of text. */
export const PAYLOADS = ["json", "16", "4096", "65536"];

/** How often each client does each work, where nobody says. */
export const ROUNDS = 3;
/** More of JSON, where two clients may lie closer together than two rounds of one. */
export const JSON_ROUNDS = 6;
export const QUICK_ROUNDS = 2;

/** The same number for all. */
const same = (count) => ({ once: count, durable: count });

/**
 * Messages of one turn, a quarter of a second or so: of clients that deliver at most once, and of durable ones. A figure varies from
 * turn to turn by a fifth, however long they are: there had better be many. But each begins with a row of as many messages as may be
 * on their way, which should be a small part of it.
 */
const COUNTS = {
  json: { once: 5000, durable: 130_000 },
  16: { once: 5000, durable: 130_000 },
  4096: { once: 2000, durable: 5000 },
  65536: { once: 250, durable: 250 },
};
/** Turns of one measurement. In two of them, with all clients, each comes behind each other one, and at each place. */
const TURNS = ALL.length / 2;
/**
 * And those that go before them, on the same connection, and do not count. Each connection has functions of its own, for which an
 * engine compiles anew: some 200,000 messages of a durable client are slower.
 */
const RUN_IN = 2;

/** Bytes are counted: a few say as much as many. */
const WIRED = { json: same(10_000), 16: same(10_000), 4096: same(4000), 65536: same(400) };

/** Of the largest no number that is worth the name flows beside the round trips. */
const BUSY = PAYLOADS.filter((payload) => payload !== "65536");

/** The parts of a full measurement that make a quick one, and that warm up for it. */
const QUICKLY = 0.2;
const WARM_UP = 1;

const THROUGHPUT = { payloads: PAYLOADS, counts: COUNTS, turns: TURNS, warmsUp: true, how: "together" };

/**
 * The works in their order.
 *
 * - `tells`: the works of its records, where that isn't itself alone.
 * - `clients`: who does it. Default: all. `quickClients`: who does it in a quick run.
 * - `payloads`: in full; a quick run takes the first. Default: JSON.
 * - `counts`: messages, by payload or the same for each. `quickly`: the part of them in a quick run. Default: a fifth.
 * - `rounds`, `quickRounds`: at most.
 * - `warmsUp`: each client does it once before it counts.
 * - `turns`: `counts` are those of one of so many. And each connection runs in.
 * - `how`: each client by itself ("alone"), in turns ("together"), in a fresh frame ("framed"), or as a cost that must not grow
 *   ("growth").
 * - `seconds`: how long one measurement takes, about, of one client; where there are `turns`, one of them.
 * - `needs`: the one browser that can tell.
 */
const WORKS = [
  { work: "echo", tells: ["echo", "cpu"], ...THROUGHPUT, seconds: 0.25 },
  { work: "in", ...THROUGHPUT, seconds: 0.17 },
  { work: "out", ...THROUGHPUT, seconds: 0.17 },
  { work: "round-trip", payloads: PAYLOADS, counts: same(3000), warmsUp: true, how: "together", seconds: 0.6 },
  { work: "round-trip-busy", payloads: BUSY, counts: same(1000), warmsUp: true, how: "together", seconds: 0.6 },
  { work: "first-echo", counts: same(1), how: "framed", seconds: 0.3 },
  { work: "wire", payloads: PAYLOADS, counts: WIRED, rounds: 1, seconds: 0.6 },
  { work: "reconnect", clients: RECONNECTING, counts: same(1), rounds: 3, quickRounds: 1, seconds: 2 },
  { work: "loss", clients: RECONNECTING, counts: same(2000), quickly: 0.4, rounds: 2, quickRounds: 1, seconds: 8 },
  { work: "memory", counts: same(1_000_000), quickly: 0.01, rounds: 1, how: "framed", seconds: 36, needs: "chromium" },
  { work: "sockets", clients: GROWING, quickClients: OURS, how: "growth", quickly: 0.6, rounds: 1, seconds: 20 },
  { work: "outbox", clients: OURS, how: "growth", quickly: 0.4, rounds: 1, seconds: 10 },
  { work: "million", clients: GROWING, quickClients: OURS, how: "growth", quickly: 0.1, rounds: 1, seconds: 35 },
  { work: "reconnects", clients: GROWING, quickClients: OURS, how: "growth", quickly: 0.1, rounds: 1, seconds: 35 },
];

export const WORK_NAMES = WORKS.flatMap(({ work, tells = [work] }) => tells);

/**
 * The jobs of a run: `{ work, how, payload, clients, turn, rounds, warmsUp, counts, warmUp, turns, runIn, seconds, warmUpSeconds,
 * quick }`, where `counts` and `warmUp` have each client's number of messages, `runIn` is the number of turns that do not count, and
 * `turn` is that of the first round, which is another one for each payload. `left`: the works that the browser can't do.
 */
export function planOf({ browser, quick = false, only = WORK_NAMES, clients = ALL, rounds, payloads }) {
  const jobs = [];
  const left = [];
  for (const one of WORKS) {
    const { work, how = "alone", warmsUp = false, counts = same(0) } = one;
    const able = (quick && one.quickClients) || (one.clients ?? ALL);
    const taking = clients.filter((client) => able.includes(client));
    if (taking.length === 0 || !(one.tells ?? [work]).some((told) => only.includes(told))) continue;
    if (one.needs && one.needs !== browser) {
      left.push(work);
      continue;
    }
    const share = quick ? (one.quickly ?? QUICKLY) : 1;
    let turn = 0;
    for (const payload of payloadsOf(one, quick, payloads)) {
      const messages = counts[payload] ?? counts;
      const turns = one.turns && Math.ceil(one.turns * share);
      const runIn = one.turns ? RUN_IN : 0;
      const most = rounds ?? (quick ? QUICK_ROUNDS : payload === "json" ? JSON_ROUNDS : ROUNDS);
      const times = Math.min(most, one.rounds ?? most, (quick && one.quickRounds) || most);
      jobs.push({
        work,
        how,
        payload: how === "growth" ? undefined : payload,
        clients: taking,
        turn,
        rounds: times,
        warmsUp,
        counts: countsOf(taking, messages, turns ? 1 : share),
        // Long enough for the page's compilers, in a quick run as well.
        warmUp: countsOf(taking, messages, WARM_UP),
        turns,
        runIn,
        seconds: one.seconds * ((turns ?? share) + runIn),
        warmUpSeconds: warmsUp ? one.seconds * (WARM_UP + runIn) : 0,
        quick,
      });
      turn += times;
    }
  }
  return { jobs, left };
}

function payloadsOf({ payloads = ["json"] }, quick, chosen) {
  if (chosen) return payloads.filter((payload) => chosen.includes(payload));
  return quick ? payloads.slice(0, 1) : payloads;
}

function countsOf(clients, { once, durable }, share) {
  return Object.fromEntries(clients.map((client) => [client, Math.ceil((CLIENTS[client].isDurable ? durable : once) * share)]));
}
