// The program that tries a server in another language (SERVERS.md): a good server gets through, a faulty one is told.

import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";
import { within } from "./conversation.mjs";
import { read, start } from "./project.mjs";
import { startOwnServer } from "./sessions/own_server.mjs";
import { startSessionServer } from "./sessions/server.mjs";
import { STEPS } from "./sessions/try_steps.mjs";

const PROGRAM = path.join(import.meta.dirname, "sessions/try.mjs");
/** A Node that leaves out a suite altogether of which it is to run no test. */
const NODE = path.join(import.meta.dirname, "node_modules/node24/bin/node");
const SERVER = path.join(import.meta.dirname, "sessions/serve.mjs");
const PATIENCE = 90_000;

/** Runs it; what it printed, and its exit code. */
async function attempt(...args) {
  // Not as a part of these tests, for node:test that it uses itself.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const child = start(NODE, args, { env, stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text) => (output += text));
  const code = await within(PATIENCE, "it to end", new Promise((resolve) => child.once("close", resolve)));
  return { output, code };
}

test("a server that keeps the rules gets through all steps", { timeout: PATIENCE }, async () => {
  const server = await startOwnServer("--heartbeat-ms", "500");
  const { output, code } = await attempt(PROGRAM, `${server.url}/echo`);
  assert.equal(code, 0, output);
  assert.match(output, /\n\d+ passed, 0 failed: step 8 of 8 is reached\n$/);
  assert.equal(await server.stop(), 0);
});

test("one that breaks a rule is told which, and that it is not at the next step", { timeout: PATIENCE }, async () => {
  const server = await startSessionServer({ welcome: (welcome) => ({ ...welcome, token: "guessable" }) });
  const { output, code } = await attempt(PROGRAM, `${server.url}/echo`);
  assert.equal(code, 1);
  assert.match(output, /FAIL a HELLO is answered with the WELCOME of a new session.*\(rule 1\)\n +9 characters are fewer/);
  assert.doesNotMatch(output, /Messages/);
  assert.match(output, /\n2 passed, 1 failed: step 0 of 8 is reached\n$/);
  await server.stop();
});

test("a program that takes flags goes through the suites", { timeout: PATIENCE }, async () => {
  const one = "--test-name-pattern=a new session has its own token";
  const command = `${NODE} ${SERVER}`;
  const { output, code } = await attempt("--test-reporter=tap", one, PROGRAM, "--start", command);
  assert.equal(code, 0, output);
  assert.match(output, /ok \d+ - a new session has its own token.*\n/);
  assert.match(output, /# pass 1\n# fail 0\n/);
});

test("its steps are those of SERVERS.md, but for the last one, which takes several servers", () => {
  const headings = Array.from(read("SERVERS.md").matchAll(/^### \d+\. (.*)$/gm), ([, title]) => title);
  assert.deepEqual(STEPS.map(({ title }) => title), headings.slice(0, -1));
});

test("whoever does not know what it takes is told", async () => {
  assert.equal((await attempt(PROGRAM)).code, 2);
  assert.match((await attempt(PROGRAM, "--help")).output, /node try\.mjs ws:/);
});
