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
const OURS = ALL.filter((name) => name.startsWith("tautline"));
const GROWING = ["websocket", ...OURS];
/** JSON of five fields, and bytes of text. */
export const PAYLOADS = ["json", "16", "4096", "65536"];

/** How often each client does each work, where nobody says. */
export const ROUNDS = 3;
/** More of JSON, which the bars are about. */
export const JSON_ROUNDS = 5;
/**
 * And of its throughput, where a plain client is to be told from the browser's own WebSocket: their ratio in one round is off by
 * some 7 %, the median of this many by some 2.
 */
export const THROUGHPUT_ROUNDS = 12;
/** With other payloads, which no bar is held against, to some 5 %. */
export const OTHER_THROUGHPUT_ROUNDS = 6;
/** Of round trips with each payload: a bar is about the longest of several medians, which is above them all where they are noisy. */
export const TRIP_ROUNDS = 9;
export const QUICK_ROUNDS = 2;

/** The same number for all. */
const same = (count) => ({ once: count, durable: count });

/**
 * Messages of one turn, a fifth of a second or less: of clients that deliver at most once, and of durable ones. A figure varies from
 * turn to turn by a fifth, however long they are: there had better be many. But each begins with a row of as many messages as may be
 * on their way, which should be a small part of it.
 */
export const COUNTS = {
  json: { once: 3000, durable: 80_000 },
  16: { once: 3000, durable: 80_000 },
  4096: { once: 1500, durable: 4000 },
  65536: { once: 150, durable: 150 },
};
/**
 * Turns of one measurement. With JSON as many as there are clients: in each round each comes behind each other one, and has each
 * place. With others that takes three rounds.
 */
export const TURNS = { json: ALL.length, 16: 4, 4096: 4, 65536: 4 };
/**
 * And those that go before them, on the same connection, and do not count. Each connection has functions of its own, for which an
 * engine compiles anew: some 200,000 messages of a durable client are slower.
 */
export const RUN_IN = 3;
/** Turns of a round that is for the page's compilers, and does not count either. */
const WARM_UP = 3;

/** How many messages of the echo a client keeps on their way that would take any number: so many, and no more than so many bytes. */
export const IN_FLIGHT = 500;
export const IN_FLIGHT_BYTES = 1024 * 1024;

/** Bytes are counted: a few say as much as many. */
const WIRED = { json: same(10_000), 16: same(10_000), 4096: same(4000), 65536: same(400) };

/** Of the largest no number that is worth the name flows beside the round trips. */
const BUSY = PAYLOADS.filter((payload) => payload !== "65536");

/** The part of a full measurement that makes a quick one. */
const QUICKLY = 0.2;

const THROUGHPUT = {
  payloads: PAYLOADS,
  counts: COUNTS,
  turns: TURNS,
  runIn: RUN_IN,
  jsonRounds: THROUGHPUT_ROUNDS,
  otherRounds: OTHER_THROUGHPUT_ROUNDS,
};
/** Of round trips a turn has so many. */
const TRIPS = same(200);
/** Where a machine that is slower for a while would make a single round rise. */
const GROWTH = { rounds: ROUNDS, quickRounds: 1 };

/**
 * The works in their order.
 *
 * - `tells`: the works of its records, where that isn't itself alone.
 * - `clients`: who does it. Default: all. `quickClients`: who does it in a quick run.
 * - `payloads`: in full; a quick run takes the first. Default: JSON.
 * - `counts`: messages, by payload or the same for each. `quickly`: the part of them in a quick run. Default: a fifth.
 * - `rounds`, `quickRounds`: at most. `jsonRounds`, `otherRounds`: those of JSON and of others, where nobody says.
 * - `turns`: all clients side by side, in so many turns, by payload or the same for each; `counts` are those of one. `runIn`: and so
 *   many go before them.
 * - `how`, of others: each client by itself ("alone"), in a fresh frame ("framed"), or as a cost that must not grow ("growth"); with
 *   those whose memory counts in a fresh frame as well ("growth framed"), as wasm's keeps what it has no use for any more.
 * - `seconds`: how long one measurement takes, about, of one client; where there are `turns`, one of them.
 * - `needs`: the one browser that can tell.
 */
const WORKS = [
  { work: "echo", tells: ["echo", "cpu"], ...THROUGHPUT, seconds: 0.15 },
  { work: "in", ...THROUGHPUT, seconds: 0.1 },
  { work: "out", ...THROUGHPUT, seconds: 0.1 },
  {
    work: "round-trip",
    payloads: PAYLOADS,
    counts: TRIPS,
    turns: ALL.length,
    jsonRounds: TRIP_ROUNDS,
    otherRounds: TRIP_ROUNDS,
    seconds: 0.05,
  },
  { work: "round-trip-busy", payloads: BUSY, counts: TRIPS, turns: 5, seconds: 0.12 },
  { work: "first-echo", counts: same(1), how: "framed", seconds: 0.3 },
  { work: "wire", payloads: PAYLOADS, counts: WIRED, rounds: 1, seconds: 0.6 },
  { work: "reconnect", clients: RECONNECTING, counts: same(1), jsonRounds: 9, quickRounds: 1, seconds: 2 },
  { work: "loss", clients: RECONNECTING, counts: same(2000), quickly: 0.4, rounds: 2, quickRounds: 1, seconds: 8 },
  { work: "memory", counts: same(1_000_000), quickly: 0.01, rounds: 1, how: "framed", seconds: 36, needs: "chromium" },
  { work: "sockets", how: "growth", ...GROWTH, clients: GROWING, quickClients: OURS, quickly: 0.5, seconds: 50 },
  { work: "outbox", clients: OURS, how: "growth", quickly: 0.4, rounds: 1, seconds: 10 },
  { work: "million", clients: GROWING, quickClients: OURS, how: "growth framed", quickly: 0.1, rounds: 1, seconds: 35 },
  { work: "reconnects", how: "growth framed", ...GROWTH, clients: GROWING, quickClients: OURS, quickly: 0.1, seconds: 35 },
];

export const WORK_NAMES = WORKS.flatMap(({ work, tells = [work] }) => tells);

/**
 * The jobs of a run: `{ work, how, payload, clients, counts, rounds, roundsBefore, seconds, quick }`, where `counts` has each client's
 * number of messages, and `roundsBefore` is how many rounds there were with other payloads: orders go on from there. Those in turns
 * have `turns`, `runIn`, and what they warm up with, `warmUp` turns in `warmUpSeconds`. `left`: the works that the browser can't do.
 */
export function planOf({ browser, quick = false, only = WORK_NAMES, clients = ALL, rounds, payloads }) {
  const jobs = [];
  const left = [];
  for (const one of WORKS) {
    const { work, how = one.turns ? "together" : "alone", counts = same(0), runIn = 0 } = one;
    const able = (quick && one.quickClients) || (one.clients ?? ALL);
    const taking = clients.filter((client) => able.includes(client));
    if (taking.length === 0 || !(one.tells ?? [work]).some((told) => only.includes(told))) continue;
    if (one.needs && one.needs !== browser) {
      left.push(work);
      continue;
    }
    const share = quick ? (one.quickly ?? QUICKLY) : 1;
    let roundsBefore = 0;
    for (const payload of payloadsOf(one, quick, payloads)) {
      const messages = counts[payload] ?? counts;
      const turns = one.turns && Math.ceil((one.turns[payload] ?? one.turns) * share);
      const usual = payload === "json" ? (one.jsonRounds ?? JSON_ROUNDS) : (one.otherRounds ?? ROUNDS);
      const most = rounds ?? (quick ? QUICK_ROUNDS : usual);
      const times = Math.min(most, one.rounds ?? most, (quick && one.quickRounds) || most);
      jobs.push({
        work,
        how,
        payload: how.startsWith("growth") ? undefined : payload,
        clients: taking,
        counts: countsOf(taking, messages, turns ? 1 : share),
        rounds: times,
        roundsBefore,
        seconds: one.seconds * (turns ? turns + runIn : share),
        ...(turns && { turns, runIn, warmUp: WARM_UP, warmUpSeconds: one.seconds * (WARM_UP + runIn) }),
        quick,
      });
      roundsBefore += times;
    }
  }
  return { jobs, left };
}

/** One round of a job whose clients take turns; round 0 warms up. Their orders go on from round to round. */
export function roundOf({ work, payload, counts, turns, runIn, warmUp, roundsBefore }, round) {
  const firstTurn = (roundsBefore + round) * turns;
  return { work, payload, counts, turns: round === 0 ? warmUp : turns, runIn, firstTurn };
}

function payloadsOf({ payloads = ["json"] }, quick, chosen) {
  if (chosen) return payloads.filter((payload) => chosen.includes(payload));
  return quick ? payloads.slice(0, 1) : payloads;
}

function countsOf(clients, { once, durable }, share) {
  return Object.fromEntries(clients.map((client) => [client, Math.ceil((CLIENTS[client].isDurable ? durable : once) * share)]));
}
