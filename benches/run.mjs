#!/usr/bin/env node
// Runs the plan of page/plan.js in real browsers, next to real servers, and reports. `node benches/run.mjs --help`.

import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";

import { CLIENTS, planOf } from "./page/plan.js";
import { report } from "./report/index.mjs";
import { kindOf } from "./report/works.mjs";
import { find } from "./runner/browsers.mjs";
import { startServer } from "./runner/children.mjs";
import { conduct } from "./runner/conduct.mjs";
import { machine } from "./runner/machine.mjs";
import { HELP, isWhole, runsOf, settingsOf } from "./runner/settings.mjs";

const BENCHES = import.meta.dirname;
const ROOT = path.resolve(BENCHES, "..");
const SERVER = process.env.TAUTLINE_ECHO_BIN ?? path.join(ROOT, "target/release/tautline-echo");

/** What ctrl-C ends has this exit status, as shells have it. */
const INTERRUPTED = 130;

async function main() {
  const settings = settingsOf(process.argv.slice(2));
  if (settings.help) {
    process.stdout.write(HELP);
    return;
  }
  const runs = runsOf(settings)
    .map(({ browser, plan }) => ({ browser, plan, ...planOf({ ...plan, browser }) }))
    .filter(({ jobs }) => jobs.length > 0);
  if (runs.length === 0) throw new Error("none of the clients does any of these works with these payloads");
  if (settings.isCheck) return;
  needEverything(runs);
  const browsers = Object.fromEntries(runs.map(({ browser }) => [browser, find(browser).version]));

  const servers = [];
  const told = { records: [], series: [] };
  const ended = [];
  const stopped = interruption();
  try {
    servers.push(await startServer("tautline-echo", SERVER, ["--port", "0", "--log", "warn"]));
    servers.push(await startServer("socket.io's server", process.execPath, [path.join(BENCHES, "runner/socket_io.mjs")]));
    const [tautline, socketIo] = servers;
    // Clients of socket.io take its address as it is.
    const urls = { tautline: tautline.url.replace("http", "ws"), "socket.io": socketIo.url };
    for (const [index, { browser, plan, jobs, left }] of runs.entries()) {
      console.log(`in ${browser}${left.length > 0 ? `, but for ${left.join(", ")}: only Chromium tells that` : ""}`);
      // Beside another browser's its works are works of their own.
      const suffix = index === 0 ? "" : `-${browser}`;
      const hear = (record) => {
        if (record.points) told.series.push(record);
        else if (isAskedFor(record, plan)) told.records.push({ ...record, work: record.work + suffix });
      };
      // Whatever ends it, what was measured before is told.
      await conduct(browser, jobs, urls, stopped, hear).catch((error) => ended.push(error));
      if (ended.some(isInterruption)) break;
    }
  } finally {
    for (const server of servers) await server.stop();
  }

  const failed = told.records.filter(({ failed }) => failed !== undefined);
  // A peer that failed is told as that.
  const isSound = ended.length === 0 && failed.every(({ client }) => kindOf(client) === "peer");
  tell({ machine: machine(browsers, settings.plan), ...told }, isSound && isWhole(settings));
  const interrupted = ended.find(isInterruption);
  if (interrupted) throw interrupted;
  const failures = [...ended.map(({ message }) => message), ...failed.map(inWords)];
  if (failures.length > 0) throw new Error(`not everything was measured:\n  ${failures.join("\n  ")}`);
}

/** What is built beforehand. */
function needEverything(runs) {
  const clients = new Set(runs.flatMap(({ jobs }) => jobs.flatMap((job) => job.clients)));
  const rust = [...clients].filter((name) => CLIENTS[name].language === "Rust");
  const wasm = rust.map((name) => path.join(BENCHES, `rust/pkg/${name}/${name}.js`));
  const files = [SERVER, path.join(ROOT, "pkg/index.js"), ...wasm];
  const missing = files.filter((file) => !existsSync(file));
  if (missing.length === 0) return;
  throw new Error(`run \`cargo xtask bench\`, which builds what is missing:\n  ${missing.join("\n  ")}`);
}

/** A processor's time comes with the echo, wanted or not. */
const isAskedFor = ({ work, failed }, { only }) => failed !== undefined || (only?.includes(work) ?? true);

const inWords = ({ work, payload, client, failed }) => `${[work, payload, client].filter(Boolean).join(", ")}: ${failed}`;

const isInterruption = ({ exitCode }) => exitCode === INTERRUPTED;

/** Rejects at the first ctrl-C. A second one ends this process at once, and its children with it. */
function interruption() {
  let isStopping = false;
  const stopped = new Promise((_, reject) => {
    const stop = () => {
      if (isStopping) process.exit(INTERRUPTED);
      isStopping = true;
      reject(Object.assign(new Error("interrupted"), { exitCode: INTERRUPTED }));
    };
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, stop);
  });
  // It may come when nobody waits for it.
  stopped.catch(() => {});
  return stopped;
}

/** Prints the report, and keeps what is worth it. */
function tell(told, isWorthKeeping) {
  const { terminal, markdown, charts } = report(told);
  process.stdout.write(`\n${terminal}`);
  const folder = path.join(ROOT, "target/bench");
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, "told.json"), JSON.stringify(told));
  if (!isWorthKeeping) return;
  writeFileSync(path.join(BENCHES, "results.md"), markdown);
  for (const [name, svg] of Object.entries(charts)) writeFileSync(path.join(BENCHES, name), svg);
  console.log("\nwritten: benches/results.md and its charts");
}

main().catch((error) => {
  console.error(`bench: ${error.message}`);
  process.exitCode = error.exitCode ?? 1;
}).finally(() => {
  // All is told: a connection that a relay has not yet closed keeps nobody waiting.
  process.exit();
});
