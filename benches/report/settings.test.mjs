// What the flags of a run ask for: which browsers, how often, and whether it is worth keeping.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import {
  JSON_ROUNDS,
  OTHER_THROUGHPUT_ROUNDS,
  planOf,
  QUICK_ROUNDS,
  ROUNDS,
  THROUGHPUT_ROUNDS,
  TRIP_ROUNDS,
} from "../page/plan.js";
import { HELP, isWhole, runsOf, settingsOf } from "../runner/settings.mjs";

const settings = (flags) => settingsOf(flags.split(" ").filter(Boolean));
const runs = (flags) => runsOf(settings(flags)).map(({ browser, plan }) => ({ browser, ...planOf({ ...plan, browser }) }));

test("only a run of everything, and often enough, is kept", () => {
  for (const flags of ["", `--rounds ${THROUGHPUT_ROUNDS}`, `--rounds ${THROUGHPUT_ROUNDS + 1}`]) {
    assert.equal(isWhole(settings(flags)), true, flags);
  }
  const parts = ["--quick", "--only echo", "--clients tautline,websocket", "--payloads json", "--browser chromium"];
  for (const flags of [...parts, `--rounds ${THROUGHPUT_ROUNDS - 1}`]) assert.equal(isWhole(settings(flags)), false, flags);
});

test("Firefox has the echo and the sockets after Chromium, where these are asked for", () => {
  const worksIn = (flags) => runs(flags).map(({ browser, jobs }) => [browser, [...new Set(jobs.map(({ work }) => work))]]);
  const [[chromium, all], second] = worksIn("");
  assert.equal(chromium, "chromium");
  assert.equal(all.length, 14);
  assert.deepEqual(second, ["firefox", ["echo", "sockets"]]);
  assert.deepEqual(worksIn("--quick")[1], ["firefox", ["echo"]]);
  assert.deepEqual(worksIn("--only echo --payloads 16"), [["chromium", ["echo"]]]);
  assert.deepEqual(worksIn("--only in"), [["chromium", ["in"]]]);
  assert.deepEqual(worksIn("--only echo --browser firefox"), [["firefox", ["echo"]]]);
});

test("rounds are those of the work and the payload, where nobody says", () => {
  const roundsOf = (flags, work, payload = "json", place = 0) =>
    runs(flags)[place].jobs.find((job) => job.work === work && (job.payload ?? payload) === payload).rounds;
  for (const work of ["echo", "in", "out"]) assert.equal(roundsOf("", work), THROUGHPUT_ROUNDS);
  for (const payload of ["json", "65536"]) assert.equal(roundsOf("", "round-trip", payload), TRIP_ROUNDS);
  assert.equal(roundsOf("", "round-trip-busy"), JSON_ROUNDS);
  assert.equal(roundsOf("", "echo", "4096"), OTHER_THROUGHPUT_ROUNDS);
  assert.equal(roundsOf("", "round-trip-busy", "4096"), ROUNDS);
  for (const place of [0, 1]) assert.equal(roundsOf("", "sockets", "json", place), ROUNDS);
  assert.equal(roundsOf("", "wire"), 1);
  assert.equal(roundsOf("", "echo", "json", 1), JSON_ROUNDS);
  assert.equal(roundsOf("--quick", "echo"), QUICK_ROUNDS);
  assert.equal(roundsOf("--quick", "echo", "json", 1), QUICK_ROUNDS);
  assert.equal(roundsOf("--rounds 2", "echo"), 2);
  assert.equal(roundsOf("--rounds 2", "echo", "json", 1), 2);
  assert.equal(roundsOf("--rounds 20", "loss"), 2);
});

test("the two helps say the same of rounds", () => {
  const rust = readFileSync(new URL("../../xtask/src/bench.rs", import.meta.url), "utf8");
  const numbers = (text) => text.match(/\d+/g).map(Number);
  const due = [THROUGHPUT_ROUNDS, OTHER_THROUGHPUT_ROUNDS, TRIP_ROUNDS, JSON_ROUNDS, ROUNDS, QUICK_ROUNDS];
  assert.deepEqual(numbers(/--rounds N(.+?)--browser/s.exec(HELP)[1]), due);
  assert.deepEqual(numbers(/each work, at most \[default: (.+?)\]/.exec(rust)[1]), due);
});

test("a flag that is wrong is said to be, with what it takes", () => {
  assert.throws(() => settings("--only dreams"), /--only takes .*echo.*, not dreams/);
  assert.throws(() => settings("--rounds 0"), /--rounds takes a number from 1 on, not 0/);
  assert.throws(() => settings("--browser chromium,firefox"), /one browser/);
});
