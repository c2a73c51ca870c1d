// What a run is told by its flags.

import { parseArgs } from "node:util";

import {
  CLIENTS,
  JSON_ROUNDS,
  OTHER_THROUGHPUT_ROUNDS,
  PAYLOADS,
  QUICK_ROUNDS,
  ROUNDS,
  THROUGHPUT_ROUNDS,
  TRIP_ROUNDS,
  WORK_NAMES,
} from "../page/plan.js";

const BROWSERS = ["chromium", "firefox"];

export const HELP = `Measures Tautline beside its peers, in a real browser, against real servers.

  node benches/run.mjs [options]

  --quick             fewer messages, payloads and rounds: a few minutes
  --only WORK,…       these works: ${WORK_NAMES.join(", ")}
  --clients NAME,…    these clients: ${Object.keys(CLIENTS).join(", ")}
  --payloads NAME,…   these messages: ${PAYLOADS.join(", ")}; a quick run has json alone
  --rounds N          how often each client does each work, at most (${THROUGHPUT_ROUNDS} for echo, in and out with
                      json, ${OTHER_THROUGHPUT_ROUNDS} with others, ${TRIP_ROUNDS} for round trips,
                      ${JSON_ROUNDS} for the rest with json, ${ROUNDS} otherwise; quick: ${QUICK_ROUNDS})
  --browser NAME      chromium or firefox; without it everything in Chromium, and the echo of json in Firefox, too,
                      in ${JSON_ROUNDS} rounds; a full run has \`sockets\` there as well, as Firefox opens more
  --check             only look whether there is something to do by these flags
  --help              this text

\`cargo xtask bench\` has the same options, and builds first what is measured. A run of everything, without --rounds or
with ${THROUGHPUT_ROUNDS} or more, writes results.md and its charts; every run leaves all its figures in target/bench/told.json.
The exit status is 1 where something could not be measured. A bar that is missed is told, and no failure.
`;

/** `{ help, isCheck, browser, plan }`, where the plan is for `planOf`. Throws where a flag is wrong. */
export function settingsOf(args) {
  const text = { type: "string" };
  const flag = { type: "boolean" };
  const options = { quick: flag, only: text, clients: text, payloads: text, rounds: text, browser: text, check: flag, help: flag };
  const { values } = parseArgs({ args, options });
  const { help = false, check = false, quick = false } = values;
  const plan = {
    quick,
    only: names(values, "only", WORK_NAMES),
    clients: names(values, "clients", Object.keys(CLIENTS)),
    payloads: names(values, "payloads", PAYLOADS),
    rounds: rounds(values),
  };
  const [browser, ...others] = names(values, "browser", BROWSERS) ?? [];
  if (others.length > 0) throw new TypeError("--browser takes one browser; without it there are both");
  return { help, isCheck: check, browser, plan };
}

/** Whether everything is asked for, and often enough: only that is worth keeping. */
export function isWhole({ browser, plan }) {
  const { quick, only, clients, payloads, rounds = THROUGHPUT_ROUNDS } = plan;
  return !browser && !quick && !only && !clients && !payloads && rounds >= THROUGHPUT_ROUNDS;
}

/** What to run, in order: `{ browser, plan }`. */
export function runsOf({ browser, plan }) {
  if (browser) return [{ browser, plan }];
  const { quick, only = WORK_NAMES, payloads = PAYLOADS, rounds = quick ? undefined : JSON_ROUNDS } = plan;
  const runs = [{ browser: "chromium", plan }];
  const again = [];
  if (only.includes("echo")) again.push("echo");
  // It opens more than Chromium, and takes some ten minutes for it.
  if (only.includes("sockets") && !quick) again.push("sockets");
  if (again.length > 0 && payloads.includes("json")) {
    // No bar is about it.
    runs.push({ browser: "firefox", plan: { ...plan, only: again, payloads: ["json"], rounds } });
  }
  return runs;
}

/** What stands between commas, if anything does, each of it known. */
function names(values, flag, known) {
  const list = values[flag]?.split(",");
  const unknown = list?.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new TypeError(`--${flag} takes ${known.join(", ")}, not ${unknown}`);
  return list;
}

function rounds({ rounds }) {
  if (rounds === undefined) return undefined;
  if (!/^[1-9]\d*$/.test(rounds)) throw new TypeError(`--rounds takes a number from 1 on, not ${rounds}`);
  return Number(rounds);
}
