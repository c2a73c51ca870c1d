// The types: an example that must compile, and mistakes that must not.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { installPackage } from "./project.mjs";

const GOOD = `
  import { connect, TautlineError } from "tautline";
  type In = { type: "pong"; at: number };
  type Out = { type: "ping" };
  const socket = connect<In, Out>((attempt) => \`wss://example.com/?n=\${attempt.number}\`, {
    reconnect: { maxDelay: 1000, retry: ({ code }) => code !== 4000 },
    heartbeat: { interval: 1000, timeout: 1000, message: () => ({ type: "ping" }) },
  });
  await socket.send({ type: "ping" });
  for await (const message of socket) { const at: number = message.at; console.log(at); }
  socket.addEventListener("disconnect", ({ retryIn }) => { const ms: number | null = retryIn; console.log(ms); });
  socket.addEventListener("close", ({ unacknowledged }) => { const first: Out | undefined = unacknowledged[0]; console.log(first); });
  const { code } = await socket.close(4000, "bye", { timeout: 100 });
  try { await socket.send({ type: "ping" }); } catch (error) {
    if (error instanceof TautlineError && error.code === "closed") console.log(code);
  }
  const plain: EventTarget = socket;
  plain.dispatchEvent(new Event("anything"));
`;

const MISTAKES = {
  "a message of the wrong type": [`await connect<string>("/").send(1);`, /TS2345/],
  "an option that does not exist": [`connect("/", { reconect: false });`, /TS2561|TS2353/],
  "an overflow policy that does not exist": [`connect("/", { inbox: { overflow: "wait" } });`, /TS2322/],
  "a state that does not exist": [`if (connect("/").state === "connected") {}`, /TS2367/],
  "an error code that does not exist": [`declare const e: TautlineError; if (e.code === "nope") {}`, /TS2367/],
};

let installed;
/** What the compiler says of each file: all in one run, it is slow to start. */
let said;

before(() => {
  installed = installPackage();
  const files = { "good.ts": GOOD };
  Object.values(MISTAKES).forEach(([line], index) => {
    files[`mistake${index}.ts`] = `import { connect, TautlineError } from "tautline";\n${line}\nexport { TautlineError };`;
  });
  for (const [name, source] of Object.entries(files)) writeFileSync(path.join(installed.project, name), source);
  const tsc = path.join(import.meta.dirname, "node_modules/typescript/bin/tsc");
  const flags = ["--noEmit", "--strict", "--target", "es2022", "--module", "nodenext", "--lib", "es2022,dom,esnext.disposable"];
  const { stdout, error } = spawnSync(process.execPath, [tsc, ...flags, ...Object.keys(files)], {
    cwd: installed.project,
    encoding: "utf8",
  });
  if (error) throw error;
  said = (file) => stdout.split("\n").filter((line) => line.startsWith(file)).join("\n");
  // Complaints about the package's own types are nobody's mistake but ours.
  assert.equal(said("node_modules"), "");
});

after(() => installed?.remove());

test("typed messages, events and options compile", () => assert.equal(said("good.ts"), ""));

Object.entries(MISTAKES).forEach(([what, [, complaint]], index) => {
  test(`${what} does not compile`, () => assert.match(said(`mistake${index}.ts`), complaint));
});
