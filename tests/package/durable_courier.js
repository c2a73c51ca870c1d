// Sends messages of every kind through a durable socket to a server that echoes them, and says what became of each. It
// runs in a page, and as a program: node durable_courier.js URL JOB.

const bytesOf = (length, n) => Uint8Array.from({ length }, (_, index) => (index * 7 + n) % 256);

/** Message n: a text, JSON, bytes, or what is easily got wrong. */
const KINDS = [
  (n) => JSON.stringify({ n, text: "größe 🪢" }),
  (n) => `${n}`,
  () => "",
  () => new Uint8Array(),
  (n) => bytesOf(3 + (n % 60), n),
  (n) => `${n}\u001ebetween\u001e\u001e`,
  (n) => `\ufeff${n}`,
  (n) => `${n} \ud800 \udc00 \ud83e`,
  () => "\u001e",
];
/** One in so many has the size at which it takes up another position, give or take a byte. */
const POSITION = 40;
/** One in so many is larger than a frame of several may be. */
const LARGE = 1000;

function messageOf(n) {
  if (n % LARGE === LARGE - 1) return `${n} `.padEnd(70_000 + n, "large ");
  if (n % POSITION === 0) return bytesOf(4095 + (n % 3), n);
  if (n % POSITION === 1) return "€".repeat(1365) + "x".repeat(n % 3);
  return KINDS[n % KINDS.length](n);
}

/** As it arrives, in one string: equal where the messages are. */
const shown = (message) => (typeof message === "string" ? `text ${message.toWellFormed()}` : `bytes ${message}`);

/** What became of the messages 0, 1, 2, … by their numbers as they came. */
function tally(numbers, count) {
  const seen = new Set();
  const result = { lost: 0, repeated: 0, outOfOrder: 0 };
  let last = -1;
  for (const number of numbers) {
    if (seen.has(number)) result.repeated++;
    else if (number < last) result.outOfOrder++;
    seen.add(number);
    last = Math.max(last, number);
  }
  for (let number = 0; number < count; number++) if (!seen.has(number)) result.lost++;
  return result;
}

/** Sends `count` messages and takes their echoes: as fast as they are accepted, or so many `perSecond`. */
export async function carry(connect, url, { count, perSecond }) {
  const make = perSecond ? (n) => `${n}` : messageOf;
  const socket = connect(url, {
    durable: true,
    codec: { encode: (payload) => payload, decode: (payload) => payload },
    // Short, as are the silences of the network.
    heartbeat: { interval: 150, timeout: 250 },
    connectTimeout: 500,
    reconnect: { minDelay: 10, maxDelay: 50 },
  });
  let lostSessions = 0;
  socket.addEventListener("sessionlost", () => lostSessions++);
  let wake = () => {};
  const numbers = [];
  let received = 0;
  let firstDifference = null;
  const receiving = (async () => {
    for await (const message of socket) {
      if (perSecond) numbers.push(Number(message));
      else if (shown(message) !== shown(make(received))) {
        firstDifference ??= `${received}: ${shown(message).slice(0, 80)}`;
      }
      if (++received >= count) wake();
    }
  })();
  const all = new Promise((resolve) => (wake = resolve));
  const start = performance.now();
  for (let n = 0; n < count; ) {
    const due = perSecond ? Math.min(count, ((performance.now() - start) * perSecond) / 1000) : count;
    while (n < due) await socket.send(make(n++));
    if (n < count) await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await all;
  await socket.flush();
  const { reconnects, unacknowledged } = socket.stats();
  const { code } = await socket.close(1000, "", { timeout: 20_000 });
  await receiving;
  if (!perSecond) for (let n = 0; n < received; n++) numbers.push(n);
  const outcome = tally(numbers, count);
  return { outcome, firstDifference, lostSessions, reconnects, leftOver: unacknowledged, end: code };
}

if (globalThis.process?.argv[2]) {
  const { connect } = await import("tautline");
  console.log(JSON.stringify(await carry(connect, process.argv[2], JSON.parse(process.argv[3]))));
  // A link that went silent keeps Node for as long as the system believes in it.
  process.exit();
}
