#!/usr/bin/env node
// A TCP proxy that is a bad network: it delays, resets, cuts at any byte, and lets links go silent. A module, and a
// program: `node chaos.mjs --help`.

import net from "node:net";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

/** What one direction of a link may hold back; past that its source waits. */
const HELD_BYTES = 1024 * 1024;

/**
 * One direction of a link: what comes in leaves in the same order and in the same pieces, each of them so many
 * milliseconds later. A slow reader is not read ahead for.
 */
class Lane {
  #from;
  #to;
  #delayMs;
  #pass;
  /** `{ due, piece }`, where the piece null is the end of the stream. */
  #queue = [];
  #bytes = 0;
  #timer = null;
  #isFull = false;
  #isStopped = false;

  /** `pass(piece)` says how many bytes of a piece may go on: less than all of them is the last. */
  constructor(from, to, { delayMs, pass }) {
    this.#from = from;
    this.#to = to;
    this.#delayMs = delayMs;
    this.#pass = pass;
    from.on("data", (piece) => this.#take(piece));
    from.on("end", () => this.#take(null));
    to.on("drain", () => {
      this.#isFull = false;
      this.#release();
    });
  }

  /** Nothing moves any more, and nothing is read either. */
  stop() {
    this.#isStopped = true;
    this.#queue = [];
    clearTimeout(this.#timer);
    this.#from.pause();
  }

  #take(piece) {
    if (this.#isStopped) return;
    this.#queue.push({ due: performance.now() + this.#delayMs, piece });
    this.#bytes += piece?.length ?? 0;
    if (this.#bytes > HELD_BYTES) this.#from.pause();
    // Without a delay nothing waits for a timer; with one, a piece never overtakes those before it.
    if (this.#delayMs === 0) this.#release();
    else this.#schedule();
  }

  #schedule() {
    if (this.#timer || this.#queue.length === 0 || this.#isFull) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = null;
        this.#release();
      },
      Math.max(0, this.#queue[0].due - performance.now()),
    );
  }

  #release() {
    const now = performance.now();
    while (!this.#isStopped && !this.#isFull && this.#queue.length > 0 && this.#queue[0].due <= now) {
      const { piece } = this.#queue.shift();
      if (piece === null) {
        this.#to.end();
        continue;
      }
      this.#bytes -= piece.length;
      this.#write(piece);
    }
    if (this.#isStopped) return;
    if (this.#bytes <= HELD_BYTES) this.#from.resume();
    this.#schedule();
  }

  #write(piece) {
    const { length, last } = this.#pass(piece);
    if (last) this.#isStopped = true;
    this.#isFull = !this.#to.write(piece.subarray(0, length), last);
  }
}

/**
 * Starts a proxy in front of `target`, whose scheme its own `url` has. Connections are counted from 1. Options:
 *
 * - `delayMs`: how much later each byte arrives, each way. Default: 0.
 * - `resetEveryMs`: so often all connections are reset, but silent ones. Default: 0, never.
 * - `silent`: the numbers of connections that go silent, or a function from number to boolean. They stay open, and
 *   carry nothing any more, neither bytes nor an end.
 * - `silentAfterMs`: how long those live before; resets spare them. Default: 150.
 * - `silentForMs`: how long they stay before they are reset all the same. Default: 120 s.
 * - `cutAfterBytes`: a connection is reset once so many bytes have passed, of both directions together: a number, or a
 *   function from the connection's number, where undefined is never.
 * - `port`, `host`: where it listens. Default: a free port of 127.0.0.1.
 */
export async function startChaos(target, options = {}) {
  const { delayMs = 0, resetEveryMs = 0, port = 0, host = "127.0.0.1" } = options;
  const { silent = [], silentAfterMs = 150, silentForMs = 120_000, cutAfterBytes } = options;
  const goesSilent = typeof silent === "function" ? silent : (number) => silent.includes(number);
  const cutOf = typeof cutAfterBytes === "function" ? cutAfterBytes : () => cutAfterBytes;
  const stats = { connections: 0, resets: 0, silenced: 0, cuts: 0, bytesUp: 0, bytesDown: 0 };
  const links = new Set();
  let upstreamUrl = new URL(target);
  let isDown = false;
  let isCalm = false;

  const reset = (link) => {
    if (!links.delete(link)) return;
    clearTimeout(link.timer);
    for (const lane of link.lanes) lane.stop();
    link.client.resetAndDestroy();
    link.upstream.resetAndDestroy();
  };

  const hush = (link) => {
    link.isSilent = true;
    stats.silenced++;
    for (const lane of link.lanes) lane.stop();
    // Nobody reads it, so nobody sees when both ends have left it.
    link.timer = setTimeout(() => reset(link), silentForMs).unref();
  };

  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const number = ++stats.connections;
    client.on("error", () => {});
    if (isDown) {
      client.resetAndDestroy();
      return;
    }
    const { hostname, port: upstreamPort } = upstreamUrl;
    const upstream = net.connect({ host: hostname, port: Number(upstreamPort), noDelay: true, allowHalfOpen: true });
    const link = { client, upstream, lanes: [], isSilent: false, timer: null };
    links.add(link);

    let left = (isCalm ? undefined : cutOf(number)) ?? Infinity;
    let isCut = false;
    const pass = (counter) => (piece) => {
      const length = isCalm && !isCut ? piece.length : Math.min(left, piece.length);
      left -= length;
      stats[counter] += length;
      if (isCalm || isCut || left > 0) return { length };
      isCut = true;
      stats.cuts++;
      // Reset when the last byte is with the system.
      return { length, last: () => reset(link) };
    };
    link.lanes.push(new Lane(client, upstream, { delayMs, pass: pass("bytesUp") }));
    link.lanes.push(new Lane(upstream, client, { delayMs, pass: pass("bytesDown") }));
    if (!isCalm && goesSilent(number)) {
      link.isChosen = true;
      link.timer = setTimeout(() => hush(link), silentAfterMs);
    }
    for (const [socket, other] of [[client, upstream], [upstream, client]]) {
      // A reset of one side is a reset of the other; what is silent tells neither.
      socket.on("error", () => !link.isSilent && reset(link));
      socket.on("close", () => {
        if (other.destroyed) links.delete(link);
      });
    }
  });

  const resetAll = () => {
    for (const link of links) {
      if (link.isChosen) continue;
      stats.resets++;
      reset(link);
    }
  };
  const ticker = resetEveryMs > 0 && setInterval(resetAll, resetEveryMs);

  await new Promise((resolve, reject) => server.once("error", reject).listen(port, host, resolve));
  return {
    url: `${upstreamUrl.protocol}//${host}:${server.address().port}`,
    stats,
    /** No more resets, cuts and silence; the delay stays, and so do the links that are silent already. */
    calm() {
      isCalm = true;
      clearInterval(ticker);
      for (const { timer } of links) clearTimeout(timer);
    },
    /** Resets what is open, and everything that comes, until `mend`. */
    cut() {
      isDown = true;
      for (const link of links) reset(link);
    },
    mend() {
      isDown = false;
    },
    /** New connections lead to another server; with `cut` and `mend` the old ones don't stay where they are. */
    retarget(url) {
      upstreamUrl = new URL(url);
    },
    stop() {
      clearInterval(ticker);
      for (const link of links) reset(link);
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

const HELP = `A TCP proxy that is a bad network.

  node chaos.mjs --target http://127.0.0.1:9010 [options]

  --target URL           where connections lead
  --port N               where it listens (default 9011; 0: a free port)
  --delay-ms N           how much later each byte arrives, each way
  --reset-ms N           how often all connections are reset
  --silent-every N       each Nth connection goes silent
  --silent-after-ms N    how long it lives before (default 150)
  --cut-after-bytes N    each connection is reset after so many bytes
  --help                 this text
`;

/** A whole number that isn't negative. */
function numberOf(values, name, fallback) {
  const text = values[name] ?? String(fallback);
  if (!/^\d+$/.test(text)) throw new TypeError(`--${name} takes a number, not ${text}`);
  return Number(text);
}

function settingsOf(args) {
  const text = { type: "string" };
  const flags = ["target", "port", "delay-ms", "reset-ms", "silent-every", "silent-after-ms", "cut-after-bytes"];
  const types = { ...Object.fromEntries(flags.map((flag) => [flag, text])), help: { type: "boolean" } };
  const { values } = parseArgs({ args, options: types });
  if (values.help) return { help: true };
  if (!URL.canParse(values.target ?? "")) throw new TypeError("--target takes a URL");
  const every = numberOf(values, "silent-every", 0);
  const options = {
    port: numberOf(values, "port", 9011),
    delayMs: numberOf(values, "delay-ms", 0),
    resetEveryMs: numberOf(values, "reset-ms", 0),
    silent: (number) => every > 0 && number % every === 0,
    silentAfterMs: numberOf(values, "silent-after-ms", 150),
    cutAfterBytes: numberOf(values, "cut-after-bytes", 0) || undefined,
  };
  return { target: values.target, options };
}

async function main() {
  const { help, target, options } = settingsOf(process.argv.slice(2));
  if (help) {
    process.stdout.write(HELP);
    return;
  }
  const chaos = await startChaos(target, options);
  console.log(`listening on ${chaos.url}`);
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => chaos.stop());
}

if (process.argv[1] && path.resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  main().catch((error) => {
    console.error(`chaos: ${error.message}`);
    process.exitCode = 2;
  });
}
