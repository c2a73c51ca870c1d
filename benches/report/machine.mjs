// The machine and the software of a run, in words. What the runner did not find out is left out.

import { bytes, count } from "./numbers.mjs";

const several = (number, one) => `${count(number)} ${one}${number === 1 ? "" : "s"}`;
const roundsOf = (rounds, most = "") => (rounds > 1 ? `median of ${most}${rounds} rounds` : "one round");

/** For a picture: “Chromium 156, 2 cores, median of 5 rounds.” */
export function summary(machine, rounds) {
  const parts = [
    machine.browser && String(machine.browser).replace(/(\d+)[.\d]*/, "$1"),
    machine.cores && several(machine.cores, "core"),
    roundsOf(rounds),
  ];
  return `${parts.filter(Boolean).join(", ")}.`;
}

/** For the report: a line for each kind of thing. */
export function conditions(machine, rounds) {
  const { date, browser, browsers, cpu, cores, memory, system, node, peers = {} } = machine;
  const hardware = [cpu && `${cpu}${cores ? `, ${several(cores, "core")}` : ""}`, memory && bytes(memory), system];
  return [
    date,
    [...new Set([browser, ...Object.values(browsers ?? {})])].filter(Boolean).join(", "),
    hardware.filter(Boolean).join("; "),
    node && `Node ${String(node).replace(/^v/, "")} serves the page and socket.io`,
    Object.entries(peers).map(([name, version]) => `${name} ${version}`).join(", "),
    `${roundsOf(rounds, "up to ")}${machine.quick ? "; a quick run, with fewer messages" : ""}`,
  ].filter(Boolean);
}
