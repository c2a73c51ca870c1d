// Runs a file of tests in another Node than this one, and has each of them as a test here.

import assert from "node:assert/strict";
import { once } from "node:events";
import readline from "node:readline";
import { test } from "node:test";

import { runProgram } from "./start.mjs";

const PATIENCE = 120_000;

/** Runs a file of this folder. */
export function testIn(runtime, file) {
  test(`${runtime}: ${file}`, { timeout: PATIENCE }, async (t) => {
    // Warnings are what some of them are about.
    const options = ["--no-warnings", "--test-reporter=./node_server/reporter.mjs"];
    const child = runProgram(runtime, ...options, `node_server/${file}`);
    const ended = once(child, "close");
    let isFailed = false;
    for await (const line of readline.createInterface({ input: child.stdout })) {
      const { name, failure } = JSON.parse(line);
      isFailed ||= Boolean(failure);
      await t.test(name, () => {
        if (failure) throw new Error(failure);
      });
    }
    const [status] = await ended;
    assert.equal(status, isFailed ? 1 : 0, "the program ends by itself");
  });
}
