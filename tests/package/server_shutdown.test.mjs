// A server of Node that is told to end, by SIGTERM: with a BYE for its sessions, or without one; and what its clients make
// of it. Each time the process must end by itself, with 0.

import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import WebSocket from "ws";

import { within } from "./conversation.mjs";
import { startNodeServer } from "./node_server/start.mjs";
import { connect } from "./sessions/client.mjs";
import { leave, takeFrom, until } from "./sessions/kit.mjs";
import { openProbe, openSession } from "./sessions/probe.mjs";

const OPTIONS = { timeout: 60_000 };
const PATIENCE = 20_000;
const SIZE = 1000;

/** A test with a server of its own that ends its sessions in this way; `more` are flags of its. */
function shutdownTest(version, mode, name, run, ...more) {
  test(`in Node ${version}, ${mode}: ${name}`, OPTIONS, async () => {
    const server = await startNodeServer(version, "--shutdown", mode, ...more);
    try {
      await run(server);
    } finally {
      assert.equal(await server.stop(), 0);
    }
  });
}

/** A client to which the server has sent so many messages, of which none is taken. */
async function connectPushed(server, count) {
  const client = connect(`${server.url}/echo?push=${count}&size=${SIZE}`, { maxDelay: 50 });
  const sent = async () => (await (await fetch(`${server.url}/health`)).json()).heldBytes >= count * SIZE;
  await until(sent, "the server has sent all");
  return client;
}

for (const version of [22, 24]) {
  describe(`SIGTERM in Node ${version}`, () => {
    shutdownTest(version, "bye", "what was sent is taken, then a BYE ends it for good", async (server) => {
      const COUNT = 2000;
      const client = await connectPushed(server, COUNT);
      const stopped = server.stop();
      const messages = await takeFrom(client, COUNT);
      assert.deepEqual(messages.map((message) => JSON.parse(message).n), Array.from({ length: COUNT }, (_, n) => n + 1));
      const { code, unacknowledged } = await within(PATIENCE, "the BYE", client.closed);
      assert.deepEqual([code, unacknowledged, client.stats.attempts], [1001, [], 1]);
      assert.equal(await stopped, 0);
    });

    shutdownTest(version, "detach", "a close with 1001, and clients look for the next server", async (server) => {
      const client = await connectPushed(server, 10);
      assert.equal(await server.stop(), 0);
      await until(() => client.stats.attempts > 1, "it came back");
      assert.equal(client.ended, null);
      assert.equal((await takeFrom(client, 10)).length, 10, "what had arrived is there");
      await leave(client);
    });
  });
}

for (const mode of ["bye", "detach"]) {
  shutdownTest(24, mode, "who takes nothing, reads nothing, is away, or says no HELLO holds nobody up", async (server) => {
    const idle = await connectPushed(server, 10);
    const deaf = await openSession(`${server.url}/echo?push=4000&size=4000`, { limit: 1_000_000 });
    deaf.ws.pause();
    const away = await openSession(`${server.url}/echo?push=10`);
    away.stop();
    const silent = await openProbe(`${server.url}/echo`);
    assert.equal(await server.stop(), 0);
    assert.deepEqual(silent.frames, []);
    await silent.code();
    deaf.stop();
    await leave(idle);
  }, "--shutdown-ms", "500");

  shutdownTest(24, mode, "the code of the close is 1001 where there is no BYE, and 1000 behind one", async (server) => {
    const probe = await openSession(`${server.url}/echo`);
    const plain = new WebSocket(`${server.url.replace("http", "ws")}/echo`);
    await once(plain, "open");
    const closed = once(plain, "close");
    assert.equal(await server.stop(), 0);
    assert.equal((await closed)[0], 1001, "the program's own business");
    assert.equal(await probe.code(), mode === "bye" ? 1000 : 1001);
    assert.deepEqual(probe.frames, mode === "bye" ? [{ type: "bye", code: 1001, reason: "" }] : []);
  });
}
