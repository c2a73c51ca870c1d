// The budget: what a page has to load. `cargo xtask size` prints the figures behind it.

import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";

import { ROOT } from "./project.mjs";
import { BUDGET, measure, spent } from "./size.mjs";

const { slim, tautline } = spent(measure(path.join(ROOT, "pkg")));

test("tautline/slim with its wasm keeps to the budget", () =>
  assert.ok(slim <= BUDGET.slim, `${slim} bytes of brotli, ${BUDGET.slim} at most: see \`cargo xtask size\``));

test("tautline with the wasm inlined keeps to the budget", () =>
  assert.ok(tautline <= BUDGET.tautline, `${tautline} bytes of brotli, ${BUDGET.tautline} at most: see \`cargo xtask size\``));
