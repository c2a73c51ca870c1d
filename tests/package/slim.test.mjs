// tautline/slim: the wasm is a file that comes later than the socket, or does not come at all.

import assert from "node:assert/strict";
import { test } from "node:test";

import { useStage } from "./stage.mjs";

const stage = useStage({ entry: "slim.js" });

/** Holds the wasm back; `let` lets it through, or answers in its place. */
async function holdWasm(page) {
  let release;
  const released = new Promise((resolve) => (release = resolve));
  const requests = [];
  await page.route("**/tautline.wasm", async (route) => {
    requests.push(route.request().url());
    const answer = await released;
    if (answer) await route.fulfill(answer);
    else await route.continue();
  });
  return { release, requests };
}

test("nothing is loaded before the first socket, and one load serves all", async () => {
  const { page } = stage;
  const { release, requests } = await holdWasm(page);
  release();
  assert.deepEqual(requests, []);
  const echoes = await page.evaluate(() =>
    Promise.all(
      [1, 2, 3].map(async (n) => {
        const socket = tautline.connect("/echo");
        await socket.send(n);
        for await (const echo of socket) return socket.close().then(() => echo);
      }),
    ),
  );
  assert.deepEqual(echoes, [1, 2, 3]);
  assert.equal(requests.length, 1);
});

test("what is sent before the wasm is there waits, within the bounds of the outbox, and goes out in order", async () => {
  const { page } = stage;
  const { release } = await holdWasm(page);
  const before = await page.evaluate(async () => {
    globalThis.socket = tautline.connect("/echo", { outbox: { messages: 3 } });
    globalThis.sends = [1, 2, 3].map((n) => socket.send(n));
    globalThis.flushed = socket.flush();
    const refused = await socket.send(4).catch(({ code }) => code);
    const dropping = tautline.connect("/echo", { outbox: { messages: 2, overflow: "drop-oldest" } });
    globalThis.dropping = dropping;
    globalThis.dropped = [1, 2, 3].map((n) => dropping.send(n));
    globalThis.flushedToo = dropping.flush();
    return { refused, state: socket.state, stats: socket.stats() };
  });
  assert.equal(before.refused, "overflow");
  assert.equal(before.state, "connecting");
  assert.deepEqual([before.stats.attempts, before.stats.lastClose], [0, null]);
  release();
  const echoes = await page.evaluate(async () => {
    await Promise.all([...sends, ...dropped, flushed, flushedToo]);
    const echoesOf = async (socket, count) => {
      const echoes = [];
      for await (const echo of socket) if (echoes.push(echo) === count) break;
      await socket.close();
      return echoes;
    };
    return [await echoesOf(socket, 3), await echoesOf(dropping, 2)];
  });
  assert.deepEqual(echoes, [[1, 2, 3], [2, 3]]);
});

test("a close before the wasm is there sends what waits first, or ends at once where nothing does", async () => {
  const { page } = stage;
  const { release } = await holdWasm(page);
  const first = await page.evaluate(async () => {
    const idle = tautline.connect("/echo");
    const states = [];
    idle.addEventListener("statechange", ({ state, previous, retryIn }) => states.push([previous, state, retryIn]));
    const end = await idle.close(4000, "no need");
    globalThis.hasty = tautline.connect("/echo?name=hasty");
    globalThis.sent = hasty.send("last words");
    globalThis.ended = hasty.close(4001, "gone");
    const late = await hasty.send("too late").catch(({ code }) => code);
    return { end, states, opened: await idle.opened.catch(({ code }) => code), late };
  });
  assert.deepEqual(first, {
    end: { code: 4000, reason: "no need", wasClean: true },
    states: [["connecting", "closed", null]],
    opened: "closed",
    late: "closed",
  });
  release();
  const end = await page.evaluate(async () => [await sent, await ended][1]);
  assert.deepEqual(end, { code: 4001, reason: "gone", wasClean: true });
  const report = await page.evaluate(async () => (await fetch("/faults/hasty")).json());
  assert.equal(report.messages, 1);
});

test("a close keeps to its time where the wasm does not come, and hands back nothing as sent", async () => {
  const { page } = stage;
  await holdWasm(page);
  const seen = await page.evaluate(async () => {
    const socket = tautline.connect("/echo");
    const sent = socket.send("never").catch(({ code }) => code);
    const end = await socket.close(1000, "", { timeout: 20 });
    return { sent: await sent, end };
  });
  assert.deepEqual(seen, { sent: "closed", end: { code: 1006, reason: "", wasClean: false } });
});

test("an abort before the wasm is there ends at once, an earlier one too", async () => {
  const { page } = stage;
  await holdWasm(page);
  const codes = await page.evaluate(async () => {
    const codes = [];
    for (const early of [true, false]) {
      const controller = new AbortController();
      if (early) controller.abort();
      const socket = tautline.connect("/echo", { signal: controller.signal });
      controller.abort();
      codes.push(await socket.opened.catch(({ code }) => code), socket.state);
    }
    return codes;
  });
  assert.deepEqual(codes, ["aborted", "closed", "aborted", "closed"]);
});

test("a file that is not there is an error that says what to do, and the next socket tries again", async () => {
  const { page } = stage;
  const { release } = await holdWasm(page);
  release({ status: 404, body: "" });
  const failed = await page.evaluate(async () => {
    const socket = tautline.connect("/echo");
    const told = [];
    for (const type of ["error", "close"]) socket.addEventListener(type, () => told.push(type));
    const error = await socket.opened.catch((error) => error);
    const { code } = await socket.closed;
    return { code: error.code, message: error.message, told, end: code };
  });
  assert.equal(failed.code, "wasm");
  assert.match(failed.message, /tautline\.wasm .*404.*init\(\)/);
  assert.deepEqual([failed.told, failed.end], [["error", "close"], 1006]);
  await page.unroute("**/tautline.wasm");
  const state = await page.evaluate(async () => {
    const socket = tautline.connect("/echo");
    await socket.opened;
    return socket.state;
  });
  assert.equal(state, "open");
});

test("a server that does not know the type of the file serves it all the same", async () => {
  const { page } = stage;
  await page.route("**/tautline.wasm", async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, headers: { "content-type": "text/plain" } });
  });
  assert.equal(await page.evaluate(() => tautline.connect("/echo").opened.then(() => "open")), "open");
});

/** What `init` takes, as written in a page; each is to make a socket open without another request for the file. */
const SOURCES = {
  "a URL": `"/node_modules/tautline/tautline.wasm?by-hand"`,
  "a URL object": `new URL("/node_modules/tautline/tautline.wasm?by-hand", location.href)`,
  "a promise of a response": `fetch("/node_modules/tautline/tautline.wasm?by-hand")`,
  "a response": `await fetch("/node_modules/tautline/tautline.wasm?by-hand")`,
  "a module": `await WebAssembly.compileStreaming(fetch("/node_modules/tautline/tautline.wasm?by-hand"))`,
};

for (const [what, source] of Object.entries(SOURCES)) {
  test(`init takes ${what}, and the first load wins`, async () => {
    const { page } = stage;
    const requests = [];
    page.on("request", (request) => request.url().includes(".wasm") && requests.push(new URL(request.url()).search));
    const seen = await page.evaluate(`(async () => {
      const done = tautline.init(${source});
      const socket = tautline.connect("/echo");
      await socket.opened;
      return [await done, await tautline.init("/nowhere.wasm"), socket.state];
    })()`);
    assert.deepEqual(seen, [undefined, undefined, "open"]);
    assert.deepEqual(requests, ["?by-hand"]);
  });
}

test("an init that nobody awaits is no unhandled rejection; one that is awaited says why", async () => {
  const seen = await stage.page.evaluate(async () => {
    tautline.init("/nowhere.wasm");
    await tautline.connect("/echo").closed;
    const why = ({ name, code }) => [name, code];
    return [
      await tautline.init("/nowhere.wasm").catch(why),
      await tautline.init("http://127.0.0.1:9/").catch(why),
      await tautline.init(new Response("no wasm", { headers: { "content-type": "application/wasm" } })).catch(why),
    ];
  });
  assert.deepEqual(seen, Array(3).fill(["TautlineError", "wasm"]));
});
