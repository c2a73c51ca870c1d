// chaos.mjs by itself: what a bad network does, and nothing more.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import net from "node:net";
import path from "node:path";
import { after, before, describe, test } from "node:test";

import { startChaos } from "../chaos.mjs";
import { within } from "../conversation.mjs";
import { until } from "./kit.mjs";
import { startOwnServer, startProgram } from "./own_server.mjs";

const OPTIONS = { timeout: 20_000 };
const PROGRAM = path.join(import.meta.dirname, "../chaos.mjs");

/** A TCP server that sends back what it gets, and shows its ends of the connections. */
async function startTcpEcho() {
  const sockets = [];
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    socket.on("error", ({ code }) => (socket.failure = code));
    socket.pipe(socket);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const stop = () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return { url: `tcp://127.0.0.1:${server.address().port}`, sockets, stop };
}

/** A connection, with all that has come on it as `text()`, in `pieces`. */
async function dial(url) {
  const { port, hostname } = new URL(url);
  const socket = net.connect({ port: Number(port), host: hostname, noDelay: true });
  socket.pieces = [];
  socket.text = () => Buffer.concat(socket.pieces.map(({ bytes }) => bytes)).toString("latin1");
  socket.on("data", (bytes) => socket.pieces.push({ at: performance.now(), bytes }));
  socket.on("error", ({ code }) => (socket.failure = code));
  socket.gone = new Promise((resolve) => socket.once("close", () => resolve(socket.failure ?? "end")));
  // A reset may be as early as that.
  await Promise.race([new Promise((resolve) => socket.once("connect", resolve)), socket.gone]);
  return socket;
}

export function chaosSuite() {
  describe("chaos.mjs", () => {
    let target, chaos;
    before(async () => (target = await startTcpEcho()));
    after(() => target.stop());

    /** A test with a proxy of its own. */
    const withChaos = (name, options, run) =>
      test(name, OPTIONS, async () => {
        target.sockets.length = 0;
        chaos = await startChaos(target.url, options);
        try {
          await run();
        } finally {
          await chaos.stop();
        }
      });

    withChaos("without wishes it carries bytes, and the end of each direction", {}, async () => {
      const socket = await dial(chaos.url);
      const bytes = randomBytes(3_000_000);
      socket.end(bytes);
      assert.equal(await within(10_000, "the end", socket.gone), "end");
      assert.ok(Buffer.from(socket.text(), "latin1").equals(bytes));
      assert.deepEqual([chaos.stats.bytesUp, chaos.stats.bytesDown], [bytes.length, bytes.length]);
    });

    withChaos("each piece is late by the delay of each way, in order, and not in heaps", { delayMs: 40 }, async () => {
      const socket = await dial(chaos.url);
      const sent = [];
      for (let n = 0; n < 50; n++) {
        sent.push(performance.now());
        socket.write(String.fromCharCode(65 + (n % 26)));
        await new Promise((resolve) => setTimeout(resolve, 4));
      }
      await until(() => socket.text().length === 50, "all of it came");
      assert.equal(socket.text(), Array.from(sent, (_, n) => String.fromCharCode(65 + (n % 26))).join(""));
      let n = 0;
      for (const { at, bytes } of socket.pieces) {
        for (let index = 0; index < bytes.length; index++, n++) assert.ok(at - sent[n] >= 80, `${at - sent[n]} ms`);
      }
      assert.ok(socket.pieces.length >= 25, `50 pieces came as ${socket.pieces.length}`);
      socket.destroy();
    });

    withChaos("much data is carried whole through a delay", { delayMs: 10 }, async () => {
      const socket = await dial(chaos.url);
      const bytes = randomBytes(5_000_000);
      socket.end(bytes);
      await within(10_000, "the end", socket.gone);
      assert.ok(Buffer.from(socket.text(), "latin1").equals(bytes));
    });

    withChaos("who does not read is not read ahead for", { delayMs: 5 }, async () => {
      const socket = await dial(chaos.url);
      socket.pause();
      // More than the system's own buffers on the way hold.
      const all = 128 * 2 ** 20;
      socket.write(Buffer.alloc(all));
      let before = -1;
      let still = 0;
      await until(() => {
        still = chaos.stats.bytesUp === before ? still + 1 : 0;
        before = chaos.stats.bytesUp;
        return still === 50;
      }, "it came to a halt");
      assert.ok(chaos.stats.bytesUp < all / 2, `${chaos.stats.bytesUp} bytes were taken for nobody`);
      socket.resume();
      await until(() => chaos.stats.bytesDown === all, "all of it came");
      socket.destroy();
    });

    withChaos("a reset is one for both ends", { resetEveryMs: 50 }, async () => {
      const sockets = [await dial(chaos.url), await dial(chaos.url)];
      for (const socket of sockets) assert.equal(await within(5000, "a reset", socket.gone), "ECONNRESET");
      await until(() => target.sockets.every(({ failure }) => failure === "ECONNRESET"), "the other ends were reset");
      assert.ok(chaos.stats.resets >= 2);
    });

    withChaos("a silent link stays open, says nothing, and is spared by resets", {
      resetEveryMs: 60,
      silent: [1],
      silentAfterMs: 30,
    }, async () => {
      const silent = await dial(chaos.url);
      silent.write("before");
      await until(() => chaos.stats.silenced === 1, "it went silent");
      assert.equal(silent.text(), "before");
      silent.write("after");
      target.sockets[0].write("nor this");
      // Meanwhile others come and go.
      for (let n = 0; n < 3; n++) await (await dial(chaos.url)).gone;
      assert.equal(silent.text(), "before");
      assert.deepEqual([silent.closed, target.sockets[0].closed], [false, false]);
      silent.destroy();
    });

    withChaos("a link is cut behind the byte that was named", {
      cutAfterBytes: (number) => (number <= 20 ? number : undefined),
    }, async () => {
      for (let number = 1; number <= 20; number++) {
        const socket = await dial(chaos.url);
        socket.write("x".repeat(Math.ceil(number / 2)));
        await within(5000, "a cut", socket.gone);
        assert.equal(socket.text().length, Math.floor(number / 2));
      }
      // Node calls a reset an end where it comes together with data, which is so at the end that gets the last byte.
      const others = target.sockets.slice(1, 20);
      await until(() => others.every(({ failure }) => failure === "ECONNRESET"), "the other ends were reset");
      assert.equal(chaos.stats.cuts, 20);
      const whole = await dial(chaos.url);
      whole.end("x".repeat(1000));
      assert.equal(await whole.gone, "end");
    });

    const harsh = { resetEveryMs: 20, silent: () => true, cutAfterBytes: 3 };
    withChaos("once it is calm nothing breaks any more", harsh, async () => {
      chaos.calm();
      const socket = await dial(chaos.url);
      const { resets } = chaos.stats;
      for (let n = 0; n < 20; n++) {
        socket.write("calm");
        await until(() => socket.text().length === 4 * (n + 1), "it came back");
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      socket.destroy();
      assert.deepEqual([chaos.stats.resets, chaos.stats.silenced, chaos.stats.cuts], [resets, 0, 0]);
    });

    withChaos("cut and mend, and another target", {}, async () => {
      const other = await startTcpEcho();
      const first = await dial(chaos.url);
      chaos.cut();
      assert.equal(await first.gone, "ECONNRESET");
      const refused = await dial(chaos.url);
      assert.equal(await refused.gone, "ECONNRESET");
      chaos.retarget(other.url);
      chaos.mend();
      const second = await dial(chaos.url);
      second.end("hello");
      assert.equal(await second.gone, "end");
      assert.equal(other.sockets.length, 1);
      other.stop();
      // Where nobody listens, a connection is reset.
      const third = await dial(chaos.url);
      assert.equal(await third.gone, "ECONNRESET");
    });

    test("as a program it says where it listens, and ends with 0 on SIGTERM", OPTIONS, async () => {
      const server = await startOwnServer();
      const flags = ["--target", server.url, "--port", "0", "--delay-ms", "20", "--silent-every", "1000"];
      const program = await startProgram("../chaos.mjs", ...flags);
      const start = performance.now();
      const response = await fetch(`${program.url}/health`);
      assert.equal(response.status, 200);
      assert.ok(performance.now() - start >= 40);
      assert.equal(await program.stop(), 0);
      assert.equal(await server.stop(), 0);
    });

    test("its help names every flag, and what it can't read is an error", () => {
      const run = (...args) => spawnSync(process.execPath, [PROGRAM, ...args], { encoding: "utf8" });
      const { stdout, status } = run("--help");
      assert.equal(status, 0);
      for (const flag of ["target", "port", "delay-ms", "reset-ms", "silent-every", "cut-after-bytes"]) {
        assert.match(stdout, new RegExp(`--${flag}\\b`));
      }
      for (const args of [[], ["--target", "x"], ["--target", "tcp://a", "--port", "many"], ["--what"]]) {
        const { status, stderr } = run(...args);
        assert.equal(status, 2, args.join(" "));
        assert.match(stderr, /^chaos: ./);
      }
    });
  });
}
