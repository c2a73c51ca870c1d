#!/usr/bin/env node
// Tries a server of `tautline.v1` that is being written, in whatever language: step by step against one that runs, or
// with all suites of the conformance tests against a program that takes flags. `node try.mjs --help`.

import { spawn } from "node:child_process";
import readline from "node:readline";
import { parseArgs } from "node:util";

import { within } from "../conversation.mjs";
import { STEPS } from "./try_steps.mjs";

const HELP = `Tries a server of tautline.v1 that sends back what it gets.

  node try.mjs ws://127.0.0.1:9000/echo [--until N | --all]
  node try.mjs --start "./my-server --some --flags"

With a URL: step by step, as SERVERS.md builds it. It ends with the first step in which something fails.
  --until N    up to step N
  --all        all steps, whatever fails
With --start: the project's own suites. The program is started many times, each time with some of these flags behind its
own, and ended with SIGTERM, upon which it exits with 0:
  --port 0 --window N --resume-ms N --heartbeat-ms N --max-message N --max-sessions N
It prints \`listening on http://127.0.0.1:PORT\`, echoes on /echo, answers GET /health with 200, lets in every origin
of this machine (http://localhost:1111) and clients without one, and refuses all others with 403.
`;

/** Runs the steps; how many checks have failed. */
async function climb(url, { until, all }) {
  const count = { passed: 0, failed: 0, skipped: 0 };
  let reached = 0;
  for (const [index, { title, checks }] of STEPS.slice(0, until).entries()) {
    console.log(`${index + 1}. ${title}`);
    const before = count.failed;
    // What only waits may wait together.
    const results = checks.map(({ isSlow, run }) => (isSlow ? outcomeOf(run, url) : null));
    for (const [number, { rule, name, run }] of checks.entries()) {
      const { outcome, reason } = await (results[number] ?? outcomeOf(run, url));
      count[outcome]++;
      const mark = { passed: "ok  ", failed: "FAIL", skipped: "skip" }[outcome];
      console.log(`   ${mark} ${name} (rule ${rule})`);
      if (reason) console.log(reason.replace(/^/gm, "        "));
    }
    if (count.failed === 0) reached = index + 1;
    else if (count.failed > before && !all) break;
  }
  const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : "";
  console.log(`${count.passed} passed, ${count.failed} failed${skipped}: step ${reached} of ${STEPS.length} is reached`);
  return count.failed;
}

/** A check that can't tell anything about this server returns why. */
async function outcomeOf(run, url) {
  try {
    const reason = await within(120_000, "this check to end", run(url));
    return reason ? { outcome: "skipped", reason } : { outcome: "passed" };
  } catch (error) {
    return { outcome: "failed", reason: error.message };
  }
}

/** Starts the program with more flags: what the suites call a server. */
function starterOf(command) {
  return async (...flags) => {
    const args = ["-c", `exec ${command} "$@"`, "sh", "--port", "0", ...flags];
    const child = spawn("sh", args, { stdio: ["ignore", "pipe", "inherit"] });
    const kill = () => child.kill("SIGKILL");
    process.once("exit", kill);
    const ended = new Promise((resolve) => child.once("exit", resolve));
    ended.then(() => process.off("exit", kill));
    const listening = new Promise((resolve, reject) => {
      readline.createInterface({ input: child.stdout }).on("line", (line) => {
        const [, url] = /\blistening on (http:\S+)/.exec(line) ?? [];
        if (url) resolve(url);
      });
      ended.then((code) => reject(new Error(`${command} ended with ${code} before it said where it listens`)));
    });
    return {
      url: await within(60_000, `${command} to say where it listens`, listening),
      stop() {
        child.kill("SIGTERM");
        return within(10_000, `${command} to end`, ended);
      },
    };
  };
}

/** Registers the suites with node:test, which runs them then. */
async function runSuites(command) {
  for (const name of ["handshake", "frames", "delivery", "liveness", "hostile"]) {
    const suite = (await import(`./suite_${name}.mjs`))[`${name}Suite`];
    suite(command, starterOf(command));
  }
}

function settingsOf(args) {
  const options = {
    until: { type: "string" },
    all: { type: "boolean", default: false },
    start: { type: "string" },
    help: { type: "boolean" },
  };
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
  const [url] = positionals;
  if (values.help) return { help: true };
  if (!values.start && !URL.canParse(url ?? "")) throw new TypeError("it takes a URL, or --start");
  const until = Number(values.until ?? STEPS.length);
  if (!STEPS[until - 1]) throw new TypeError(`--until takes a number from 1 to ${STEPS.length}`);
  return { url, until, all: values.all, start: values.start };
}

try {
  const { help, url, start, ...range } = settingsOf(process.argv.slice(2));
  if (help) process.stdout.write(HELP);
  else if (start) await runSuites(start);
  else process.exit((await climb(url, range)) > 0 ? 1 : 0);
} catch (error) {
  console.error(`try: ${error.message}`);
  process.exitCode = 2;
}
