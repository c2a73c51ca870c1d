// The independent server as a process of its own: what the suites are tried on.

import path from "node:path";
import readline from "node:readline";

import { within } from "../conversation.mjs";
import { start } from "../project.mjs";

const PATIENCE = 10_000;

/** Starts a program of this folder's parent that says where it listens. */
export async function startProgram(file, ...flags) {
  const program = path.join(import.meta.dirname, file);
  const child = start(process.execPath, [program, ...flags], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const listening = new Promise((resolve, reject) => {
    readline.createInterface({ input: child.stdout }).on("line", (line) => {
      const [, url] = /^listening on (\S+)$/.exec(line) ?? [];
      if (url) resolve(url);
    });
    ended.then((code) => reject(new Error(`${file} ended with ${code} before it listened`)));
  });
  return {
    url: await within(PATIENCE, `${file} to listen`, listening),
    stop() {
      child.kill("SIGTERM");
      return within(PATIENCE, `${file} to end`, ended);
    },
  };
}

export const startOwnServer = (...flags) => startProgram("serve.mjs", "--port", "0", ...flags);
