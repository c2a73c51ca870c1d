// The processor time of a browser's pages, as Linux counts it, all threads of their processes together.

import { readFileSync, readdirSync } from "node:fs";

/** Linux counts in hundredths of a second, wherever programs see it. */
const MICROS_PER_TICK = 10_000;

/** Chromium's name for a page's process, and Firefox's. */
const isPage = (command) => command.includes("--type=renderer") || /\btab$/.test(command);

/** In microseconds; null where there is no /proc. */
export function pageTime(browserPid) {
  const processes = new Map();
  try {
    for (const name of readdirSync("/proc")) if (/^\d+$/.test(name)) note(processes, Number(name));
  } catch {
    return null;
  }
  let ticks = 0;
  for (const [pid, own] of processes) if (isBelow(processes, pid, browserPid) && isPage(commandOf(pid))) ticks += own.ticks;
  return ticks * MICROS_PER_TICK;
}

function note(processes, pid) {
  const stat = read(`/proc/${pid}/stat`);
  if (!stat) return;
  // Behind the name, which may have anything in it: state, parent, …, and from the twelfth on the times.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  processes.set(pid, { parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) });
}

function isBelow(processes, pid, ancestor) {
  while (pid !== ancestor && processes.has(pid)) pid = processes.get(pid).parent;
  return pid === ancestor;
}

const commandOf = (pid) => read(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim();

/** Empty where the process has ended. */
function read(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
