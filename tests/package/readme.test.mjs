// The examples of the README, run as they are printed.

import assert from "node:assert/strict";
import { test } from "node:test";

import { read } from "./project.mjs";
import { useStage } from "./stage.mjs";

const stage = useStage();

const firstExample = (file) => /```js\n([\s\S]*?)```/.exec(read(file))[1];

test("the package's example runs as it is printed, but for the server's address", async () => {
  const example = firstExample("pkg/README.md").replace("wss://example.com/chat", "/echo");
  const line = stage.page.waitForEvent("console");
  await stage.page.addScriptTag({ type: "module", content: example });
  assert.deepEqual(await (await line).args()[0].jsonValue(), { hello: "world" });
});

test("the README's example runs as it is printed", async () => {
  const example = firstExample("README.md");
  const lines = [];
  stage.page.on("console", (message) => lines.push(message.text()));
  await stage.page.addScriptTag({ type: "module", content: `${example}\nglobalThis.finished = true;` });
  await stage.page.waitForFunction(() => globalThis.finished);
  assert.deepEqual(lines, ["hello, world", "closed with 1000"]);
});
