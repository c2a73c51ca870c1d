// What a run was made on, and with what.

import os from "node:os";

import { peers } from "./peers.mjs";

/** `browsers`: the versions of those that it ran in, by their names, the first one first. */
export function machine(browsers, { quick }) {
  const cpus = os.cpus();
  return {
    browser: Object.values(browsers)[0],
    browsers,
    cpu: cpus[0]?.model,
    cores: cpus.length,
    memory: os.totalmem(),
    system: `${os.type()} ${os.release()}, ${os.arch()}`,
    node: process.version,
    peers: peers(),
    date: new Date().toISOString().slice(0, 10),
    quick,
  };
}
