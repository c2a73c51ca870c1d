// The plainest program there is: a server made with `ws` that answers what it gets, and a page that greets it. With
// WebSocket taken from tautline/websocket, and nothing else changed, the page greets again after the server restarts.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import readline from "node:readline";
import { after, before, test } from "node:test";
import { within } from "./conversation.mjs";
import { freePort, installPackage, launchBrowser, start } from "./project.mjs";
import { serveFolder } from "./site.mjs";

const PATIENCE = 20_000;

const server = (port) => `
const ws = require("ws");
const server = new ws.Server({ port: ${port} });
server.on("connection", (client) => {
  console.log("one more");
  client.on("message", (text) => {
    console.log("heard %s", text);
    client.send(\`you said: \${text}\`);
  });
  client.on("close", () => console.log("one less"));
});
`;

/** `importLine` is all that is changed from one class to the other. */
const page = (port, importLine) => `<!doctype html>
<title>A page with four handlers</title>
<script type="importmap">{ "imports": { "tautline/websocket": "/node_modules/tautline/websocket.js" } }</script>
<script type="module">
${importLine}
const link = new WebSocket("ws://localhost:${port}");
link.onopen = () => {
  console.log("open");
  link.send("good morning");
};
link.onmessage = ({ data }) => console.log("heard " + data);
link.onclose = () => console.log("closed");
link.onerror = (error) => console.log("failed: " + error);
// For the test.
globalThis.link = link;
</script>`;

const GREETED = ["open", "heard you said: good morning"];
const FAILED = "failed: [object Event]";

let installed, site, browser;

before(async () => {
  installed = installPackage();
  site = await serveFolder(installed.project);
  browser = await launchBrowser();
});

after(async () => {
  await browser?.close();
  site?.stop();
  installed?.remove();
});

/** Lines as they come, to be waited for one by one. */
function transcript(what) {
  const lines = [];
  let wake = () => {};
  return {
    lines,
    say(line) {
      lines.push(line);
      wake();
    },
    async next() {
      while (lines.length === 0) {
        await within(PATIENCE, `a line from ${what}`, new Promise((resolve) => (wake = resolve)));
      }
      return lines.shift();
    },
  };
}

/** The server as a process of its own, which can be killed and started again. */
async function startProgram(port) {
  const file = path.join(installed.project, "server.cjs");
  writeFileSync(file, server(port));
  const env = { ...process.env, NODE_PATH: path.join(import.meta.dirname, "node_modules") };
  const child = start(process.execPath, [file], { env, stdio: ["ignore", "pipe", "inherit"] });
  const said = transcript("the server");
  readline.createInterface({ input: child.stdout }).on("line", said.say);
  const ended = new Promise((resolve) => child.once("exit", resolve));
  return {
    said,
    async kill() {
      child.kill("SIGKILL");
      await within(PATIENCE, "the server to end", ended);
    },
  };
}

async function openPage(port, importLine) {
  writeFileSync(path.join(installed.project, "index.html"), page(port, importLine));
  const tab = await browser.newPage();
  const said = transcript("the page");
  // What the browser itself writes about failed connections is an error, not a log.
  tab.on("console", (message) => message.type() === "log" && said.say(message.text()));
  tab.on("pageerror", (error) => said.say(error.stack));
  await tab.goto(site.url);
  return { tab, said };
}

test("the page greets, and greets again by itself after the server was killed and started again", async () => {
  const port = await freePort();
  let program = await startProgram(port);
  const { tab, said } = await openPage(port, 'import WebSocket from "tautline/websocket";');
  try {
    for (let round = 1; round <= 3; round++) {
      let line = await said.next();
      // Attempts while there was no server.
      while (line === FAILED) line = await said.next();
      assert.deepEqual([line, await said.next()], GREETED, `round ${round}`);
      assert.deepEqual([await program.said.next(), await program.said.next()], ["one more", "heard good morning"]);
      if (round === 3) break;
      await program.kill();
      assert.equal(await said.next(), "closed");
      program = await startProgram(port);
    }
    await tab.close();
    assert.equal(await program.said.next(), "one less");
  } finally {
    await program.kill();
    await tab.close();
  }
});

test("with the browser's own class the same page greets once, and never again", async () => {
  const port = await freePort();
  const program = await startProgram(port);
  let again;
  const { tab, said } = await openPage(port, "");
  try {
    let line = await said.next();
    // It does not wait for a server that is still starting, either.
    while (line !== GREETED[0]) {
      assert.deepEqual([line, await said.next()], [FAILED, "closed"]);
      await tab.reload();
      line = await said.next();
    }
    assert.equal(await said.next(), GREETED[1]);
    await program.kill();
    assert.equal(await said.next(), "closed");
    again = await startProgram(port);
    assert.equal(await tab.evaluate("link.readyState"), 3, "CLOSED is for good");
  } finally {
    await program.kill();
    await again?.kill();
    await tab.close();
  }
});
