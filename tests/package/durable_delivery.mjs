// What is promised, whatever the network does: every message once and in order, in both directions. The same tests for
// every server that echoes on /echo; the page and the program of Node run the same code, durable_courier.js.

import assert from "node:assert/strict";
import { once } from "node:events";
import { copyFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";

import { startChaos } from "./chaos.mjs";
import { within } from "./conversation.mjs";
import { useDurableStage } from "./durable_stage.mjs";
import { need, start } from "./project.mjs";

const PATIENCE = 60_000;
const COURIER = "durable_courier.js";
const node = (version) => path.join(import.meta.dirname, `node_modules/node${version}/bin/node`);

/** The bar: 5,000 messages at this rate, and this network. */
const BAR = { count: 5000, perSecond: 1000 };
const NETWORK = { delayMs: 20, resetEveryMs: 250, silent: [4, 9] };
/** For a program of Node, which is done before there are four connections. */
const SILENT_SOON = { ...NETWORK, silent: [2, 9] };

/** A test with a bad network, in which `run` is given the URL and must say what became of the messages. */
function chaosTest(name, server, network, run, look) {
  test(name, { timeout: PATIENCE }, async () => {
    const chaos = await startChaos(server.url, network);
    try {
      const { lostSessions, firstDifference, ...result } = await within(PATIENCE, name, run(`${chaos.url}/echo`));
      assert.equal(firstDifference, null);
      assert.deepEqual({ ...result.outcome, lostSessions }, { lost: 0, repeated: 0, outOfOrder: 0, lostSessions: 0 });
      assert.deepEqual([result.end, result.leftOver], [1000, 0]);
      look(chaos.stats, result);
    } finally {
      await chaos.stop();
    }
  });
}

/** Whether the network was as bad as it was to be: so many resets, so many links that went silent. */
const wasBad = (least, links) => ({ resets, silenced }, { reconnects }) => {
  assert.ok(resets >= least, `${resets} resets are fewer than the network promised`);
  assert.ok(silenced >= links, `${silenced} links went silent`);
  assert.ok(reconnects >= links, `${reconnects} reconnects`);
};

/** Runs the courier as a program of Node, in a project that has the package. */
async function runInNode(version, project, url, job) {
  need(node(version), "cargo xtask setup");
  const child = start(node(version), [COURIER, url, JSON.stringify(job)], {
    cwd: project,
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text) => (said += text));
  const [status] = await once(child, "close");
  assert.equal(status, 0);
  return JSON.parse(said);
}

/** The tests for each server: by its name, a function of its flags that starts it. */
export function durableDeliverySuite(servers) {
  describe("a durable socket", () => {
    const stage = useDurableStage();
    for (const [name, serve] of Object.entries(servers)) describe(name, () => deliveryTests(stage, serve));
  });
}

function deliveryTests(stage, serve) {
  const server = { url: "" };
  let running;
  before(async () => {
    running = await serve("--heartbeat-ms", "200", "--window", "1024");
    server.url = running.url.replace(/^http/, "ws");
    copyFileSync(path.join(import.meta.dirname, COURIER), path.join(stage.project, COURIER));
  });
  after(async () => assert.equal(await running?.stop(), 0, "the server ends with 0 on SIGTERM"));

  const inPage = (job) => (url) =>
    stage.page.evaluate(async ([url, job]) => {
      const { carry } = await import("/durable_courier.js");
      return carry(connect, url, job);
    }, [url, job]);

  const bar = "5,000 at 1,000 a second, 20 ms each way, a reset every 250 ms, two silent links";
  chaosTest(`in a page: ${bar}`, server, NETWORK, inPage(BAR), wasBad(10, 2));

  chaosTest("in a page: 20,000 of every kind and size", server, NETWORK, inPage({ count: 20_000 }), wasBad(3, 1));

  for (const version of [22, 24]) {
    const run = (url) => runInNode(version, stage.project, url, { count: 12_000 });
    chaosTest(`in Node ${version}: 12,000 of every kind and size`, server, SILENT_SOON, run, wasBad(2, 1));
  }

  const cutAfterBytes = (number) => (number <= 60 ? 1 + ((number * 97) % 1500) : undefined);
  const few = inPage({ count: 300 });
  chaosTest("in a page: cut behind any byte, also of a handshake", server, { cutAfterBytes }, few, ({ cuts }) => {
    assert.ok(cuts >= 40, `${cuts} cuts are too few`);
  });
}
