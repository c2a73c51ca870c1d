// The types: examples that must compile, and examples that must not.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { installPackage } from "./project.mjs";

let installed;
before(() => (installed = installPackage()));
after(() => installed?.remove());

/** What the compiler says of a module; empty where it is content. */
function compile(source) {
  const file = path.join(installed.project, "example.ts");
  writeFileSync(file, source);
  const tsc = path.join(import.meta.dirname, "node_modules/typescript/bin/tsc");
  try {
    execFileSync(
      process.execPath,
      [tsc, "--noEmit", "--strict", "--target", "es2022", "--module", "nodenext", "--lib", "es2022,dom,esnext.disposable", file],
      { cwd: installed.project, encoding: "utf8" },
    );
    return "";
  } catch (error) {
    return error.stdout;
  }
}

test("typed messages, events and options compile", () => {
  const said = compile(`
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
    try { await socket.send({ type: "ping" }); } catch (error) { if (error instanceof TautlineError && error.code === "closed") console.log(code); }
  `);
  assert.equal(said, "");
});

for (const [what, line, complaint] of [
  ["a message of the wrong type", `await connect<string>("/").send(1);`, /TS2345/],
  ["an option that does not exist", `connect("/", { reconect: false });`, /TS2561|TS2353/],
  ["an overflow policy that does not exist", `connect("/", { inbox: { overflow: "wait" } });`, /TS2322/],
  ["a state that does not exist", `if (connect("/").state === "connected") {}`, /TS2367/],
  ["an error code that does not exist", `import { TautlineError } from "tautline"; declare const e: TautlineError; if (e.code === "nope") {}`, /TS2367/],
]) {
  test(`${what} does not compile`, () => {
    assert.match(compile(`import { connect } from "tautline";\n${line}`), complaint);
  });
}
