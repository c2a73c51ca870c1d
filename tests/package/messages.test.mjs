// What is sent and what arrives: payloads, order, consumers, bounds of waiting.

import assert from "node:assert/strict";
import { test } from "node:test";

import { useStage } from "./stage.mjs";

const stage = useStage();

test("a JSON echo, a reset, fifty messages accepted while the link is down", async () => {
  await stage.page.evaluate(async (url) => {
    const socket = (globalThis.socket = tautline.connect(url, { reconnect: { maxDelay: 200 } }));
    globalThis.events = [];
    for (const type of ["open", "disconnect", "close"]) socket.addEventListener(type, () => events.push(type));
    globalThis.received = [];
    (async () => {
      for await (const message of socket) received.push(message);
      events.push("end of iteration");
    })();
    await socket.send({ n: -1, text: "ünï¢ødé 🪢" });
  }, `${stage.proxy.url}/echo`);
  await stage.page.waitForFunction(() => received.length === 1);
  assert.deepEqual(await stage.page.evaluate(() => received.shift()), { n: -1, text: "ünï¢ødé 🪢" });

  stage.proxy.cut();
  await stage.page.waitForFunction(() => socket.state === "waiting" && events.includes("disconnect"));
  const queued = await stage.page.evaluate(async () => {
    for (let n = 0; n < 50; n++) await socket.send({ n });
    return socket.stats().outbox.messages;
  });
  assert.equal(queued, 50);
  stage.proxy.mend();
  await stage.page.waitForFunction(() => received.length === 50);
  assert.deepEqual(
    await stage.page.evaluate(() => received.map(({ n }) => n)),
    Array.from({ length: 50 }, (_, n) => n),
  );
  const closed = await stage.page.evaluate(() => socket.close());
  assert.deepEqual(closed, { code: 1000, reason: "", wasClean: true });
  await stage.page.waitForFunction(() => events.includes("end of iteration"));
  assert.deepEqual(await stage.page.evaluate(() => events), ["open", "disconnect", "open", "close", "end of iteration"]);
  const stats = await stage.page.evaluate(() => socket.stats());
  assert.equal(stats.state, "closed");
  assert.deepEqual([stats.reconnects, stats.sent, stats.received], [1, 51, 51]);
  assert.deepEqual(stats.lastClose, { code: 1000, reason: "", wasClean: true });
});

test("text and bytes, empty ones among them", async () => {
  const echoes = await stage.page.evaluate(async () => {
    const round = async (codec, messages) => {
      const socket = tautline.connect("/echo", { codec });
      for (const message of messages) await socket.send(message);
      const echoes = [];
      for await (const echo of socket) if (echoes.push(echo) === messages.length) break;
      await socket.close();
      return echoes;
    };
    const text = await round("text", ["", "a\0b", "🪢", "x".repeat(2 ** 20)]);
    const part = new Uint8Array([1, 2, 3, 4]).subarray(1, 3);
    const bytes = await round("bytes", [new Uint8Array(), new Uint8Array([0, 255]), part, new Uint16Array([513]).buffer]);
    return { text: text.map((it) => it.slice(0, 9)), longest: text.at(-1).length, bytes: bytes.map((it) => [...it]) };
  });
  assert.deepEqual(echoes, {
    text: ["", "a\0b", "🪢", "xxxxxxxxx"],
    longest: 2 ** 20,
    bytes: [[], [0, 255], [2, 3], [1, 2]],
  });
});

test("bytes that wait are those that were sent, whatever becomes of their memory", async () => {
  const echo = await stage.page.evaluate(async () => {
    const socket = tautline.connect("/echo", { codec: "bytes" });
    const bytes = new Uint8Array([1, 2, 3]);
    await socket.send(bytes);
    bytes.fill(9);
    for await (const echo of socket) return [...echo];
  });
  assert.deepEqual(echo, [1, 2, 3]);
});

test("message listeners get what came before them, and one kind of consumer takes the messages", async () => {
  const seen = await stage.page.evaluate(async () => {
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
  const echoes = await stage.page.evaluate(async () => {
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

test("without a listener messages wait again, and a released iterator takes nothing", async () => {
  const seen = await stage.page.evaluate(async () => {
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
  const seen = await stage.page.evaluate(async () => {
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
  const seen = await stage.page.evaluate(async () => {
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
  stage.proxy.cut();
  const seen = await stage.page.evaluate(async (url) => {
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
  }, `${stage.proxy.url}/echo`);
  assert.deepEqual(seen, ["1 accepted", "2 accepted", "5 overflow"]);
  stage.proxy.mend();
  const rest = await stage.page.evaluate(async () => {
    const echoes = [];
    for await (const echo of socket) if (echoes.push(echo) === 4) break;
    const accepted = await rest;
    await socket.close();
    return { accepted, echoes };
  });
  assert.deepEqual(rest, { accepted: ["3 accepted", "4 accepted"], echoes: [1, 2, 3, 4] });
});

test("what never went out is handed back", async () => {
  stage.proxy.cut();
  const seen = await stage.page.evaluate(async (url) => {
    const socket = tautline.connect(url);
    await socket.send({ n: 1 });
    let unacknowledged;
    socket.addEventListener("close", (event) => ({ unacknowledged } = event));
    const { wasClean } = await socket.close(1000, "", { timeout: 10 });
    return { wasClean, unacknowledged, opened: await socket.opened.catch((error) => error.code) };
  }, `${stage.proxy.url}/echo`);
  stage.proxy.mend();
  assert.deepEqual(seen, { wasClean: false, unacknowledged: [{ n: 1 }], opened: "closed" });
});

test("a listener that ends by a signal, an old signal, an aborted one", async () => {
  const seen = await stage.page.evaluate(async () => {
    const socket = tautline.connect("/echo", { codec: "text" });
    const heard = [];
    const next = () => new Promise((resolve) => (socket.hear = resolve));
    const hear = ({ data }) => socket.hear(heard.push(data));
    // Claims nothing: the iterator is free.
    socket.addEventListener("message", hear, { signal: AbortSignal.abort() });
    await socket[Symbol.asyncIterator]().return();
    const old = new AbortController();
    socket.addEventListener("message", hear, { signal: old.signal });
    socket.removeEventListener("message", hear, true);
    let arrived = next();
    await socket.send("first");
    await arrived;
    socket.removeEventListener("message", hear);
    const controller = new AbortController();
    socket.addEventListener("message", hear, { signal: controller.signal });
    old.abort();
    arrived = next();
    await socket.send("second");
    await arrived;
    controller.abort();
    await socket.send("third");
    for await (const message of socket) {
      heard.push(`iterated ${message}`);
      break;
    }
    await socket.close();
    return heard;
  });
  assert.deepEqual(seen, ["first", "second", "iterated third"]);
});

test("listeners for one message: what stops, adds again or is no listener loses nothing", async () => {
  const seen = await stage.page.evaluate(async () => {
    const socket = tautline.connect("/echo?flood=4", { codec: "text" });
    const heard = [];
    try {
      socket.addEventListener("message", 5);
    } catch (error) {
      heard.push(error.name);
    }
    while (socket.stats().received < 4) await new Promise((resolve) => setTimeout(resolve));
    const number = ({ data }) => JSON.parse(data).n;
    const second = (event) => heard.push(`second ${number(event)}`);
    const first = (event) => {
      heard.push(`first ${number(event)}`);
      event.stopImmediatePropagation();
    };
    socket.addEventListener("message", first, { once: true });
    socket.addEventListener("message", second, { once: true });
    await new Promise((resolve) => setTimeout(resolve));
    // Both have had theirs: the third message waits for whoever comes next.
    for await (const message of socket) {
      heard.push(`iterated ${JSON.parse(message).n}`);
      if (heard.length === 5) break;
    }
    await socket.close();
    return heard;
  });
  assert.deepEqual(seen, ["TypeError", "first 1", "second 2", "iterated 3", "iterated 4"]);
});

test("calls of next are answered in their order, past what can't be decoded", async () => {
  const seen = await stage.page.evaluate(async () => {
    const socket = tautline.connect("/echo");
    socket.addEventListener("error", () => {});
    const iterator = socket[Symbol.asyncIterator]();
    const both = Promise.all([iterator.next(), iterator.next()]);
    await socket.opened;
    await fetch("/health");
    for (const n of [1, 2]) await socket.send(n);
    const values = (await both).map(({ value }) => value);
    await socket.close();
    return values;
  });
  assert.deepEqual(seen, [1, 2]);
});

test("whoever asks while a message fails to be decoded comes after the one who asked for it", async () => {
  const seen = await stage.page.evaluate(async () => {
    const socket = tautline.connect("/echo", { codec: { encode: (text) => text, decode: JSON.parse } });
    await socket.opened;
    for (const text of ["{no", "1", "2", "3"]) await socket.send(text);
    while (socket.stats().inbox.messages < 4) await fetch("/health");
    const iterator = socket[Symbol.asyncIterator]();
    let inner;
    socket.addEventListener("error", () => (inner = iterator.next()));
    const outer = iterator.next();
    const later = iterator.next();
    const values = [(await outer).value, (await inner).value, (await later).value];
    // One that waits keeps its place, too.
    const waiting = iterator.next();
    await socket.send("{no");
    while (socket.stats().received < 5) await fetch("/health");
    await socket.send("4");
    await socket.send("5");
    values.push((await waiting).value, (await inner).value);
    await socket.close();
    return values;
  });
  assert.deepEqual(seen, [1, 2, 3, 4, 5]);
});

test("asks that wait are served in their order, and all of them end, by `return` or by the end of the socket", async () => {
  const seen = await stage.page.evaluate(async () => {
    const socket = tautline.connect("/echo");
    await socket.opened;
    const first = socket[Symbol.asyncIterator]();
    const asked = Array.from({ length: 4 }, () => first.next());
    await socket.send("a");
    await socket.send("b");
    const seen = [(await asked[0]).value, (await asked[1]).value];
    await first.return();
    seen.push((await asked[2]).done, (await asked[3]).done);
    // Another one waits: the released one ends at once all the same.
    const second = socket[Symbol.asyncIterator]();
    const waiting = second.next();
    seen.push((await first.next()).done, (await first.return()).done);
    await socket.send("c");
    seen.push((await waiting).value);
    const last = [second.next(), second.next()];
    await socket.close();
    seen.push((await last[0]).done, (await last[1]).done, (await second.next()).done);
    return seen;
  });
  assert.deepEqual(seen, ["a", "b", true, true, true, true, "c", true, true, true]);
});

for (const place of ["decode", "a listener before"]) {
  test(`an abort in ${place}: no message is told after the close`, async () => {
    const seen = await stage.page.evaluate(async (place) => {
      const controller = new AbortController();
      const told = [];
      const decode = (text) => {
        if (place === "decode") controller.abort();
        return text;
      };
      const codec = { encode: (text) => text, decode };
      const socket = tautline.connect("/echo", { codec, signal: controller.signal });
      await socket.opened;
      if (place !== "decode") socket.addEventListener("message", () => controller.abort());
      socket.addEventListener("message", () => told.push("message"));
      socket.addEventListener("close", () => told.push("close"));
      await socket.send("x");
      await socket.closed;
      return told;
    }, place);
    assert.deepEqual(seen, ["message", "close"]);
  });
}

test("a flush for what `close` refuses rejects at once, and holds no later one up", async () => {
  stage.proxy.cut();
  await stage.page.evaluate((url) => {
    globalThis.socket = tautline.connect(url, { outbox: { messages: 1 }, reconnect: { minDelay: 1, maxDelay: 20 } });
    socket.send("accepted");
    globalThis.refused = socket.send("waits").catch(({ code }) => code);
    globalThis.early = socket.flush().then(() => "flushed", ({ code }) => code);
    globalThis.ended = socket.close(1000, "", { timeout: 30_000 });
    globalThis.late = socket.flush().then(() => "flushed", ({ code }) => code);
  }, `${stage.proxy.url}/echo`);
  assert.deepEqual(await stage.page.evaluate(() => Promise.all([refused, early])), ["closed", "closed"]);
  stage.proxy.mend();
  assert.equal(await stage.page.evaluate(() => late), "flushed");
  assert.equal(await stage.page.evaluate(async () => (await ended).code), 1000);
});
