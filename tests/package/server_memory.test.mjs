// What sessions cost a server of Node: 10,000 that are idle, and 100,000 that have come and gone.

import assert from "node:assert/strict";
import { once } from "node:events";
import readline from "node:readline";
import { test } from "node:test";

import { within } from "./conversation.mjs";
import { runProgram, startNodeServer } from "./node_server/start.mjs";
import { isHealthy, until } from "./sessions/kit.mjs";
import { openSession } from "./sessions/probe.mjs";

/** A machine that has other things to do takes several times as long as one that has not. */
const PATIENCE = 240_000;
const OPTIONS = { timeout: PATIENCE };
const KIB = 1024;
const MIB = 1024 * KIB;

const IDLE = 10_000;
/** What an idle session may cost at most, with its connection and all that `ws` and Node keep for that. */
const PER_SESSION = 40 * KIB;

const PASSING = 100_000;
/** By so much memory may differ, whatever has passed. */
const SLACK = 8 * MIB;

const ask = async (url, path) => (await fetch(`${url}${path}`)).json();

/** Runs the crowd, and gives what it says next by `heard(word)`. */
function startCrowd(url, ...args) {
  const child = runProgram("Node 24", "node_server/crowd.mjs", url, ...args);
  const lines = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async heard(word) {
      const { value = "nothing more" } = await within(PATIENCE, `"${word}" of the crowd`, lines.next());
      assert.equal(value.split(" ")[0], word);
      return value;
    },
    async stop() {
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      await ended;
    },
  };
}

test("10,000 idle sessions: what each costs, that all are pinged, and that another is served", OPTIONS, async (t) => {
  const server = await startNodeServer(24, "--max-sessions", String(2 * IDLE), "--heartbeat-ms", "2000");
  const before = await ask(server.url, "/memory");
  const crowd = startCrowd(server.url, "idle", IDLE);
  try {
    await crowd.heard("welcome");
    await crowd.heard("alive");
    const { sessions, attached } = await ask(server.url, "/health");
    assert.deepEqual({ sessions, attached }, { sessions: IDLE, attached: IDLE });
    const after = await ask(server.url, "/memory");
    const each = (name) => ((after[name] - before[name]) / IDLE / KIB).toFixed(1);
    t.diagnostic(`an idle session costs ${each("rss")} KiB, ${each("heapUsed")} KiB of them in the heap of JavaScript`);
    assert.ok(after.rss - before.rss <= IDLE * PER_SESSION, `${each("rss")} KiB for each session`);
    const probe = await openSession(`${server.url}/echo`);
    probe.send({ type: "text", seq: 1, messages: ["one more"] });
    assert.deepEqual(await probe.messages(1), ["one more"]);
    probe.stop();
  } finally {
    await crowd.stop();
  }
  assert.equal(await server.stop(), 0);
});

test("100,000 sessions that ended, expired or made room leave nothing behind", OPTIONS, async (t) => {
  const server = await startNodeServer(24, "--max-sessions", "500", "--resume-ms", "50");

  /** Lets so many pass; the memory that is left, and who was refused. */
  async function pass(count) {
    const crowd = startCrowd(server.url, "pass", count);
    const refused = Number((await crowd.heard("gone")).split(" ")[1]);
    await crowd.stop();
    await until(async () => (await ask(server.url, "/health")).sessions === 0, "the last of them expired");
    return { refused, ...(await ask(server.url, "/memory")) };
  }

  const first = await pass(PASSING / 10);
  const last = await pass((PASSING * 9) / 10);
  const { heldBytes } = await ask(server.url, "/health");
  assert.equal(heldBytes, 0);
  assert.ok(first.refused + last.refused < PASSING / 100, `${first.refused + last.refused} were refused`);
  for (const name of ["heapUsed", "external", "arrayBuffers"]) {
    const grown = last[name] - first[name];
    t.diagnostic(`${name}: ${(first[name] / MIB).toFixed(1)} MiB, and ${(grown / MIB).toFixed(2)} MiB more at the end`);
    assert.ok(grown <= SLACK, `${name} grew by ${grown} bytes`);
  }
  await isHealthy(server.url);
  assert.equal(await server.stop(), 0);
});
