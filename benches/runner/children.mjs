// The programs that a run starts: each is ready before it is used, and none outlives this process.

import { spawn } from "node:child_process";
import readline from "node:readline";

const children = new Set();
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});

/** How long a program has to end when it is asked to. */
const GRACE_MS = 5000;

/** Starts a program; `ended` resolves with its exit code or signal. */
export function start(command, args, options = {}) {
  const child = spawn(command, args, options);
  children.add(child);
  const ended = new Promise((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code, signal) => resolve(signal ?? code));
  });
  ended.then(() => children.delete(child));
  return {
    pid: child.pid,
    stdout: child.stdout,
    ended,
    async stop() {
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), GRACE_MS);
      await ended;
      clearTimeout(timer);
    },
  };
}

/** Starts a server that says `listening on URL`; what it logs is ours. */
export async function startServer(name, command, args) {
  const server = start(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  const url = await new Promise((resolve, reject) => {
    readline.createInterface({ input: server.stdout }).on("line", (line) => {
      const [, url] = /^listening on (\S+)$/.exec(line) ?? [];
      if (url) resolve(url);
    });
    server.ended.then((end) => reject(new Error(`${name} ended with ${end} before it listened`)));
  });
  return { ...server, url };
}
