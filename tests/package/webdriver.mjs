// Firefox and WebKit as the system has them, driven by WebDriver: playwright-core drives builds of its own only. Here is
// what tests need of it: to open a page, and to run a function in it.

import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import path from "node:path";
import readline from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { within } from "./conversation.mjs";
import { freePort, start } from "./project.mjs";

/** For a browser or its driver to start or end, in ms: a machine that has just compiled may be slow. */
const PATIENCE = 60_000;
/** For a function in a page, in ms. */
const SCRIPT_PATIENCE = 30_000;
const CAPABILITIES = path.join(import.meta.dirname, "../../webdriver.json");

/** Programs that run, each with everything it has started: none of it outlives this process. */
const programs = new Set();
process.on("exit", () => {
  for (const program of programs) program.kill("SIGKILL");
});

/** The file of a program on the PATH, or where cargo puts it. */
function find(...names) {
  const folders = [...(process.env.PATH ?? "").split(path.delimiter), path.join(homedir(), ".cargo/bin")];
  const files = names.flatMap((name) => folders.map((folder) => path.join(folder, name)));
  const file = files.find((file) => existsSync(file));
  if (!file) throw new Error(`${names.join(" or ")} is missing: run \`cargo xtask setup\``);
  return file;
}

/** Starts a program as the head of a process group, as a driver that is killed leaves its browser behind. */
function startProgram(file, args, options) {
  const child = start(file, args, { detached: true, stdio: ["ignore", "pipe", "ignore"], ...options });
  const program = {
    stdout: child.stdout,
    /** Rejects when it ends. */
    ended: new Promise((_, reject) => {
      child.once("error", reject);
      child.once("exit", (code, signal) => reject(new Error(`${file} ended with ${code ?? signal}`)));
    }),
    kill(signal) {
      try {
        process.kill(-child.pid, signal);
      } catch {
        // All of it has ended.
      }
    },
    async stop() {
      program.kill("SIGTERM");
      await within(PATIENCE, `${file} to end`, program.ended.catch(() => {})).finally(() => program.kill("SIGKILL"));
      programs.delete(program);
    },
  };
  program.ended.catch(() => {});
  programs.add(program);
  return program;
}

/** What a driver answers to a command, or the error that it names. */
async function command(address, method, body) {
  const response = await fetch(address, {
    method,
    headers: { "content-type": "application/json" },
    body: body && JSON.stringify(body),
    signal: AbortSignal.timeout(PATIENCE),
  });
  const { value } = await response.json();
  if (!response.ok) throw new Error(`${method} ${address}: ${value.error}: ${value.message}`);
  return value;
}

async function isReady(driver) {
  try {
    return (await command(`${driver}/status`, "GET")).ready;
  } catch {
    return false;
  }
}

/** Starts a driver, and by it a browser. `stop` ends what else was started for it. */
async function open({ name, file, args = [], env, capabilities = {}, stop }) {
  const port = await freePort("127.0.0.1");
  const driver = `http://127.0.0.1:${port}`;
  const program = startProgram(file, [...args, `--port=${port}`], { env: { ...process.env, ...env } });
  // It would wait for somebody to read it.
  program.stdout.resume();
  let session;

  const quit = async () => {
    try {
      if (session) await command(session, "DELETE");
    } finally {
      await program.stop();
      await stop();
    }
  };

  const begin = async () => {
    while (!(await isReady(driver))) await pause(20);
    const alwaysMatch = { ...capabilities, timeouts: { script: SCRIPT_PATIENCE, pageLoad: SCRIPT_PATIENCE } };
    const { sessionId } = await command(`${driver}/session`, "POST", { capabilities: { alwaysMatch } });
    session = `${driver}/session/${sessionId}`;
  };

  try {
    await within(PATIENCE, `${name} to start`, Promise.race([begin(), program.ended]));
  } catch (error) {
    await quit();
    throw error;
  }

  return {
    goto: (url) => command(`${session}/url`, "POST", { url }),
    back: () => command(`${session}/back`, "POST", {}),
    /**
     * What a function gives that runs in the page with these arguments. It takes nothing else along. It is the page's
     * own code there, in a turn of its own: a driver's code sees the page through wrappers in one browser, and makes
     * microtasks wait in the other.
     */
    async run(act, ...args) {
      const source = `new Promise((resolve) => setTimeout(resolve))
        .then(() => (${act})(...${JSON.stringify(args)}))
        .then((value) => JSON.stringify([value]))`;
      const script = `const done = arguments[0];
        const fail = (error) => done({ error: error + "\\n" + error?.stack });
        window.eval(${JSON.stringify(source)}).then((json) => done({ json }), fail);`;
      const { json, error } = await command(`${session}/execute/async`, "POST", { script, args: [] });
      if (error) throw new Error(`in the page: ${error}`);
      return JSON.parse(json)[0];
    },
    quit,
  };
}

/** Firefox, without a window. */
export async function openFirefox() {
  const file = find("geckodriver");
  const binary = find("firefox", "firefox-esr");
  const { "moz:firefoxOptions": options } = JSON.parse(readFileSync(CAPABILITIES, "utf8"));
  // A driver that is killed leaves its profile behind.
  const profiles = mkdtempSync(path.join(tmpdir(), "tautline-firefox-"));
  const remove = () => rmSync(profiles, { recursive: true, force: true, maxRetries: 5 });
  process.once("exit", remove);
  return open({
    name: "Firefox",
    file,
    args: ["--profile-root", profiles],
    capabilities: { "moz:firefoxOptions": { ...options, binary, args: ["-headless"] } },
    stop: remove,
  });
}

/** WebKit, on a screen that nobody sees: it has no headless mode. */
export async function openWebKit() {
  const file = find("WebKitWebDriver");
  const screen = startProgram(find("Xvfb"), ["-displayfd", "1", "-nolisten", "tcp"]);
  const line = new Promise((resolve) => readline.createInterface({ input: screen.stdout }).once("line", resolve));
  const display = await within(PATIENCE, "Xvfb to start", Promise.race([line, screen.ended]));
  const env = { DISPLAY: `:${display}`, GDK_BACKEND: "x11" };
  if (process.getuid() === 0) env.WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS = "1";
  return open({ name: "WebKit", file, env, stop: screen.stop });
}
