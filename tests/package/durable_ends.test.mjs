// How a session ends, from either side, and which ends of a connection are none of the session's.

import assert from "node:assert/strict";

import { durableTest, useDurableStage } from "./durable_stage.mjs";

const stage = useDurableStage();
const endTest = (name, run) => durableTest(stage, name, run);

const logOf = (page) => page.evaluate(() => log);
/** The page's socket, open, and the server's end of it. */
async function openSession({ page, peers, open }, options, welcome) {
  await open(options);
  const peer = await peers.greet(welcome);
  await page.evaluate(() => socket.opened);
  return peer;
}
/** The socket's end, as it is told and as `closed` says it. */
const ended = (page) =>
  page.evaluate(async () => {
    const { code, reason, wasClean } = await socket.closed;
    return { closed: [code, reason, wasClean], events: log.filter(([type]) => type !== "open"), stats: socket.stats() };
  });

endTest("flush resolves when the other application has taken it all, over cuts, too", async (it) => {
  const { page, peers } = it;
  const first = await openSession(it);
  await page.evaluate(() => {
    globalThis.done = [];
    socket.flush().then(() => done.push("nothing"));
    socket.send("1");
    socket.flush().then(() => done.push("one"));
    socket.send("2");
    socket.flush().then(() => done.push("two"));
  });
  await first.untilMessages(2);
  assert.deepEqual(await page.evaluate(() => done), ["nothing"], "to be sent is not to be taken");
  first.ack(1);
  await page.evaluate(() => until(() => done.includes("one")));
  assert.deepEqual(await page.evaluate(() => done), ["nothing", "one"]);
  first.cut();
  await peers.greet({ resumed: true, taken: 2 });
  await page.evaluate(() => until(() => done.includes("two")));
});

endTest("close waits until all is taken, then says BYE with code and reason, and closes with 1000", async (it) => {
  const { page } = it;
  const peer = await openSession(it, {}, { limit: 1 });
  await page.evaluate(() => {
    socket.send("1");
    socket.send("2");
    globalThis.closing = socket.close(4001, "enough");
    globalThis.late = codeOf(socket.send("too late"));
  });
  peer.texts(1, "still comes");
  assert.deepEqual(await page.evaluate(() => take(1)), ["still comes"]);
  await peer.untilMessages(1);
  peer.ack(1);
  await peer.untilMessages(1);
  assert.deepEqual(await page.evaluate(async () => [await late, socket.state]), ["closed", "open"]);
  peer.ack(2);
  const { code, reason, frames } = await peer.end();
  assert.deepEqual([code, reason], [1000, ""]);
  const bye = frames.findIndex(({ type }) => type === "bye");
  assert.deepEqual([frames[bye].code, frames[bye].reason, frames.length - 1], [4001, "enough", bye]);
  const { closed, events } = await ended(page);
  assert.deepEqual(closed, [4001, "enough", true]);
  assert.deepEqual(events, [["close", 4001, "enough", true, []]]);
});

endTest("what was taken and not told is told before the BYE", async (it) => {
  const { page } = it;
  const peer = await openSession(it);
  peer.texts(1, "1", "2", "3");
  await page.evaluate(async () => {
    await take(2);
    socket.close();
  });
  const { frames } = await peer.end();
  assert.deepEqual(frames.map(({ type, taken }) => [type, taken]), [["ack", 2], ["bye", undefined]]);
  assert.deepEqual(await page.evaluate(() => take(1)), ["3"], "what is there can still be taken");
});

endTest("close while there is no connection makes one for what is queued", async (it) => {
  const { page, peers } = it;
  const first = await openSession(it);
  first.cut();
  await page.evaluate(async () => {
    await seen("disconnect");
    socket.send("queued");
    socket.close(4002, "after that");
  });
  const second = await peers.greet({ resumed: true });
  const [{ seq, messages }] = await second.untilMessages(1);
  assert.deepEqual([seq, messages], [1, ["queued"]]);
  second.ack(1);
  const { code, frames } = await second.end();
  assert.deepEqual([code, frames.at(-1).type, frames.at(-1).code], [1000, "bye", 4002]);
  assert.deepEqual((await ended(page)).closed, [4002, "after that", true]);
});

endTest("close while there is no connection, with nothing queued, makes none", async (it) => {
  const { page, peers } = it;
  const first = await openSession(it, { reconnect: { minDelay: 60_000, maxDelay: 60_000 } });
  first.cut();
  const { state } = await page.evaluate(async () => {
    await seen("disconnect");
    await socket.close(4003, "nothing to say");
    return { state: socket.state };
  });
  assert.equal(state, "closed");
  assert.deepEqual((await ended(page)).closed, [4003, "nothing to say", true]);
  assert.equal(peers.count, 1);
});

endTest("a close that takes too long hands back what is not taken, and says BYE", async (it) => {
  const { page } = it;
  const peer = await openSession(it, {}, { limit: 2 });
  await page.evaluate(() => {
    for (const message of ["1", "2", "3"]) socket.send(message);
    globalThis.flushed = codeOf(socket.flush());
    socket.close(4004, "hurry", { timeout: 50 });
  });
  await peer.untilMessages(2);
  peer.ack(1, 2);
  const { frames } = await peer.end();
  assert.deepEqual(frames.map(({ type, code }) => [type, code]), [["bye", 4004]]);
  const { closed, events } = await ended(page);
  assert.equal(closed[2], false);
  assert.deepEqual(events.at(-1).slice(3), [false, ["2", "3"]]);
  assert.equal(await page.evaluate(() => flushed), "closed");
});

endTest("a BYE of the server is the end: its code and reason, what came before it, nothing after it", async (it) => {
  const { page, peers } = it;
  const peer = await openSession(it);
  await page.evaluate(() => void socket.send("not taken"));
  await peer.until("text");
  peer.sendTogether({ type: "text", seq: 1, messages: ["before"] }, { type: "bye", code: 4321, reason: "größe" });
  assert.equal((await peer.end()).code, 1000);
  const { closed, events } = await ended(page);
  assert.deepEqual(closed, [4321, "größe", true]);
  assert.deepEqual(events, [["close", 4321, "größe", true, ["not taken"]]]);
  assert.deepEqual(await page.evaluate(() => take(1)), ["before"]);
  assert.equal(peers.count, 1);
});

endTest("a BYE in answer to HELLO is the end, too: the one before was lost", async (it) => {
  const { page, peers } = it;
  const first = await openSession(it);
  first.cut();
  const second = await peers.next();
  await second.until("hello");
  second.send({ type: "bye", code: 1000, reason: "over" });
  assert.deepEqual((await second.end()).code, 1000);
  const { closed, events } = await ended(page);
  assert.deepEqual(closed, [1000, "over", true]);
  assert.deepEqual(events.at(-1), ["close", 1000, "over", true, []]);
  assert.equal(peers.count, 2);
});

endTest("a signal ends the session at once: BYE, and nothing that was queued", async (it) => {
  const { page, peers } = it;
  await page.evaluate((url) => {
    globalThis.controller = new AbortController();
    open(url, { signal: controller.signal });
  }, peers.url);
  const peer = await peers.greet({ limit: 1 });
  await page.evaluate(async () => {
    await socket.opened;
    socket.send("out");
    socket.send("queued");
    controller.abort();
  });
  const { code, frames } = await peer.end();
  assert.deepEqual([code, frames.map(({ type }) => type)], [1000, ["text", "bye"]]);
  const { events } = await ended(page);
  assert.deepEqual(events, [["error", "aborted"], ["close", 1006, "", false, ["out", "queued"]]]);
});

const FINAL = {
  1002: "protocol",
  1007: "protocol",
  1009: "too-big",
  4400: "protocol",
  4409: "superseded",
  4413: "too-big",
};

endTest("close codes that end the session are final: the error says why, and nobody comes back", async (it) => {
  const { page, peers } = it;
  for (const [code, error] of Object.entries(FINAL)) {
    const peer = await openSession(it);
    await page.evaluate(() => void socket.send("not taken"));
    await peer.until("text");
    peer.close(Number(code), "said so");
    const { closed, events } = await ended(page);
    assert.deepEqual(closed, [Number(code), "said so", true], code);
    assert.deepEqual(events, [["error", error], ["close", Number(code), "said so", true, ["not taken"]]], code);
    await page.evaluate(() => reset());
  }
  assert.equal(peers.count, Object.keys(FINAL).length);
});

endTest("no policy of the application's brings a session back that has ended", async (it) => {
  const { page, peers } = it;
  for (const code of [4400, 4409, 4413]) {
    await page.evaluate((url) => void open(url, { reconnect: { retry: () => true } }), peers.url);
    (await peers.greet()).close(code);
    assert.equal((await ended(page)).closed[0], code);
    await page.evaluate(() => reset());
  }
  assert.equal(peers.count, 3);
});

endTest("other ends of a connection are none of the session's", async (it) => {
  const { page, peers } = it;
  let peer = await openSession(it, { reconnect: { minDelay: 1, maxDelay: 2 } });
  const codes = [1000, 1001, 1005, 1011, 1012, 1013, 3008, 4000, 4408, 4429];
  for (const [index, code] of codes.entries()) {
    await page.evaluate((index) => void socket.send(`${index}`), index);
    await peer.until("text");
    peer.close(...(code === 1005 ? [] : [code]));
    peer = await peers.greet({ resumed: true, taken: index });
    await page.evaluate((count) => seen("open", count), index + 2);
    const [frame] = await peer.untilMessages(1);
    assert.deepEqual([frame.seq, frame.messages], [index + 1, [`${index}`]], `after ${code}`);
  }
  const log = await logOf(page);
  assert.deepEqual(log.filter(([type]) => type === "disconnect").map(([, code]) => code), codes);
  assert.ok(log.every(([type, resumed], index) => type === "disconnect" || (type === "open" && resumed === index > 0)));
});

endTest("4401 asks for another URL, once for each WELCOME; then it is final", async (it) => {
  const { page, peers } = it;
  await page.evaluate((url) => {
    globalThis.asked = [];
    const provider = ({ lastClose }) => `${url}/?ask=${asked.push(lastClose?.code ?? null)}`;
    open(provider, {});
    socket.addEventListener("close", () => log.push(asked));
  }, peers.url);
  (await peers.greet()).close(4401, "expired");
  const second = await peers.greet({ resumed: true });
  assert.deepEqual([second.path, second.hello.token], ["/?ask=2", "a-token"]);
  second.close(4401, "expired again");
  const third = await peers.next();
  await third.until("hello");
  third.close(4401, "not you");
  const { closed, events } = await ended(page);
  assert.deepEqual(closed, [4401, "not you", true]);
  const ends = [["error", "unauthorized"], ["close", 4401, "not you", true, []]];
  assert.deepEqual(events.slice(-3), [...ends, [null, 4401, 4401]]);
  assert.equal(peers.count, 3);
});

endTest("while a session lives, no wait is longer than a sixth of its time, nor after 4429", async (it) => {
  const { page, peers } = it;
  await page.evaluate((url) => {
    globalThis.delays = [];
    open(url, { reconnect: { minDelay: 60_000, maxDelay: 60_000 } });
    socket.addEventListener("statechange", ({ retryIn }) => retryIn !== null && delays.push(retryIn));
  }, peers.url);
  let peer = await peers.greet({ resumeMs: 240 });
  await page.evaluate(() => seen("open"));
  for (const code of [1006, 4429, 1013, 1012, 4429]) {
    if (code === 1006) peer.cut();
    else peer.close(code);
    peer = await peers.greet({ resumed: true, resumeMs: 240 });
    await page.evaluate((count) => seen("open", count), peers.count);
  }
  const delays = await page.evaluate(() => delays);
  assert.equal(delays.length, 5);
  assert.ok(delays.every((delay) => delay <= 40), `${delays} ms`);
  for (const overloaded of [delays[1], delays[2], delays[4]]) {
    assert.ok(overloaded >= 20, `${overloaded} ms are soon for a server that is overloaded`);
  }
});
