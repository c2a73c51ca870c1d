// Durable sockets in Firefox and in WebKit: once through a bad network, and a server that knows nothing of sessions, which
// these two report otherwise than Chromium.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";

import { startChaos } from "./chaos.mjs";
import { installPackage, startServer } from "./project.mjs";
import { startSessionServer } from "./sessions/server.mjs";
import { openFirefox, openWebKit } from "./webdriver.mjs";

/** For a test, in ms. */
const LIMIT = { timeout: 60_000 };
const COUNT = 20_000;

const PAGE = `<!doctype html>
<title>A page with tautline</title>
<script type="module">
  globalThis.connect = (await import("/node_modules/tautline/index.js")).connect;
</script>`;

describe("durable sockets", () => {
  let installed, server, chaos, plain;

  before(async () => {
    installed = installPackage();
    writeFileSync(path.join(installed.project, "index.html"), PAGE);
    server = await startServer(installed.project);
    chaos = await startChaos(server.url, { delayMs: 20, resetEveryMs: 250, silent: (number) => number % 8 === 0 });
    plain = await startSessionServer({ select: () => false });
  });

  after(async () => {
    await chaos?.stop();
    await plain?.stop();
    const status = await server?.stop();
    installed?.remove();
    assert.equal(status, 0, "the server ends with 0 on SIGTERM");
  });

  for (const [name, open] of Object.entries({ Firefox: openFirefox, WebKit: openWebKit })) {
    describe(name, () => {
      let browser;

      before(async () => {
        browser = await open();
        await browser.goto(server.url);
        await browser.run(async () => {
          while (!globalThis.connect) await new Promise((resolve) => setTimeout(resolve, 5));
        });
      });

      after(() => browser?.quit());

      test("twenty thousand messages through a bad network, none lost, repeated or out of order", LIMIT, async () => {
        const { wrong, reconnects, lost } = await browser.run(
          async (url, count) => {
            const patience = { connectTimeout: 2000, heartbeat: { interval: 500, timeout: 500 } };
            const socket = connect(url, { durable: true, reconnect: { minDelay: 10, maxDelay: 100 }, ...patience });
            let lost = 0;
            socket.addEventListener("sessionlost", () => lost++);
            const sent = (async () => {
              for (let n = 0; n < count; n++) await socket.send(n);
            })();
            let wrong = 0;
            let next = 0;
            for await (const n of socket) {
              if (n !== next++) wrong++;
              if (next === count) break;
            }
            await sent;
            const { reconnects } = socket.stats();
            await socket.close();
            return { wrong, reconnects, lost };
          },
          `${chaos.url}/echo`,
          COUNT,
        );
        assert.deepEqual({ wrong, lost }, { wrong: 0, lost: 0 });
        assert.ok(reconnects > 0, "the network was bad");
      });

      test("a server without sessions is told from a bad network, in words", LIMIT, async () => {
        const end = await browser.run(async (url) => {
          const socket = connect(url, { durable: true, reconnect: { minDelay: 10, maxDelay: 50 } });
          return socket.opened.catch(({ code, message }) => ({ code, message, ...socket.stats() }));
        }, `${plain.url}/echo`);
        assert.equal(end.code, "unsupported");
        assert.match(end.message, /tautline\.v1/);
        assert.deepEqual([end.attempts, end.state], [3, "closed"]);
      });
    });
  }
});
