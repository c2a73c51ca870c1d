// Plain messages that follow each other closely wait for the end of their turn, and go out, or come in, in a row. Nobody is to
// notice.

import assert from "node:assert/strict";
import { test } from "node:test";

import { useStage } from "./stage.mjs";

const stage = useStage();

/**
 * Runs `run` with a value in a page, with `connect`, and with `sent`: what has gone to the browser's socket so far.
 *
 * Besides `give(first, end)`: messages of these numbers arrive by the latest socket, each a task of its own as far as anybody can
 * tell, with what it leads to at once. And `still()`: no time passes any more, so that whatever comes is close to what came before
 * it. `until(holds)` waits for a condition, and gives what that gives.
 */
async function inPage(run, value) {
  const page = await stage.openPage();
  try {
    await page.evaluate(() => {
      globalThis.connect = tautline.connect;
      globalThis.sent = [];
      const { send } = WebSocket.prototype;
      WebSocket.prototype.send = function (data) {
        sent.push(data);
        return send.call(this, data);
      };
      globalThis.WebSocket = class extends WebSocket {
        constructor(...values) {
          super(...values);
          globalThis.raw = this;
        }
      };
      globalThis.arrive = (data) => raw.dispatchEvent(new MessageEvent("message", { data }));
      globalThis.give = async (first, end) => {
        for (let number = first; number < end; number++) {
          arrive(String(number));
          await settled();
        }
      };
      globalThis.settled = async () => {
        for (let i = 0; i < 200; i++) await null;
      };
      globalThis.still = () => {
        const time = performance.now();
        performance.now = () => time;
      };
      globalThis.until = async (holds) => {
        for (let held; ; await new Promise((resolve) => setTimeout(resolve))) if ((held = holds())) return held;
      };
      /** Of the numbers from 0 on, how many an iterator has given so far. */
      globalThis.counted = (socket) => {
        const taken = { count: 0 };
        (async () => {
          for await (const number of socket) if (number === taken.count) taken.count++;
        })();
        return taken;
      };
    });
    return await page.evaluate(run, value);
  } finally {
    await page.context().close();
  }
}

test("a message on its own goes at once, and one of many at the end of its turn", async () => {
  const [first, accepted, waiting, handed] = await inPage(async () => {
    const socket = connect("/echo");
    await socket.opened;
    let accepted = 0;
    const send = () => socket.send(accepted++);
    send();
    const first = sent.length;
    // A browser that is slow at first hands on a few more before they follow each other closely.
    while (sent.length === accepted && accepted < 1000) send();
    const waiting = accepted - sent.length;
    await socket.flush();
    const handed = sent.length;
    await socket.close();
    return [first, accepted, waiting, handed];
  });
  assert.deepEqual([first, waiting, handed], [1, 1, accepted]);
});

test("more messages in one turn than the outbox holds are all accepted, and come back in order", async () => {
  const messages = await inPage(async () => {
    const socket = connect("/echo", { outbox: { messages: 100 } });
    await socket.opened;
    for (let i = 0; i < 5000; i++) socket.send(i);
    const messages = [];
    for await (const message of socket) if (messages.push(message) === 5000) break;
    await socket.close();
    return messages;
  });
  assert.deepEqual(messages, [...Array(5000).keys()]);
});

test("an outbox that drops its oldest drops nothing while the socket takes it", async () => {
  const all = await inPage(async () => {
    const socket = connect("/echo", { outbox: { messages: 10, overflow: "drop-oldest" } });
    await socket.opened;
    for (let i = 0; i < 1000; i++) socket.send(i);
    await socket.close();
    return sent;
  });
  assert.deepEqual(all, [...Array(1000).keys()].map(String));
});

test("a close hands everything to the socket in its own turn", async () => {
  const [all, { code, wasClean }] = await inPage(async () => {
    const socket = connect("/echo");
    await socket.opened;
    for (let i = 0; i < 50; i++) socket.send(i);
    const closed = socket.close();
    return [[...sent], await closed];
  });
  assert.deepEqual([all.length, code, wasClean], [50, 1000, true]);
});

for (const persisted of [false, true]) {
  test(`a page that goes ${persisted ? "aside" : "for good"} hands everything to the socket before`, async () => {
    const all = await inPage(async (persisted) => {
      const socket = connect("/echo");
      await socket.opened;
      for (let i = 0; i < 50; i++) socket.send(i);
      dispatchEvent(new PageTransitionEvent("pagehide", { persisted }));
      return [...sent];
    }, persisted);
    assert.equal(all.length, 50);
  });
}

test("a session says what waits for the turn's end before its page goes", async () => {
  const frames = await inPage(async () => {
    const socket = connect("/echo", { durable: true });
    await socket.opened;
    sent.length = 0;
    for (let i = 0; i < 3; i++) socket.send(i);
    dispatchEvent(new PageTransitionEvent("pagehide", { persisted: false }));
    return sent.map((frame) => (typeof frame === "string" ? frame : frame[0]));
  });
  // The last is the BYE.
  assert.deepEqual([frames.slice(0, -1), typeof frames.at(-1)], [["1\x1e0", "2\x1e1\x1e2"], "number"]);
});

test("messages that follow each other closely come out together when the turn ends", async () => {
  const counts = await inPage(async () => {
    const socket = connect("/echo");
    await socket.opened;
    const taken = counted(socket);
    const counts = [];
    still();
    for (const [first, end] of [[0, 1], [1, 10]]) counts.push(await give(first, end).then(() => taken.count));
    counts.push(await until(() => taken.count === 10 && taken.count));
    // The first of the next does not wait, nor do more than 64.
    for (const [first, end] of [[10, 11], [11, 80]]) counts.push(await give(first, end).then(() => taken.count));
    return [...counts, await until(() => taken.count === 80 && taken.count)];
  });
  assert.deepEqual(counts, [1, 1, 10, 11, 77, 80]);
});

test("what is large takes along what waits, in its order", async () => {
  const [before, behind, after] = await inPage(async () => {
    const socket = connect("/echo", { codec: "text" });
    await socket.opened;
    const lengths = [];
    socket.addEventListener("message", ({ data }) => lengths.push(data.length));
    still();
    await give(0, 3);
    for (const length of [4096, 8191]) arrive("x".repeat(length));
    const before = [...lengths];
    arrive("x".repeat(8192));
    const behind = [...lengths];
    await give(3, 6);
    return [before, behind, await until(() => lengths.length === 9 && lengths)];
  });
  const all = [1, 1, 1, 4096, 8191, 8192];
  assert.deepEqual([before, behind, after], [[1], all, [...all, 1, 1, 1]]);
});

test("a row is no reason for an inbox to be full", async () => {
  const small = Array(50).fill(1);
  for (const [inbox, sizes] of [
    [{ messages: 4 }, small],
    [{ messages: 1 }, small],
    [{ bytes: 10 }, small],
    [{ messages: 4, overflow: "drop-oldest" }, small],
    [{ bytes: 1e6 }, [...Array(60).fill(4000), 900_000]],
    [{ bytes: 1e6 }, [1, 900_000, 900_000, 1]],
    [{ messages: 1024, bytes: 5e6 }, [...Array(60).fill(4000), 4_500_000, ...Array(200).fill(4000)]],
  ]) {
    const [state, got] = await inPage(async ([inbox, sizes]) => {
      const socket = connect("/echo", { inbox, codec: "text" });
      await socket.opened;
      const got = [];
      (async () => {
        for await (const { length } of socket) got.push(length);
      })();
      await settled();
      still();
      for (const size of sizes) {
        arrive("x".repeat(size));
        await settled();
      }
      await until(() => socket.state !== "open" || got.length === sizes.length);
      return [socket.state, got];
    }, [inbox, sizes]);
    assert.deepEqual([state, got], ["open", sizes], JSON.stringify(inbox));
  }
});

test("answers to a row find the room that they would find one by one", async () => {
  for (const outbox of [{ messages: 16 }, { messages: 4 }, { messages: 4, overflow: "reject" }]) {
    const [accepted, refused, all] = await inPage(async (outbox) => {
      const socket = connect("/sink?messages=1000000", { outbox });
      await socket.opened;
      let [accepted, refused] = [0, 0];
      socket.addEventListener("message", ({ data }) => socket.send(data).then(() => accepted++, () => refused++));
      still();
      await give(0, 200);
      await until(() => accepted + refused === 200);
      await socket.flush();
      return [accepted, refused, sent];
    }, outbox);
    assert.deepEqual([accepted, refused], [200, 0], JSON.stringify(outbox));
    assert.deepEqual(all, [...Array(200).keys()].map(String));
  }
});

test("what is refused while a row waits is refused, and nothing else is", async () => {
  const [code, atOnce, all] = await inPage(async () => {
    const socket = connect("/sink?messages=1000000", { codec: "text", outbox: { bytes: 1000 } });
    await socket.opened;
    socket.addEventListener("message", ({ data }) => socket.send(data));
    still();
    await give(0, 3);
    const refused = socket.send("x".repeat(2000)).catch(({ code }) => code);
    const atOnce = [...sent];
    await until(() => sent.length >= 3);
    await socket.flush();
    return [await refused, atOnce, sent];
  });
  assert.deepEqual([code, atOnce, all], ["too-big", ["0"], ["0", "1", "2"]]);
});

test("a close leaves a row to come out, and an abort does not; neither does it, nor a question, by itself", async () => {
  for (const end of ["close", "abort"]) {
    const counts = await inPage(async (end) => {
      const ending = new AbortController();
      const socket = connect("/echo", { signal: ending.signal });
      await socket.opened;
      let count = 0;
      socket.addEventListener("message", () => count++);
      still();
      await give(0, 10);
      socket.stats();
      if (end === "abort") ending.abort();
      else socket.close();
      const atOnce = count;
      await socket.closed;
      // Whatever else would come comes soon.
      for (let i = 0; i < 10; i++) await new Promise((resolve) => setTimeout(resolve));
      return [atOnce, count];
    }, end);
    assert.deepEqual(counts, [1, end === "close" ? 10 : 1], end);
  }
});

test("what came before an end is taken before anybody is told or asked", async () => {
  const [atOnce, told, asked] = await inPage(async () => {
    const counts = {};
    let taken;
    const retry = () => {
      counts.asked = taken.count;
      return true;
    };
    const socket = connect("/echo", { reconnect: { retry } });
    await socket.opened;
    taken = counted(socket);
    const told = new Promise((resolve) => socket.addEventListener("disconnect", () => resolve(taken.count)));
    still();
    await give(0, 10);
    raw.dispatchEvent(new CloseEvent("close", { code: 1006 }));
    const atOnce = taken.count;
    return [atOnce, await told, counts.asked];
  });
  assert.deepEqual([atOnce, told, asked], [1, 10, 10]);
});

test("an end behind a row is none where the page has gone aside meanwhile", async () => {
  const [count, ends, asked] = await inPage(async () => {
    let asked = 0;
    const socket = connect("/echo", { reconnect: { retry: () => ++asked } });
    await socket.opened;
    const taken = counted(socket);
    let ends = 0;
    socket.addEventListener("disconnect", () => ends++);
    still();
    await give(0, 10);
    raw.dispatchEvent(new CloseEvent("close", { code: 1006 }));
    dispatchEvent(new PageTransitionEvent("pagehide", { persisted: true }));
    await until(() => ends > 0);
    // Whatever else would come of it comes soon.
    for (let i = 0; i < 10; i++) await new Promise((resolve) => setTimeout(resolve));
    return [taken.count, ends, asked];
  });
  assert.deepEqual([count, ends, asked], [10, 1, 0]);
});

for (const persisted of [true, false]) {
  test(`a row comes out before its page goes ${persisted ? "aside" : "for good"}`, async () => {
    const count = await inPage(async (persisted) => {
      const socket = connect("/echo");
      await socket.opened;
      const taken = counted(socket);
      still();
      await give(0, 10);
      dispatchEvent(new PageTransitionEvent("pagehide", { persisted }));
      await settled();
      return taken.count;
    }, persisted);
    assert.equal(count, 10);
  });
}

test("a link whose answer waits for the turn’s end is not silent", async () => {
  const [beats, heard, state] = await inPage(async () => {
    let fire;
    globalThis.setTimeout = (callback) => (fire = callback);
    const heartbeat = { interval: 1000, timeout: 1000, message: () => "beat" };
    const socket = connect("/sink?messages=1000000", { codec: "text", heartbeat });
    await socket.opened;
    const heard = [];
    socket.addEventListener("message", ({ data }) => heard.push(data));
    let time = performance.now();
    performance.now = () => time;
    const passes = (span) => {
      time += span;
      fire();
    };
    passes(1001);
    const beats = sent.length;
    for (const text of ["one", "two"]) socket.send(text);
    arrive("answer");
    passes(1001);
    return [beats, heard, socket.state];
  });
  assert.deepEqual([beats, heard, state], [1, ["answer"], "open"]);
});

test("the browser’s own interface has each message in its own turn", async () => {
  const count = await inPage(async () => {
    const { default: TautSocket } = await import("/node_modules/tautline/websocket.js");
    const socket = new TautSocket("/echo");
    await new Promise((resolve) => (socket.onopen = resolve));
    let count = 0;
    socket.onmessage = () => count++;
    still();
    await give(0, 10);
    return count;
  });
  assert.equal(count, 10);
});
