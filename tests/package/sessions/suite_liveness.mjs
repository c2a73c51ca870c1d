// Conformance: heartbeats, probes and what is answered to them. The same tests for every server: it echoes on /echo,
// and waits 5 s for the answer to a probe.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { connect } from "./client.mjs";
import { leave, PATIENCE, takeFrom, useServer } from "./kit.mjs";
import { openSession } from "./probe.mjs";
import { LAST } from "./wire.mjs";

const OPTIONS = { timeout: PATIENCE };
const HEARTBEAT = 200;
const PROBE = 5000;
/** What a busy machine may add. */
const SLACK = 2500;

export function livenessSuite(name, serve) {
  describe(`${name}: liveness`, () => {
    const server = useServer(serve, "--heartbeat-ms", String(HEARTBEAT));
    const echo = () => `${server.url}/echo`;

    test("the server's heartbeats are PINGs, also to one that it hears all the time", OPTIONS, async () => {
      const probe = await openSession(echo());
      assert.equal(probe.welcome.heartbeatMs, HEARTBEAT);
      const talking = setInterval(() => probe.send({ type: "pong", nonce: 1 }), HEARTBEAT / 4);
      for (let beat = 0; beat < 10; beat++) await probe.until("ping");
      clearInterval(talking);
      probe.stop();
    });

    test("a PING is answered by a PONG with its nonce, and one that nobody asked for by nothing", OPTIONS, async () => {
      const probe = await openSession(echo());
      for (const nonce of [0, 127, 128, LAST]) {
        probe.send({ type: "pong", nonce: 4_000_000 });
        probe.send({ type: "ping", nonce });
        assert.deepEqual(await probe.until("pong"), { type: "pong", nonce });
      }
      probe.stop();
    });

    test("an ACK that is owed goes out before a PONG", OPTIONS, async () => {
      const probe = await openSession(echo());
      for (let seq = 1; seq <= 10; seq++) {
        probe.send({ type: "text", seq, messages: ["taken once it is back"] });
        let acknowledged = 0;
        let frame = await probe.until();
        for (; !frame.messages; frame = await probe.until()) acknowledged = frame.taken ?? acknowledged;
        probe.send({ type: "ping", nonce: seq });
        for (frame = await probe.until(); frame.type !== "pong"; frame = await probe.until()) {
          acknowledged = frame.taken ?? acknowledged;
        }
        assert.equal(acknowledged, seq);
      }
      probe.stop();
    });

    test("what was taken is acknowledged without being asked for", OPTIONS, async () => {
      const probe = await openSession(echo());
      probe.send({ type: "text", seq: 1, messages: ["one"] });
      assert.equal((await probe.until("ack")).taken, 1);
      probe.stop();
    });

    test("a client that says nothing is closed in time, and finds its session again", OPTIONS, async () => {
      const start = performance.now();
      const silent = await openSession(echo());
      await silent.code();
      const took = performance.now() - start;
      const longest = 2 * HEARTBEAT + PROBE;
      assert.ok(took >= 2 * HEARTBEAT, `after ${took} ms it could not be known`);
      assert.ok(took <= longest + SLACK, `${took} ms are more than ${longest}`);
      const again = await openSession(echo(), { token: silent.welcome.token, attempt: 2 });
      assert.equal(again.welcome.resumed, true);
      again.stop();
    });

    test("a client that answers stays connected while a silent one is given up", OPTIONS, async () => {
      const client = connect(echo());
      await client.opened;
      const silent = await openSession(echo());
      await silent.code();
      await client.send("still here");
      assert.deepEqual(await takeFrom(client, 1), ["still here"]);
      assert.equal(client.stats.attempts, 1);
      await leave(client);
    });
  });
}
