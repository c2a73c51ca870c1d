// `tautline/server/deno` and `tautline/server/bun`, each in its runtime, against the independent client, and against this
// project's own in the same runtime.

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import WebSocket from "ws";

import { startChaos } from "./chaos.mjs";
import { within } from "./conversation.mjs";
import { runProgram, startBunServer, startDenoServer } from "./node_server/start.mjs";
import { deliverySuite } from "./sessions/suite_delivery.mjs";
import { framesSuite } from "./sessions/suite_frames.mjs";
import { openProbe, openSession } from "./sessions/probe.mjs";
import { handshakeSuite } from "./sessions/suite_handshake.mjs";
import { Code } from "./sessions/wire.mjs";

const PATIENCE = 60_000;
/** The link that goes silent is not the last one: who says good-bye on that waits for an answer. */
const NETWORK = { delayMs: 20, resetEveryMs: 250, silent: [3] };
const COUNT = 8000;

const SERVERS = { Deno: startDenoServer, Bun: startBunServer };

/** Runs the courier as a program of a runtime: what became of its messages. */
async function runCourier(runtime, url) {
  const child = runProgram(runtime, "durable_courier.js", url, JSON.stringify({ count: COUNT }));
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text) => (said += text));
  const [status] = await once(child, "close");
  assert.equal(status, 0);
  return JSON.parse(said);
}

/** A test with a server of its own, which must end with 0. */
function serverTest(name, serve, run, ...flags) {
  test(name, { timeout: PATIENCE }, async () => {
    const server = await serve(...flags);
    try {
      await run(server);
    } finally {
      assert.equal(await server.stop(), 0);
    }
  });
}

for (const [runtime, serve] of Object.entries(SERVERS)) {
  handshakeSuite(runtime, serve);
  deliverySuite(runtime, serve);

  serverTest(`${runtime}: plain clients beside sessions`, serve, async (server) => {
    const probe = await openSession(`${server.url}/echo`);
    const plain = new WebSocket(`${server.url.replace("http", "ws")}/echo`);
    await once(plain, "open");
    for (const message of ["plain", Buffer.of(1, 2)]) {
      plain.send(message);
      const [data, isBinary] = await once(plain, "message");
      assert.deepEqual([data, isBinary], [Buffer.from(message), typeof message !== "string"]);
    }
    probe.send({ type: "text", seq: 1, messages: ["durable"] });
    assert.deepEqual(await probe.messages(1), ["durable"]);
    const { sessions, connections } = await (await fetch(`${server.url}/health`)).json();
    assert.deepEqual({ sessions, connections }, { sessions: 1, connections: 2 });
    const closed = once(plain, "close");
    plain.close(1000);
    await closed;
    probe.stop();
  });

  serverTest(`${runtime}: a session is its principal's; who has no name is closed with 4401`, serve, async (server) => {
    const as = (principal) => `${server.url}/echo?principal=${principal}`;
    const { welcome } = await openSession(as("anna"));
    const again = { token: welcome.token, attempt: 2 };
    assert.equal((await openSession(as("ben"), again)).welcome.resumed, false);
    assert.equal((await openSession(as("anna"), again)).welcome.resumed, true);
    const nobody = await openProbe(as(""));
    nobody.hello();
    assert.equal(await nobody.code(), Code.UNAUTHORIZED);
  });

  serverTest(`${runtime}: SIGTERM with a BYE`, serve, async (server) => {
    const probe = await openSession(`${server.url}/echo`);
    assert.equal(await server.stop(), 0);
    assert.deepEqual(probe.frames, [{ type: "bye", code: 1001, reason: "" }]);
    assert.equal(await probe.code(), 1000);
  }, "--shutdown", "bye");

  const name = `both ends in ${runtime}: 8,000 of every kind and size, 20 ms each way, a reset every 250 ms, a silent link`;
  test(name, { timeout: PATIENCE }, async () => {
    const server = await serve("--heartbeat-ms", "200");
    const chaos = await startChaos(server.url.replace("http", "ws"), NETWORK);
    try {
      const result = await within(PATIENCE, "the courier", runCourier(runtime, `${chaos.url}/echo`));
      const { lostSessions, firstDifference, outcome, end, leftOver, reconnects } = result;
      assert.equal(firstDifference, null);
      assert.deepEqual({ ...outcome, lostSessions }, { lost: 0, repeated: 0, outOfOrder: 0, lostSessions: 0 });
      assert.deepEqual([end, leftOver], [1000, 0]);
      assert.ok(reconnects > 0 && chaos.stats.resets > 0 && chaos.stats.silenced === 1, "the network broke");
    } finally {
      await chaos.stop();
    }
    assert.equal(await server.stop(), 0);
  });
}

// Deno's WebSocket drops a connection whose text is no UTF-8 without a close frame, which these tests want to see.
framesSuite("Bun", startBunServer);
