// Code of the application's that runs inside the socket's own callbacks, and uses the socket there.

import assert from "node:assert/strict";
import { test } from "node:test";

import { useStage } from "./stage.mjs";

const stage = useStage();

/** What may happen in each of the events on a socket's way from open to lost to open to closed. */
const EVENTS = ["statechange", "open", "message", "disconnect", "error", "close"];

test("sends from inside every event go out, in order", async () => {
  const seen = await stage.page.evaluate(async (events) => {
    let first = true;
    const provider = () => {
      if (!first) return "/echo?name=inside";
      first = false;
      throw new Error("no URL yet");
    };
    const socket = tautline.connect(provider, { codec: "text", reconnect: { minDelay: 1, maxDelay: 1 } });
    const sent = [];
    const refused = [];
    const echoes = [];
    for (const type of events) {
      let times = 0;
      socket.addEventListener(type, ({ data }) => {
        if (type === "message") echoes.push(data);
        if (++times > 2) return;
        const text = `${type} ${times}`;
        sent.push(text);
        socket.send(text).catch(({ code }) => refused.push([sent.pop(), code]));
      });
    }
    await socket.send("outside");
    const until = async (isTrue) => {
      while (!isTrue()) await new Promise((resolve) => setTimeout(resolve));
    };
    await until(() => echoes.length === 1 + sent.length);
    await fetch("/faults/inside?close=4000", { method: "POST" });
    await until(() => socket.stats().reconnects === 1 && socket.state === "open" && echoes.length === 1 + sent.length);
    const inOrder = echoes.slice(1).every((echo, index) => sent[index] === echo);
    await socket.close();
    await Promise.resolve();
    return { kinds: [...new Set(sent.map((text) => text.split(" ")[0]))].sort(), inOrder, refused };
  }, EVENTS);
  assert.deepEqual(seen, {
    kinds: ["disconnect", "error", "message", "open", "statechange"],
    inOrder: true,
    refused: [["close 1", "closed"]],
  });
});

for (const end of ["close", "abort"]) {
  for (const inside of ["statechange", "open", "message", "disconnect", "error", "retry", "provider", "decode", "encode"]) {
    test(`${end} from inside ${inside} ends the socket once`, async () => {
      const seen = await stage.page.evaluate(
        async ([end, inside]) => {
          const controller = new AbortController();
          const told = [];
          let done = false;
          const finish = (where) => {
            if (where !== inside || done) return;
            done = true;
            if (end === "close") socket.close(4000, "from inside", { timeout: 300 });
            else controller.abort();
          };
          const provider = ({ number }) => {
            if (number > 1) finish("provider");
            return "/echo?close=4001&after=3";
          };
          const codec = {
            encode(text) {
              finish("encode");
              return text;
            },
            decode(text) {
              finish("decode");
              if (text === "bad") throw new Error("bad");
              return text;
            },
          };
          const retry = () => {
            finish("retry");
            return true;
          };
          const socket = tautline.connect(provider, {
            codec,
            signal: controller.signal,
            reconnect: { minDelay: 1, maxDelay: 1, retry },
          });
          for (const type of ["statechange", "open", "message", "disconnect", "error", "close"]) {
            socket.addEventListener(type, () => {
              if (type === "close") told.push(type);
              finish(type);
            });
          }
          const sends = ["good", "bad", "good"].map((text) => socket.send(text).catch(() => {}));
          await socket.closed;
          await Promise.all(sends);
          await new Promise((resolve) => setTimeout(resolve));
          return { done, told, state: socket.state, iteration: await socket.send("late").catch(({ code }) => code) };
        },
        [end, inside],
      );
      assert.deepEqual(seen, { done: true, told: ["close"], state: "closed", iteration: "closed" });
    });
  }
}

test("ends in the turn of its making are told to listeners that are added in it", async () => {
  const told = await stage.page.evaluate(async () => {
    const told = [];
    const closed = tautline.connect("/echo");
    closed.close(4000, "at once");
    closed.addEventListener("close", ({ code, reason }) => told.push([code, reason]));
    await closed.closed;
    const hasty = tautline.connect("/echo?name=hasty");
    hasty.send("last words");
    hasty.close();
    hasty.addEventListener("close", ({ code }) => told.push(code));
    await hasty.closed;
    const { messages } = await (await fetch("/faults/hasty")).json();
    return [...told, messages];
  });
  assert.deepEqual(told, [[4000, "at once"], 1000, 1]);
});

test("`retry` and `message` are called as methods of what they came in", async () => {
  const seen = await stage.page.evaluate(async () => {
    const heartbeat = { interval: 10, timeout: 30_000, beats: 0, message: undefined };
    heartbeat.message = function () {
      return ++this.beats;
    };
    const reconnect = { minDelay: 1, maxDelay: 1, left: 2, retry: undefined };
    reconnect.retry = function () {
      return this.left-- > 0;
    };
    const socket = tautline.connect("/echo", { heartbeat });
    const beats = [];
    for await (const beat of socket) if (beats.push(beat) === 2) break;
    await socket.close();
    const lost = tautline.connect("/echo?close=4000", { reconnect });
    await lost.closed;
    return { beats, attempts: lost.stats().attempts };
  });
  assert.deepEqual(seen, { beats: [1, 2], attempts: 3 });
});

test("`await using` closes it at the end of the block", async () => {
  const seen = await stage.page.evaluate(`(async () => {
    let kept;
    {
      await using socket = tautline.connect("/echo");
      await socket.send("x");
      kept = socket;
    }
    return [kept.state, (await kept.closed).code];
  })()`);
  assert.deepEqual(seen, ["closed", 1000]);
});
