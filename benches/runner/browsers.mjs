// Browsers without a driver: nothing listens in, as a session of DevTools would, which copies every frame and halves a raw
// WebSocket. The page runs by itself.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { start } from "./children.mjs";

const COMMANDS = {
  chromium: [process.env.CHROMIUM, "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"],
  firefox: [process.env.FIREFOX, "firefox-esr", "firefox"],
};

const FLAGS = {
  chromium: (profile, url) => [
    "--headless=new",
    // It visits this machine only.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--no-default-browser-check",
    // Memory is told as it is, and collected when asked.
    "--enable-precise-memory-info",
    "--js-flags=--expose-gc",
    `--user-data-dir=${profile}`,
    url,
  ],
  firefox: (profile, url) => ["--headless", "--no-remote", "--profile", profile, url],
};

/** More sockets than it opens otherwise; and it asks nothing else of the network, or of anyone. */
const FIREFOX_PREFERENCES = {
  "network.websocket.max-connections": 2000,
  "browser.shell.checkDefaultBrowser": false,
  "browser.aboutwelcome.enabled": false,
  "datareporting.policy.dataSubmissionEnabled": false,
  "toolkit.telemetry.reportingpolicy.firstRun": false,
  "browser.startup.homepage_override.mstone": "ignore",
  "app.update.enabled": false,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
};

/** Opens a page in a browser with a profile of its own; `{ pid, ended, stop }`. */
export function open(browser, url) {
  const { command } = find(browser);
  const profile = mkdtempSync(path.join(tmpdir(), "tautline-bench-"));
  process.on("exit", () => remove(profile));
  if (browser === "firefox") {
    const lines = Object.entries(FIREFOX_PREFERENCES).map(([name, value]) => `user_pref("${name}", ${JSON.stringify(value)});\n`);
    writeFileSync(path.join(profile, "user.js"), lines.join(""));
  }
  const child = start(command, FLAGS[browser](profile, url), { stdio: "ignore" });
  return {
    pid: child.pid,
    ended: child.ended,
    async stop() {
      await child.stop();
      // The processes of its pages end a little later, and write until then.
      for (let tries = 0; !remove(profile) && tries < 100; tries++) await sleep(50);
    },
  };
}

/** Whether the folder is gone. */
function remove(folder) {
  try {
    rmSync(folder, { recursive: true, force: true });
    return true;
  } catch {
    return false;
  }
}

/** `{ command, version }`. Throws where there is none. */
export function find(browser) {
  for (const command of COMMANDS[browser].filter(Boolean)) {
    const { status, stdout } = spawnSync(command, ["--version"], { encoding: "utf8" });
    if (status === 0) return { command, version: stdout.trim().replace(/ built on.*/, "") };
  }
  throw new Error(`there is no ${browser} here: \`cargo xtask setup\` installs it`);
}
