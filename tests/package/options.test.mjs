// What `connect` is told, and what it refuses: each option, its bounds, its default.

import assert from "node:assert/strict";
import { test } from "node:test";

import { useStage } from "./stage.mjs";

const stage = useStage();

/** Bad arguments of `connect`, by what the error names. */
const REFUSED = {
  TypeError: {
    "`codec`": ["xml", 5, {}, { encode: "no function" }],
    "`durable`": ["yes", 1, null],
    "`onSessionLost`": ["forget"],
    "`reconnect`": [true, 5],
    "`reconnect.minDelay`": [-1, "1", Infinity, null],
    "`reconnect.maxDelay`": [NaN, -5],
    "`reconnect.factor`": [0, 0.5, "2"],
    "`reconnect.maxAttempts`": [0, 1.5, -1],
    "`reconnect.stableAfter`": [-1, "soon"],
    "`reconnect.retry`": [true],
    "`connectTimeout`": ["soon", 0, -1, Infinity],
    "`heartbeat`": [true],
    "`heartbeat.interval`": [0, "1"],
    "`heartbeat.timeout`": [0, null],
    "`heartbeat.message`": ["ping"],
    "`outbox`": [5],
    "`outbox.messages`": [0, 1.5, "10"],
    "`outbox.bytes`": [0, -1],
    "`outbox.overflow`": ["explode", "close"],
    "`inbox`": [null],
    "`inbox.messages`": [0],
    "`inbox.bytes`": [NaN],
    "`inbox.overflow`": ["wait"],
    "`signal`": [{}, "stop"],
    "`protocols`": [5, {}],
  },
  SyntaxError: {
    '"a b"': [{ protocols: "a b" }, { protocols: ["a b"] }],
    twice: [{ protocols: ["chat", "chat"] }],
    "no valid name": [{ protocols: "" }, { protocols: ["chat", 5] }],
  },
};

test("bad options are refused before anything connects, by name", async () => {
  const wrong = await stage.page.evaluate((refused) => {
    const wrong = [];
    const expect = (type, words, url, options) => {
      try {
        tautline.connect(url, options).close();
        wrong.push([words, options, "was taken"]);
      } catch (error) {
        const fits = error.name === type && error.message.includes(words);
        if (!fits) wrong.push([words, options, `${error.name}: ${error.message}`]);
      }
    };
    const complete = { interval: 1, timeout: 1, message() {} };
    for (const [words, values] of Object.entries(refused.TypeError)) {
      const [group, name] = words.slice(1, -1).split(".");
      for (const value of values) {
        const inside = name && { ...(group === "heartbeat" && complete), [name]: value };
        expect("TypeError", words, "/echo", { [group]: inside ?? value });
      }
    }
    for (const [words, all] of Object.entries(refused.SyntaxError)) {
      for (const options of all) expect("SyntaxError", words, "/echo", options);
    }
    expect("TypeError", "`options`", "/echo", 5);
    expect("TypeError", "`options`", "/echo", null);
    expect("TypeError", "`reconnect.maxDelay`", "/echo", { reconnect: { minDelay: 10, maxDelay: 5 } });
    expect("TypeError", "`heartbeat.message`", "/echo", { heartbeat: { interval: 1, timeout: 1 } });
    return wrong;
  }, REFUSED);
  assert.deepEqual(wrong, []);
});

test("a durable socket drops nothing, offers 32 subprotocols at most, and has a heartbeat of its own", async () => {
  const seen = await stage.page.evaluate(() => {
    const names = (count) => Array.from({ length: count }, (_, index) => `p${index}`);
    const said = (options) => {
      try {
        tautline.connect("/echo", options).close();
        return "was taken";
      } catch (error) {
        return `${error.name}: ${error.message}`;
      }
    };
    const each = (options) => [said(options), said({ ...options, durable: true })];
    return {
      dropping: each({ outbox: { overflow: "drop-oldest" } }),
      many: each({ protocols: names(33) }),
      enough: each({ protocols: names(32), outbox: { overflow: "reject" }, inbox: { overflow: "drop-oldest" } }),
      bare: each({ heartbeat: { interval: 1, timeout: 1 } }),
      rest: ["return", "resend"].flatMap((onSessionLost) => each({ onSessionLost, heartbeat: false })),
    };
  });
  const [taken] = seen.dropping;
  assert.equal(taken, "was taken");
  assert.match(seen.dropping[1], /^TypeError: .*`outbox\.overflow`.*`durable`/);
  assert.equal(seen.many[0], "was taken");
  assert.match(seen.many[1], /^TypeError: .*`protocols`.*32.*`durable`/);
  assert.deepEqual(seen.enough, [taken, taken]);
  assert.match(seen.bare[0], /^TypeError: .*`heartbeat\.message`/);
  assert.equal(seen.bare[1], "was taken");
  assert.deepEqual(seen.rest, [taken, taken, taken, taken]);
});

test("bad URLs are a SyntaxError, a DOMException as the browser's own class throws it", async () => {
  const errors = await stage.page.evaluate(() =>
    ["ftp://example.com", "/echo#part", "http://", "wss://[bad"].map((url) => {
      try {
        tautline.connect(url).close();
        return "was taken";
      } catch (error) {
        return [error instanceof DOMException, error.name, error.message.includes(url)];
      }
    }),
  );
  assert.deepEqual(errors, Array(4).fill([true, "SyntaxError", true]));
});

test("what is no URL at all is a TypeError; from a provider, a failed attempt", async () => {
  const seen = await stage.page.evaluate(async () => {
    const thrown = [undefined, null, 5, {}, ["/echo"]].map((url) => {
      try {
        tautline.connect(url).close();
        return "was taken";
      } catch (error) {
        return [error.constructor === TypeError, /string.*URL object.*function/.test(error.message)];
      }
    });
    const answers = [undefined, null, {}];
    const socket = tautline.connect(() => answers.shift(), { reconnect: { minDelay: 1, maxDelay: 1, maxAttempts: 3 } });
    const codes = [];
    socket.addEventListener("error", ({ error }) => codes.push(error.code));
    await socket.closed;
    return { thrown, codes };
  });
  assert.deepEqual(seen, { thrown: Array(5).fill([true, true]), codes: ["url", "url", "url", "attempts"] });
});

test("a URL may be relative, http: or a URL object, and one long delay alone contradicts no default", async () => {
  const echoes = await stage.page.evaluate(async () => {
    const echoes = [];
    for (const url of ["/echo", "echo", `${location.origin}/echo`, new URL("/echo", location.href)]) {
      const socket = tautline.connect(url, { reconnect: { minDelay: 60_000 } });
      await socket.send(echoes.length);
      for await (const echo of socket) {
        echoes.push(echo);
        break;
      }
      await socket.close();
    }
    return echoes;
  });
  assert.deepEqual(echoes, [0, 1, 2, 3]);
});

test("the outbox holds 1,024 messages by default, and as many more may wait", async () => {
  stage.proxy.cut();
  const seen = await stage.page.evaluate(async (url) => {
    const socket = tautline.connect(url, { codec: "text" });
    const sends = Array.from({ length: 2049 }, () => socket.send("x"));
    const refused = await sends[2048].catch(({ code, message }) => [code, message]);
    const shared = new Set(sends.slice(0, 1024)).size;
    const { outbox } = socket.stats();
    const waits = Promise.allSettled(sends.slice(1024, 2048));
    await socket.close(1000, "", { timeout: 1 });
    const ends = (await waits).map(({ reason }) => reason.code);
    return { refused, shared, outbox, ends: [ends.length, ...new Set(ends)] };
  }, `${stage.proxy.url}/echo`);
  assert.equal(seen.refused[0], "overflow");
  assert.match(seen.refused[1], /outbox/);
  assert.equal(seen.shared, 1, "while there is room `send` gives one shared promise");
  assert.deepEqual(seen.outbox, { messages: 1024, bytes: 1024 });
  assert.deepEqual(seen.ends, [1024, "closed"]);
});

test("the outbox of a durable socket counts as the wire does, in UTF-8", async () => {
  stage.proxy.cut();
  const seen = await stage.page.evaluate(async (url) => {
    const fill = async (durable) => {
      const socket = tautline.connect(url, { durable, codec: "text", outbox: { bytes: 5, overflow: "reject" } });
      const codes = [];
      for (const text of ["äö", "ü", "äöü"]) {
        codes.push(await socket.send(text).then(() => "accepted", ({ code }) => code));
      }
      const { outbox, unacknowledged, rtt } = socket.stats();
      let left;
      socket.addEventListener("close", (event) => (left = event.unacknowledged));
      await socket.close(1000, "", { timeout: 1 });
      return { codes, outbox, unacknowledged, rtt, left };
    };
    return { plain: await fill(false), durable: await fill(true) };
  }, `${stage.proxy.url}/echo`);
  const { plain, durable } = seen;
  assert.deepEqual(plain.codes, ["accepted", "accepted", "overflow"]);
  assert.deepEqual(plain.outbox, { messages: 2, bytes: 3 });
  assert.deepEqual(plain.left, ["äö", "ü"]);
  assert.deepEqual(durable.codes, ["accepted", "overflow", "too-big"]);
  assert.deepEqual(durable.outbox, { messages: 1, bytes: 4 });
  assert.deepEqual(durable.left, ["äö"]);
  for (const { unacknowledged, rtt } of [plain, durable]) assert.deepEqual([unacknowledged, rtt], [0, null]);
});

test("an outbox that rejects, one that drops the oldest, one that is too small", async () => {
  stage.proxy.cut();
  const seen = await stage.page.evaluate(async (url) => {
    const fill = async (outbox) => {
      const socket = tautline.connect(url, { codec: "text", outbox });
      const codes = [];
      for (const text of ["a", "bb", "ccc", "dddddddddd"]) {
        codes.push(await socket.send(text).then(() => "accepted", ({ code }) => code));
      }
      let left;
      socket.addEventListener("close", ({ unacknowledged }) => (left = unacknowledged));
      await socket.close(1000, "", { timeout: 1 });
      return { codes, left };
    };
    return [
      await fill({ messages: 2, overflow: "reject" }),
      await fill({ messages: 2, overflow: "drop-oldest" }),
      await fill({ bytes: 5, overflow: "drop-oldest" }),
    ];
  }, `${stage.proxy.url}/echo`);
  assert.deepEqual(seen, [
    { codes: ["accepted", "accepted", "overflow", "overflow"], left: ["a", "bb"] },
    { codes: ["accepted", "accepted", "accepted", "accepted"], left: ["ccc", "dddddddddd"] },
    { codes: ["accepted", "accepted", "accepted", "too-big"], left: ["bb", "ccc"] },
  ]);
});

test("an inbox that is full closes with words, or drops the oldest", async () => {
  const seen = await stage.page.evaluate(async () => {
    const full = tautline.connect("/echo?flood=10", { inbox: { messages: 3 } });
    const errors = [];
    full.addEventListener("error", ({ error }) => errors.push(error.code, /inbox/.test(error.message)));
    const end = await full.closed;
    const kept = [];
    for await (const { n } of full) kept.push(n);
    const dropping = tautline.connect("/echo?flood=10", { inbox: { messages: 3, overflow: "drop-oldest" } });
    while (dropping.stats().received < 10) await new Promise((resolve) => setTimeout(resolve));
    const newest = [];
    for await (const { n } of dropping) if (newest.push(n) === 3) break;
    await dropping.close();
    return { errors, end, kept, newest };
  });
  assert.deepEqual(seen.errors, ["overflow", true]);
  assert.deepEqual(seen.end, { code: 4429, reason: "inbox full", wasClean: false });
  assert.deepEqual(seen.kept, [1, 2, 3], "what had arrived is still to be taken");
  assert.deepEqual(seen.newest, [8, 9, 10]);
});

test("an attempt that takes too long, a heartbeat that stays unanswered: timeout", async () => {
  const seen = await stage.page.evaluate(async () => {
    const slow = tautline.connect("/echo?delay=5000", { connectTimeout: 50, reconnect: false });
    const late = await slow.opened.catch(({ code }) => code);
    const heartbeat = { interval: 20, timeout: 20, message: () => "are you there?" };
    const reconnect = { minDelay: 60_000, maxDelay: 60_000 };
    const silent = tautline.connect("/echo?silent=1&after=1", { heartbeat, reconnect });
    const on = (type, look) => new Promise((resolve) => silent.addEventListener(type, (event) => look(event, resolve)));
    const lost = on("statechange", ({ state, cause }, resolve) => state === "waiting" && resolve(cause.code));
    const end = on("disconnect", ({ code, retryIn }, resolve) => resolve([code, retryIn <= 60_000]));
    // Plenty of time for the answers, however busy the machine is.
    const answered = tautline.connect("/echo", { heartbeat: { ...heartbeat, timeout: 30_000 } });
    while (answered.stats().received < 3) await new Promise((resolve) => setTimeout(resolve));
    const seen = { late, lost: await lost, end: await end, answered: answered.state, reconnects: answered.stats().reconnects };
    await Promise.all([silent.close(), answered.close()]);
    return seen;
  });
  assert.deepEqual(seen, { late: "timeout", lost: "timeout", end: [1006, true], answered: "open", reconnects: 0 });
});

test("without `reconnect` there is one attempt and one connection", async () => {
  const seen = await stage.page.evaluate(async () => {
    const refused = tautline.connect("/echo?refuse=503", { reconnect: false });
    const never = await refused.opened.catch(({ code }) => code);
    const lost = tautline.connect("/echo?close=4000&reason=enough", { reconnect: false });
    const told = [];
    for (const type of ["disconnect", "close"]) lost.addEventListener(type, ({ code }) => told.push([type, code]));
    await lost.closed;
    return { never, attempts: refused.stats().attempts, told, last: lost.stats().lastClose };
  });
  assert.deepEqual(seen, {
    never: "refused",
    attempts: 1,
    told: [["close", 4000]],
    last: { code: 4000, reason: "enough", wasClean: true },
  });
});

test("codes that are final are errors with a code of their own", async () => {
  const codes = await stage.page.evaluate(async () => {
    const endOf = async (query) => {
      const socket = tautline.connect(`/echo?${query}`, { reconnect: { minDelay: 1, maxDelay: 1 } });
      const error = new Promise((resolve) => socket.addEventListener("error", ({ error }) => resolve(error.code)));
      return [await error, (await socket.closed).code, socket.stats().attempts];
    };
    const ends = [];
    for (const code of [1002, 1007, 1009, 4401, 3000]) ends.push(await endOf(`close=${code}`));
    return ends;
  });
  assert.deepEqual(codes, [
    ["protocol", 1002, 1],
    ["protocol", 1007, 1],
    ["too-big", 1009, 1],
    ["unauthorized", 4401, 2],
    ["unauthorized", 3000, 2],
  ]);
});

test("the subprotocol that the server chose; a codec of the application's own, whose faults have names", async () => {
  const seen = await stage.page.evaluate(async () => {
    const codec = {
      encode(message) {
        if (message === "no") throw new RangeError("not this one");
        return message === "five" ? 5 : message.toUpperCase();
      },
      decode(data) {
        if (data === "BAD") throw new RangeError("nor this");
        return `${data}!`;
      },
    };
    const socket = tautline.connect("/echo?protocol=chat", { protocols: ["other", "chat"], codec });
    const errors = [];
    socket.addEventListener("error", ({ error }) => errors.push([error.code, error.cause.message, error.data]));
    const refusals = [];
    for (const message of ["no", "five"]) await socket.send(message).catch(({ code, data }) => refusals.push([code, data]));
    await socket.send("bad");
    await socket.send("good");
    const messages = [];
    for await (const message of socket) {
      messages.push(message);
      break;
    }
    const { protocol } = socket;
    await socket.close();
    return { protocol, refusals, errors, messages };
  });
  assert.deepEqual(seen, {
    protocol: "chat",
    refusals: [["encode", "no"], ["encode", "five"]],
    errors: [["decode", "nor this", "BAD"]],
    messages: ["GOOD!"],
  });
});
