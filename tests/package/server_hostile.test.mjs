// `tautline/server` in Node against clients of `tautline.v1` that mean harm.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { startNodeServer } from "./node_server/start.mjs";
import { boundedMemory, PATIENCE, useInhabitedServer } from "./sessions/kit.mjs";
import { openSession } from "./sessions/probe.mjs";
import { hostileSuite } from "./sessions/suite_hostile.mjs";

// What the suite bounds is what a client makes the server hold. Left to itself, V8 lets 64 MiB of buffers pile up that
// nobody holds before it looks; so the server collects as it goes.

const BOUND = 64 * 2 ** 20;
/** The largest ping of the WebSocket's own, masked with zeros. */
const PING = Buffer.concat([Buffer.of(0x89, 0x80 | 125), Buffer.alloc(4 + 125)]);

for (const version of [22, 24]) {
  const serve = (...flags) => startNodeServer(version, "--collect-ms", "20", ...flags);
  hostileSuite(`Node ${version}`, serve);

  describe(`Node ${version}: below the session`, () => {
    const server = useInhabitedServer(serve);

    test("pings of the WebSocket's own without end, of which no answer is read", { timeout: PATIENCE }, async () => {
      const pinger = await openSession(`${server.url}/echo`);
      const socket = pinger.ws._socket;
      pinger.ws.pause();
      const pings = Buffer.concat(Array(10_000).fill(PING));
      await boundedMemory(server.url, BOUND, async () => {
        for (let sent = 0; sent < 1_000_000; sent += 10_000) {
          await new Promise((resolve) => socket.write(pings, resolve));
        }
        await server.neighbour.goesOn();
      });
      assert.equal(socket.destroyed, false, "it is no offence");
      pinger.stop();
    });
  });
}
