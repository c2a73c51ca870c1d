// The examples of the README, run as they are printed.

import assert from "node:assert/strict";
import { test } from "node:test";

import { read } from "./project.mjs";
import { useStage } from "./stage.mjs";

const stage = useStage();

test("the README's example runs as it is printed", async () => {
  const [, example] = /```js\n([\s\S]*?)```/.exec(read("README.md"));
  const lines = [];
  stage.page.on("console", (message) => lines.push(message.text()));
  await stage.page.addScriptTag({ type: "module", content: `${example}\nglobalThis.finished = true;` });
  await stage.page.waitForFunction(() => globalThis.finished);
  assert.deepEqual(lines, ["hello, world", "closed with 1000"]);
});
