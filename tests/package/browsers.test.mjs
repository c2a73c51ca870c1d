// The installed package in Firefox and in WebKit. The other files look closely, in Chromium; this one goes around once
// in each of the other two, where the package's JavaScript meets another browser.

import assert from "node:assert/strict";
import { copyFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { DIFFERENCES, ENDS, linesOf } from "./browsers_ends.mjs";
import { holdConversation } from "./conversation.mjs";
import { startOddServer } from "./odd_server.mjs";
import { createProject, startServer } from "./project.mjs";
import { startProxy } from "./proxy.mjs";
import { openFirefox, openWebKit } from "./webdriver.mjs";

/** For a test, in ms; what it waits for gives up before, and says what that was. */
const LIMIT = { timeout: 60_000 };

const PAGE = `<!doctype html>
<meta charset="utf-8">
<title>A page with tautline</title>
<script type="importmap">
  { "imports": {
    "tautline": "/node_modules/tautline/index.js",
    "tautline/slim": "/node_modules/tautline/slim.js",
    "tautline/streams": "/node_modules/tautline/streams.js",
    "tautline/websocket": "/node_modules/tautline/websocket.js"
  } }
</script>
<script type="module">
  globalThis.problems = [];
  addEventListener("error", ({ error, message }) => problems.push(error ? error + " " + error.stack : message));
  addEventListener("unhandledrejection", ({ reason }) => problems.push(reason + " " + reason?.stack));
  globalThis.until = async (isSo) => {
    const end = performance.now() + 10_000;
    while (!isSo()) {
      if (performance.now() > end) throw new Error("waited 10 s for " + isSo);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  globalThis.connect = (await import("tautline")).connect;
  globalThis.slim = await import("tautline/slim");
  globalThis.streams = (await import("tautline/streams")).streams;
  // For the classes side by side; it sets TautSocket.
  await import("/sides_page.js");
  globalThis.isReady = true;
</script>`;

/** In the page: a socket whose retries are a minute away or more, unless something hurries them. */
const patient = (url) => {
  globalThis.states = [];
  globalThis.socket = connect(url, { reconnect: { minDelay: 120_000, maxDelay: 240_000 } });
  socket.addEventListener("statechange", ({ state, retryIn }) => states.push([state, retryIn]));
};

let installed, server, proxy, odd;

before(async () => {
  installed = createProject("browsers");
  const { project } = installed;
  writeFileSync(path.join(project, "index.html"), PAGE);
  writeFileSync(path.join(project, "elsewhere.html"), "<!doctype html><title>Elsewhere</title>");
  copyFileSync(path.join(import.meta.dirname, "sides_page.js"), path.join(project, "sides_page.js"));
  server = await startServer(project);
  proxy = await startProxy(server.url);
  odd = await startOddServer();
});

after(async () => {
  proxy?.stop();
  odd?.stop();
  const status = await server?.stop();
  installed?.remove();
  assert.equal(status, 0, "the server ends with 0 on SIGTERM");
});

for (const [name, open] of Object.entries({ Firefox: openFirefox, WebKit: openWebKit })) {
  describe(name, () => {
    let browser;
    const run = (act, ...args) => browser.run(act, ...args);

    before(async () => {
      browser = await open();
    });

    after(() => browser?.quit());

    beforeEach(async () => {
      await browser.goto(server.url);
      await run(async () => {
        while (!globalThis.isReady) await new Promise((resolve) => setTimeout(resolve, 5));
      });
    });

    afterEach(async () => {
      proxy.mend();
      assert.deepEqual(await run(() => problems), [], "no uncaught error and no unhandled rejection");
    });

    test("a cut: what was accepted while there was no link arrives in order", LIMIT, async () => {
      const first = await run(async (url) => {
        globalThis.socket = connect(url, { reconnect: { minDelay: 10, maxDelay: 100 } });
        globalThis.messages = socket[Symbol.asyncIterator]();
        globalThis.told = [];
        socket.addEventListener("open", () => told.push("open"));
        for (const type of ["disconnect", "close"]) {
          socket.addEventListener(type, ({ code, reason, wasClean, retryIn }) => {
            told.push([type, code, reason, wasClean, typeof retryIn]);
          });
        }
        await socket.send({ hello: "wörld 🪢" });
        return (await messages.next()).value;
      }, `${proxy.url}/echo?name=${name}-cut`);
      assert.deepEqual(first, { hello: "wörld 🪢" });

      proxy.cut();
      const waiting = await run(async () => {
        await until(() => told.length === 2);
        for (let n = 0; n < 50; n++) await socket.send({ n });
        return socket.stats().outbox.messages;
      });
      assert.equal(waiting, 50);

      proxy.mend();
      const { echoes, told, end } = await run(async () => {
        const echoes = [];
        while (echoes.length < 50) echoes.push((await messages.next()).value.n);
        return { echoes, end: await socket.close(), told };
      });
      assert.deepEqual(echoes, Array.from({ length: 50 }, (_, n) => n));
      assert.deepEqual(end, { code: 1000, reason: "", wasClean: true });
      assert.deepEqual(told, [
        "open", ["disconnect", 1006, "", false, "number"],
        "open", ["close", 1000, "", true, "undefined"],
      ]);
      const { messages, lastClose } = await reportOf(`${name}-cut`, ({ open }) => open === 0);
      assert.deepEqual([messages, lastClose.code, lastClose.clean], [51, 1000, true]);
    });

    test("tautline/slim compiles its wasm while it streams in", LIMIT, async () => {
      const seen = await run(async () => {
        const { compileStreaming } = WebAssembly;
        const compiled = [];
        WebAssembly.compileStreaming = (answer) => {
          compiled.push(new URL(answer.url).pathname);
          return compileStreaming.call(WebAssembly, answer);
        };
        const socket = slim.connect("/echo");
        await socket.send(["slim"]);
        const echoes = [];
        for await (const message of socket) {
          echoes.push(message);
          break;
        }
        return { compiled, echoes, code: (await socket.close()).code };
      });
      assert.deepEqual(seen, { compiled: ["/node_modules/tautline/tautline.wasm"], echoes: [["slim"]], code: 1000 });
    });

    test("TautSocket carries texts, bytes and Blobs in order, and gives bytes as binaryType says", LIMIT, async () => {
      const seen = await run(async () => {
        const socket = new TautSocket("/echo");
        const received = [];
        socket.onmessage = ({ data }) => received.push(data);
        await until(() => socket.readyState === TautSocket.OPEN);
        for (const type of ["blob", "arraybuffer"]) {
          socket.binaryType = type;
          const count = received.length;
          socket.send("täxt");
          socket.send(new Uint8Array([1, 2, 3]).buffer);
          socket.send(new Blob([new Uint8Array([4, 5])]));
          socket.send(new Uint8Array([0, 6, 7, 0]).subarray(1, 3));
          socket.send("last");
          await until(() => received.length === count + 5);
        }
        socket.close();
        await until(() => socket.readyState === TautSocket.CLOSED);
        const describe = async (data) => {
          if (typeof data === "string") return data;
          const bytes = new Uint8Array(data instanceof Blob ? await data.arrayBuffer() : data);
          return `${data.constructor.name} ${bytes}`;
        };
        return Promise.all(received.map(describe));
      });
      const echoes = (kind) => ["täxt", `${kind} 1,2,3`, `${kind} 4,5`, `${kind} 6,7`, "last"];
      assert.deepEqual(seen, [...echoes("Blob"), ...echoes("ArrayBuffer")]);
    });

    test("TautSocket closes with each lost connection, and opens again", LIMIT, async () => {
      await run(async (url) => {
        globalThis.socket = new TautSocket(url, [], { reconnect: { minDelay: 10, maxDelay: 100 } });
        globalThis.told = [];
        socket.addEventListener("open", () => told.push(["open", socket.readyState]));
        socket.addEventListener("message", ({ data }) => told.push(data));
        socket.addEventListener("close", ({ code, reason, wasClean }) => {
          told.push(["close", code, reason, wasClean, socket.readyState]);
        });
        await until(() => socket.readyState === 1);
      }, `${proxy.url}/echo?name=${name}-again`);
      await order(`${name}-again`, "close=4321&reason=so");
      await run(() => until(() => told.length === 3));
      proxy.cut();
      await run(async () => {
        await until(() => told.length === 4);
        socket.send("while down");
      });
      proxy.mend();
      const told = await run(async () => {
        await until(() => told.includes("while down"));
        socket.close(4002, "mine");
        await until(() => socket.readyState === 3);
        return told;
      });
      assert.deepEqual(told, [
        ["open", 1], ["close", 4321, "so", true, 0],
        ["open", 1], ["close", 1006, "", false, 0],
        ["open", 1], "while down", ["close", 4002, "mine", true, 3],
      ]);
    });

    for (const [what, scenario] of Object.entries(ENDS)) {
      test(`beside the browser's own class: ${what}`, LIMIT, async () => {
        const see = async (side) => {
          // By this name the server knows its connections.
          const places = { server: server.url.replace("http", "ws"), odd: odd.url, name: `${name}-${side}` };
          return linesOf(await run(`(...args) => runScenario(${scenario}, ...args)`, side, places));
        };
        const own = await see("own");
        assert.ok(own.length > 0, "the scenario saw something");
        const taut = await see("single");
        const difference = DIFFERENCES[name][what];
        if (difference) assert.deepEqual({ own, taut }, difference);
        else assert.deepEqual(taut, own);
      });
    }

    test("streams: what is written comes back to be read, and nothing is read ahead", LIMIT, async () => {
      const seen = await run(async () => {
        const socket = connect("/echo");
        const { readable, writable } = streams(socket);
        const writer = writable.getWriter();
        for (const n of [1, 2, 3]) await writer.write({ n });
        await until(() => socket.stats().inbox.messages === 3);
        const reader = readable.getReader();
        const steps = [];
        for (let n = 0; n < 3; n++) steps.push([(await reader.read()).value.n, socket.stats().inbox.messages]);
        await socket.close();
        const { done } = await reader.read();
        return { steps, done, closed: await writer.closed.catch((error) => error.code) };
      });
      assert.deepEqual(seen, { steps: [[1, 2], [2, 1], [3, 0]], done: true, closed: "closed" });
    });

    test("offline there are no attempts; online it comes back within two seconds", LIMIT, async () => {
      await run(patient, `${proxy.url}/echo`);
      await run(async () => {
        globalThis.network = (isOnline) => {
          Object.defineProperty(navigator, "onLine", { value: isOnline, configurable: true });
          dispatchEvent(new Event(isOnline ? "online" : "offline"));
        };
        await socket.opened;
        network(false);
      });
      proxy.cut();
      const waiting = await run(async () => {
        await until(() => socket.state === "waiting");
        return [states.at(-1), socket.stats().attempts];
      });
      assert.deepEqual(waiting, [["waiting", null], 1], "no time is set");
      proxy.mend();
      const { attempts, ms } = await run(async () => {
        const began = performance.now();
        network(true);
        await until(() => socket.state === "open");
        const ms = performance.now() - began;
        await socket.close();
        return { attempts: socket.stats().attempts, ms };
      });
      assert.equal(attempts, 2);
      assert.ok(ms < 5000, `it took ${ms} ms`);
    });

    test("a page that is left closes cleanly", LIMIT, async () => {
      await run(patient, `/echo?name=${name}-left`);
      const told = await run(async () => {
        await socket.opened;
        dispatchEvent(new PageTransitionEvent("pagehide", { persisted: true }));
        const told = [socket.state];
        dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }));
        await until(() => socket.state === "open");
        return told;
      });
      assert.deepEqual(told, ["waiting"]);
      const closed = await reportOf(`${name}-left`, ({ connections, open }) => connections === 2 && open === 1);
      assert.deepEqual([closed.lastClose.code, closed.lastClose.clean], [1000, true]);

      // Firefox closes what is open when it begins to leave, before the page hears of it, and keeps no such page.
      const { keeps, code } = { Firefox: { keeps: false, code: 1001 }, WebKit: { keeps: true, code: 1000 } }[name];
      await browser.goto(`${server.url}/elsewhere.html`);
      const left = await reportOf(`${name}-left`, ({ open }) => open === 0);
      assert.deepEqual([left.connections, left.lastClose.code, left.lastClose.clean], [2, code, true]);
      await browser.back();
      assert.equal(await run(() => "socket" in globalThis), keeps);
      if (keeps) await run(() => until(() => socket.state === "open"));
    });

    test("a page that is left without a connection is kept, and connects when it is shown again", LIMIT, async () => {
      proxy.cut();
      await run(patient, `${proxy.url}/echo`);
      await run(() => until(() => socket.state === "waiting"));
      await browser.goto(`${server.url}/elsewhere.html`);
      proxy.mend();
      await browser.back();
      const attempts = await run(async () => {
        await until(() => socket.state === "open");
        return socket.stats().attempts;
      });
      assert.equal(attempts, 2);
    });

    test("three hundred sockets take no more memory than thirty", LIMIT, async () => {
      const { early, late } = await run(async (url) => {
        const { Instance } = WebAssembly;
        let memory;
        WebAssembly.Instance = function (...args) {
          const instance = new Instance(...args);
          memory = Object.values(instance.exports).find((it) => it instanceof WebAssembly.Memory);
          return instance;
        };
        const sizes = [];
        for (let n = 0; n < 300; n++) {
          const socket = connect(url);
          await socket.send(n);
          for await (const _ of socket) break;
          await socket.close();
          sizes.push(memory.buffer.byteLength);
        }
        return { early: sizes[29], late: Math.max(...sizes) };
      }, `/echo?name=${name}-many`);
      assert.ok(early > 0);
      assert.equal(late, early);
      const { connections, open } = await reportOf(`${name}-many`, ({ open }) => open === 0);
      assert.deepEqual([connections, open], [300, 0]);
    });

    test("a dedicated module worker keeps up the conversation through a cut", LIMIT, async () => {
      await run((url) => {
        globalThis.lines = [];
        const worker = new Worker("/pages/talker.js", { type: "module" });
        worker.onmessage = ({ data: line }) => lines.push(line);
        worker.onerror = ({ message }) => lines.push(`the worker failed: ${message}`);
        worker.postMessage(url);
      }, `${proxy.url}/echo`);
      const next = () => run(async () => {
        await until(() => lines.length > 0);
        return lines.shift();
      });
      await holdConversation({ next }, proxy);
    });
  });
}

async function order(name, what) {
  const response = await fetch(`${server.url}/faults/${name}?${what}`, { method: "POST" });
  assert.equal(response.status, 200, `the order ${what}`);
}

/** What the server saw of the connections of a name, once it is so. */
async function reportOf(name, isSo) {
  for (const end = performance.now() + 10_000; ; ) {
    const report = await (await fetch(`${server.url}/faults/${name}`)).json();
    if (isSo(report)) return report;
    if (performance.now() > end) assert.fail(`waited 10 s for ${isSo}; saw ${JSON.stringify(report)}`);
  }
}
