// The packed package in a plain page of a real browser, against the real server.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { installPackage, launchBrowser, PAGE, read, startServer } from "./project.mjs";
import { startProxy } from "./proxy.mjs";

let installed, server, proxy, browser, page, problems;

before(async () => {
  installed = installPackage();
  writeFileSync(path.join(installed.project, "index.html"), PAGE);
  server = await startServer(installed.project);
  proxy = await startProxy(server.url);
  browser = await launchBrowser();
});

after(async () => {
  await browser?.close();
  proxy?.stop();
  assert.equal(await server?.stop(), 0, "the server ends with 0 on SIGTERM");
  installed?.remove();
});

beforeEach(async () => {
  problems = [];
  page = await browser.newPage();
  page.on("pageerror", (error) => problems.push(error.stack));
  await page.goto(server.url);
  await page.waitForFunction(() => document.title === "ready");
});

afterEach(async () => {
  await page.close();
  assert.deepEqual(problems, [], "no uncaught error and no unhandled rejection");
});

test("a JSON echo, a reset, fifty messages accepted while the link is down", async () => {
  await page.evaluate(async (url) => {
    const socket = (globalThis.socket = tautline.connect(url, { reconnect: { maxDelay: 200 } }));
    globalThis.events = [];
    for (const type of ["open", "disconnect", "close"]) socket.addEventListener(type, () => events.push(type));
    globalThis.received = [];
    (async () => {
      for await (const message of socket) received.push(message);
      events.push("end of iteration");
    })();
    await socket.send({ n: -1, text: "ünï¢ødé 🪢" });
  }, `${proxy.url}/echo`);
  await page.waitForFunction(() => received.length === 1);
  assert.deepEqual(await page.evaluate(() => received.shift()), { n: -1, text: "ünï¢ødé 🪢" });

  proxy.cut();
  await page.waitForFunction(() => socket.state === "waiting" && events.includes("disconnect"));
  const queued = await page.evaluate(async () => {
    for (let n = 0; n < 50; n++) await socket.send({ n });
    return socket.stats().outbox.messages;
  });
  assert.equal(queued, 50);
  proxy.mend();
  await page.waitForFunction(() => received.length === 50);
  assert.deepEqual(
    await page.evaluate(() => received.map(({ n }) => n)),
    Array.from({ length: 50 }, (_, n) => n),
  );
  const closed = await page.evaluate(() => socket.close());
  assert.deepEqual(closed, { code: 1000, reason: "", wasClean: true });
  await page.waitForFunction(() => events.includes("end of iteration"));
  assert.deepEqual(await page.evaluate(() => events), ["open", "disconnect", "open", "close", "end of iteration"]);
  const stats = await page.evaluate(() => socket.stats());
  assert.equal(stats.state, "closed");
  assert.deepEqual([stats.reconnects, stats.sent, stats.received], [1, 51, 51]);
  assert.deepEqual(stats.lastClose, { code: 1000, reason: "", wasClean: true });
});

test("the README's example runs as it is printed", async () => {
  const [, example] = /```js\n([\s\S]*?)```/.exec(read("README.md"));
  const lines = [];
  page.on("console", (message) => lines.push(message.text()));
  await page.addScriptTag({ type: "module", content: `${example}\nglobalThis.finished = true;` });
  await page.waitForFunction(() => globalThis.finished);
  assert.deepEqual(lines, ["hello, world", "closed with 1000"]);
});

test("text and bytes, empty ones among them", async () => {
  const echoes = await page.evaluate(async () => {
    const round = async (codec, messages) => {
      const socket = tautline.connect("/echo", { codec });
      for (const message of messages) await socket.send(message);
      const echoes = [];
      for await (const echo of socket) if (echoes.push(echo) === messages.length) break;
      await socket.close();
      return echoes;
    };
    const text = await round("text", ["", "a\0b", "🪢", "x".repeat(2 ** 20)]);
    const bytes = await round("bytes", [new Uint8Array(), new Uint8Array([0, 255]), new Uint8Array([1, 2, 3, 4]).subarray(1, 3), new Uint16Array([513]).buffer]);
    return { text: text.map((it) => it.slice(0, 9)), longest: text.at(-1).length, bytes: bytes.map((it) => [...it]) };
  });
  assert.deepEqual(echoes, {
    text: ["", "a\0b", "🪢", "xxxxxxxxx"],
    longest: 2 ** 20,
    bytes: [[], [0, 255], [2, 3], [1, 2]],
  });
});

test("bytes that wait are those that were sent, whatever becomes of their memory", async () => {
  const echo = await page.evaluate(async () => {
    const socket = tautline.connect("/echo", { codec: "bytes" });
    const bytes = new Uint8Array([1, 2, 3]);
    await socket.send(bytes);
    bytes.fill(9);
    for await (const echo of socket) return [...echo];
  });
  assert.deepEqual(echo, [1, 2, 3]);
});

test("message listeners get what came before them, and one kind of consumer takes the messages", async () => {
  const seen = await page.evaluate(async () => {
    const socket = tautline.connect("/echo?greet=welcome", { codec: "text" });
    await socket.opened;
    await socket.send("early");
    while (socket.stats().inbox.messages < 2) await new Promise((resolve) => setTimeout(resolve));
    const seen = [];
    const both = new Promise((resolve) =>
      socket.addEventListener("message", ({ data }) => seen.push(data) === 2 && resolve()),
    );
    await both;
    try {
      socket[Symbol.asyncIterator]();
    } catch (error) {
      seen.push(error instanceof tautline.TautlineError, error.code);
    }
    await socket.close();
    return seen;
  });
  assert.deepEqual(seen, ["welcome", "early", true, "consumer"]);
});

test("bytes in memory that threads share arrive, and the socket lives on", async () => {
  const echoes = await page.evaluate(async () => {
    const socket = tautline.connect("/echo", { codec: "bytes" });
    await socket.opened;
    const shared = new Uint8Array(new SharedArrayBuffer(3));
    shared.set([1, 2, 3]);
    await socket.send(shared);
    await socket.send(new Uint8Array([4]));
    const echoes = [];
    for await (const echo of socket) if (echoes.push([...echo]) === 2) break;
    await socket.close();
    return echoes;
  });
  assert.deepEqual(echoes, [[1, 2, 3], [4]]);
});

test("what a retry policy sends goes out on the next connection; a policy that throws is no end", async () => {
  const seen = await page.evaluate(async () => {
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
  problems = problems.filter((problem) => !problem.includes("a policy that throws"));
});

test("without a listener messages wait again, and a released iterator takes nothing", async () => {
  const seen = await page.evaluate(async () => {
    const socket = tautline.connect("/echo");
    const seen = [];
    await socket.send(1);
    await new Promise((resolve) =>
      socket.addEventListener("message", ({ data }) => resolve(seen.push(data)), { once: true }),
    );
    await socket.send(2);
    const iterator = socket[Symbol.asyncIterator]();
    seen.push((await iterator.next()).value);
    await iterator.return();
    const third = new Promise((resolve) => socket.addEventListener("message", ({ data }) => resolve(data)));
    await iterator.return();
    seen.push((await iterator.next()).done);
    await socket.send(3);
    seen.push(await third);
    await socket.close();
    return seen;
  });
  assert.deepEqual(seen, [1, 2, true, 3]);
});

test("leaving for await early leaves the socket open for the next one", async () => {
  const seen = await page.evaluate(async () => {
    const socket = tautline.connect("/echo");
    await socket.send(1);
    await socket.send(2);
    const seen = [];
    for await (const message of socket) {
      seen.push(message);
      break;
    }
    for await (const message of socket) {
      seen.push(message);
      break;
    }
    seen.push(socket.state);
    await socket.close();
    return seen;
  });
  assert.deepEqual(seen, [1, 2, "open"]);
});

test("a message that can't be decoded is an error event, and the iteration goes on", async () => {
  const seen = await page.evaluate(async () => {
    const socket = tautline.connect("/echo?greet=%7Bno");
    const seen = [];
    socket.addEventListener("error", ({ error }) => seen.push(error.code, error.data, error.cause.name));
    await socket.send("fine");
    for await (const message of socket) {
      seen.push(message);
      break;
    }
    await socket.close();
    return seen;
  });
  assert.deepEqual(seen, ["decode", "{no", "SyntaxError", "fine"]);
});

test("sends wait for room, then for room to wait, then are refused", async () => {
  proxy.cut();
  const seen = await page.evaluate(async (url) => {
    const socket = tautline.connect(url, { outbox: { messages: 2 } });
    const results = [1, 2, 3, 4, 5].map((n) =>
      socket.send(n).then(
        () => `${n} accepted`,
        (error) => `${n} ${error.code}`,
      ),
    );
    const refused = await results[4];
    const first = await Promise.all(results.slice(0, 2));
    globalThis.socket = socket;
    globalThis.rest = Promise.all(results.slice(2, 4));
    return [...first, refused];
  }, `${proxy.url}/echo`);
  assert.deepEqual(seen, ["1 accepted", "2 accepted", "5 overflow"]);
  proxy.mend();
  const rest = await page.evaluate(async () => {
    const echoes = [];
    for await (const echo of socket) if (echoes.push(echo) === 4) break;
    const accepted = await rest;
    await socket.close();
    return { accepted, echoes };
  });
  assert.deepEqual(rest, { accepted: ["3 accepted", "4 accepted"], echoes: [1, 2, 3, 4] });
});

test("what never went out is handed back", async () => {
  proxy.cut();
  const seen = await page.evaluate(async (url) => {
    const socket = tautline.connect(url);
    await socket.send({ n: 1 });
    let unacknowledged;
    socket.addEventListener("close", (event) => ({ unacknowledged } = event));
    const { wasClean } = await socket.close(1000, "", { timeout: 10 });
    return { wasClean, unacknowledged, opened: await socket.opened.catch((error) => error.code) };
  }, `${proxy.url}/echo`);
  proxy.mend();
  assert.deepEqual(seen, { wasClean: false, unacknowledged: [{ n: 1 }], opened: "closed" });
});

test("bad arguments are refused before anything connects, by name", async () => {
  const errors = await page.evaluate(() => {
    const attempt = (...args) => {
      try {
        tautline.connect(...args).close();
        return "no error";
      } catch (error) {
        return `${error.name}: ${error.message}`;
      }
    };
    return [
      attempt("ftp://example.com"),
      attempt("/echo#part"),
      attempt("/echo", { protocols: ["a b"] }),
      attempt("/echo", { protocols: ["chat", "chat"] }),
      attempt("/echo", { codec: "xml" }),
      attempt("/echo", { reconnect: { factor: 0 } }),
      attempt("/echo", { outbox: { overflow: "explode" } }),
      attempt("/echo", { heartbeat: { interval: 5 } }),
      attempt("/echo", { connectTimeout: "soon" }),
      attempt("/echo", { durable: true }),
    ];
  });
  const expected = ["begin with ws:", "fragment", '"a b"', "twice", "`codec`", "`reconnect.factor`", "`outbox.overflow`", "`heartbeat.timeout`", "`connectTimeout`", "`durable`"];
  errors.forEach((error, index) => {
    assert.match(error, index < 4 ? /^SyntaxError: / : /^TypeError: /);
    assert.ok(error.includes(expected[index]), `${error} names ${expected[index]}`);
  });
});

test("a URL provider is asked before every attempt, and may fail", async () => {
  const seen = await page.evaluate(async (url) => {
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
  }, server.url);
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
  const seen = await page.evaluate(async () => {
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
  const seen = await page.evaluate(async () => {
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
  const counts = await page.evaluate(async () => {
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
