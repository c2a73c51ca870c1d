// Runs a file of tests in another Node than this one, and has each of them as a test here.

import assert from "node:assert/strict";
import { once } from "node:events";
import path from "node:path";
import readline from "node:readline";
import { test } from "node:test";

import { need, start } from "../project.mjs";
import { RUNTIMES, runProgram } from "./start.mjs";

const PATIENCE = 120_000;
const REPORTER = "--test-reporter=./node_server/reporter.mjs";

/** Runs a file of this folder, in a project that has the package. */
export function testIn(runtime, file) {
  runTests(runtime, file, () => runProgram(runtime, REPORTER, `node_server/${file}`));
}

/** Runs a file of the folder above, where it is: it has a project of its own. */
export function testHereIn(runtime, file) {
  runTests(runtime, file, () => {
    const [command] = RUNTIMES[runtime];
    need(command, "cargo xtask setup");
    // Of the tests that run here, not of those.
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const cwd = path.resolve(import.meta.dirname, "..");
    return start(command, [REPORTER, file], { cwd, env, stdio: ["ignore", "pipe", "inherit"] });
  });
}

function runTests(runtime, file, run) {
  test(`${runtime}: ${file}`, { timeout: PATIENCE }, async (t) => {
    const child = run();
    const ended = once(child, "close");
    let count = 0;
    let isFailed = false;
    for await (const line of readline.createInterface({ input: child.stdout })) {
      const { name, failure, omitted } = JSON.parse(line);
      count++;
      isFailed ||= Boolean(failure);
      await t.test(name, () => {
        if (failure) throw new Error(failure);
        assert.equal(omitted, undefined, "every test counts");
      });
    }
    const [status] = await ended;
    assert.equal(status, isFailed ? 1 : 0, "the program ends by itself");
    assert.ok(count > 0, "there are tests in it");
  });
}
