// What listeners of a SessionSocket throw ends up where it does with a socket of `ws`, as an uncaught exception; where a
// program goes on in spite of it, nothing of the session is lost, and no other session notices.

import assert from "node:assert/strict";
import { once } from "node:events";
import path from "node:path";
import { after, before, test } from "node:test";
import { RUNTIMES } from "./node_server/start.mjs";
import { installPackage, need, start } from "./project.mjs";

const PROGRAM = path.join(import.meta.dirname, "server_socket_throws.mjs");
const SIDES = ["bare", "plain", "durable"];

let installed;
before(() => {
  installed = installPackage();
});
after(() => installed?.remove());

/** The lines that the program says on one of the sides. */
async function run(runtime, side) {
  const [node] = RUNTIMES[runtime];
  need(node, "cargo xtask setup");
  const child = start(node, [PROGRAM, installed.project, side], { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text) => (said += text));
  const [status] = await once(child, "close");
  assert.equal(status, 0, `the program ended with ${status}, after\n${said}`);
  return said.trimEnd().split("\n");
}

for (const runtime of ["Node 22", "Node 24"]) {
  test(`${runtime}: what a listener or a callback throws is an uncaught exception`, { timeout: 60_000 }, async () => {
    const [bare, plain, durable] = await Promise.all(SIDES.map((side) => run(runtime, side)));
    assert.ok(bare.length >= 9 && bare.every((line) => line.startsWith("uncaught: thrown by ")), bare.join("\n"));
    assert.deepEqual(plain, bare);
    assert.deepEqual(durable.slice(0, bare.length), bare);
    const [first, third, ...others] = durable.slice(bare.length).filter((line) => line.startsWith("uncaught: "));
    assert.deepEqual([first, third], ["uncaught: thrown by message 1", "uncaught: thrown by message 3"]);
    assert.deepEqual(others.slice(0, 2).sort(), ["uncaught: thrown by a callback", "uncaught: thrown by a pong listener"]);
    assert.deepEqual(others.slice(2), ["uncaught: thrown by message 5"]);
    assert.deepEqual(durable.slice(bare.length).filter((line) => !line.startsWith("uncaught: ")), [
      "told: 1,2,3,4",
      'neighbour: text 16 "to the neighbour"',
      'received: text 3 "one",text 3 "two"',
      "told: 1,2,3,4,5,6",
    ]);
  });
}
