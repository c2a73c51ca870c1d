// The life of a socket: attempts, the URL provider, policies, ends, and what stays behind.

import assert from "node:assert/strict";
import { test } from "node:test";

import { useStage } from "./stage.mjs";

const stage = useStage();

test("what a retry policy sends goes out on the next connection; a policy that throws is no end", async () => {
  const seen = await stage.page.evaluate(async () => {
    addEventListener("error", (event) => event.preventDefault(), { once: true });
    let asked = 0;
    const socket = tautline.connect("/echo?close=4000&after=1", {
      reconnect: {
        minDelay: 1,
        maxDelay: 20,
        retry() {
          if (asked++ > 0) throw new Error("a policy that throws");
          socket.send("from the policy");
          return true;
        },
      },
    });
    socket.send("first");
    const echoes = [];
    for await (const echo of socket) if (echoes.push(echo) === 2) break;
    return { echoes, state: socket.state };
  });
  assert.deepEqual(seen.echoes, ["first", "from the policy"]);
  assert.notEqual(seen.state, "closed");
  stage.problems = stage.problems.filter((problem) => !problem.includes("a policy that throws"));
});

test("a URL provider is asked before every attempt, and may fail", async () => {
  const seen = await stage.page.evaluate(async (url) => {
    const asked = [];
    const provider = async ({ number, signal, lastClose }) => {
      asked.push([number, signal instanceof AbortSignal, lastClose?.code]);
      if (number === 1) throw new Error("no token yet");
      return number === 2 ? `${url}/echo?close=4000&after=1` : new URL(`${url}/echo`);
    };
    const socket = tautline.connect(provider, { reconnect: { maxDelay: 20, minDelay: 1 } });
    const errors = [];
    socket.addEventListener("error", ({ error }) => errors.push(error.code));
    await socket.send("a");
    const lost = new Promise((resolve) => socket.addEventListener("disconnect", ({ code }) => resolve(code)));
    const code = await lost;
    await socket.send("b");
    const echoes = [];
    for await (const echo of socket) if (echoes.push(echo) === 2) break;
    await socket.close();
    return { asked, errors, code, echoes };
  }, stage.server.url);
  assert.deepEqual(seen, {
    asked: [
      [1, true, undefined],
      [2, true, undefined],
      [3, true, 4000],
    ],
    errors: ["url"],
    code: 4000,
    echoes: ["a", "b"],
  });
});

test("an abort signal ends at once", async () => {
  const seen = await stage.page.evaluate(async () => {
    const seen = [];
    for (const early of [true, false]) {
      const controller = new AbortController();
      const socket = tautline.connect("/echo", { signal: controller.signal });
      if (!early) await socket.opened;
      controller.abort();
      await socket.closed;
      seen.push(socket.state, await socket.opened.then(() => "opened", (error) => error.code));
    }
    return seen;
  });
  assert.deepEqual(seen, ["closed", "aborted", "closed", "opened"]);
});

test("attempts run out with words", async () => {
  const seen = await stage.page.evaluate(async () => {
    const socket = tautline.connect("/echo?refuse=503", { reconnect: { maxAttempts: 2, minDelay: 1, maxDelay: 1 } });
    const states = [];
    socket.addEventListener("statechange", ({ state, previous, cause }) => states.push([previous, state, cause?.code]));
    const error = await socket.opened.catch((error) => error);
    return { code: error.code, message: error.message, states, attempts: socket.stats().attempts };
  });
  assert.equal(seen.code, "attempts");
  assert.match(seen.message, /attempts/);
  assert.equal(seen.attempts, 2);
  assert.deepEqual(seen.states, [
    ["connecting", "waiting", "refused"],
    ["waiting", "connecting", undefined],
    ["connecting", "closed", "attempts"],
  ]);
});

test("three hundred sockets leave no listener behind", async () => {
  const counts = await stage.page.evaluate(async () => {
    let listeners = 0;
    const { addEventListener, removeEventListener } = EventTarget.prototype;
    const ofPage = (target) => target === globalThis || target === document;
    EventTarget.prototype.addEventListener = function (...args) {
      if (ofPage(this)) {
        listeners++;
        args[2]?.signal?.addEventListener("abort", () => listeners--);
      }
      return addEventListener.apply(this, args);
    };
    EventTarget.prototype.removeEventListener = function (...args) {
      if (ofPage(this)) listeners--;
      return removeEventListener.apply(this, args);
    };
    let most = 0;
    for (let n = 0; n < 300; n++) {
      const socket = tautline.connect("/echo");
      await socket.send(n);
      for await (const _ of socket) break;
      most = Math.max(most, listeners);
      await socket.close();
    }
    return { most, after: listeners };
  });
  assert.deepEqual(counts, { most: 6, after: 0 });
});

test("sockets leave no memory behind in the wasm", async () => {
  const page = await stage.openPage((page) =>
    page.addInitScript(() => {
      const { Instance } = WebAssembly;
      WebAssembly.Instance = function (...args) {
        const instance = new Instance(...args);
        globalThis.memory = Object.values(instance.exports).find((it) => it instanceof WebAssembly.Memory);
        return instance;
      };
    }),
  );
  const pages = await page.evaluate(async () => {
    const pages = [];
    for (const count of [30, 500]) {
      for (let n = 0; n < count; n++) {
        const socket = tautline.connect("/echo");
        await socket.send("x".repeat(100));
        await socket.opened;
        await socket.close();
      }
      pages.push(memory.buffer.byteLength / 65_536);
    }
    return pages;
  });
  await page.context().close();
  assert.equal(pages[1], pages[0]);
});
