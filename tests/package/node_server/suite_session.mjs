// A session as the application has it: what it is, who takes its messages, what `send`, `flush` and `close` wait for, and
// what it tells.

import assert from "node:assert/strict";

import { until } from "../sessions/kit.mjs";
import { Code } from "../sessions/wire.mjs";
import { emitted, failureOf, serverTest, text } from "./stage.mjs";

const ack = (taken, limit = 1000) => ({ type: "ack", taken, limit });
const PLAIN = { codec: "text" };

/** A test with a session of texts, from both sides. */
const sessionTest = (name, run, options) =>
  serverTest(name, { ...PLAIN, ...options }, async (stage) => run(await stage.open(), stage));

/** Takes the next ones by an iterator, which it leaves again. */
async function take(session, count) {
  const taken = [];
  for await (const message of session) if (taken.push(message) === count) break;
  return taken;
}

/** Cuts the connection, and waits until the session knows. */
async function cut({ probe, session }) {
  const detached = emitted(session, "detach");
  probe.stop();
  await detached;
}

sessionTest("it has a name that is not its token, and keeps it and its state in step", async ({ probe, session }, stage) => {
  const { id } = session;
  const { token } = probe.welcome;
  assert.ok(id.length > 0 && !token.includes(id) && !id.includes(token));
  assert.equal(session.state, "attached");
  await cut({ probe, session });
  assert.equal(session.state, "detached");
  const resumed = emitted(session, "resume");
  const again = await stage.greet({ token, attempt: 2 });
  await resumed;
  assert.deepEqual([session.state, session.id, stage.beganMore], ["attached", id, 0]);
  await again.bye();
  await session.closed;
  assert.equal(session.state, "ended");
  const other = await stage.open();
  assert.notEqual(other.session.id, id);
});

// Messages

sessionTest("messages wait for a consumer, and are taken when they are handed to it", async ({ probe, session }) => {
  probe.send(text(1, "1", "2", "3", "4"));
  await until(() => session.stats().inbox.messages === 4, "they arrived");
  const [outbox, inbox] = [{ messages: 0, bytes: 0 }, { messages: 4, bytes: 4 }];
  assert.deepEqual(session.stats(), { state: "attached", outbox, inbox });
  assert.deepEqual(await take(session, 2), ["1", "2"]);
  const { taken, limit } = await probe.until("ack");
  assert.deepEqual([taken, limit], [2, 6], "two are taken, and there is room for as many more");
  assert.deepEqual(await take(session, 2), ["3", "4"], "another iterator goes on where the first left");
  assert.equal((await probe.until("ack")).taken, 4);
}, { window: 4 });

sessionTest("listeners get them in order, those that waited first", async ({ probe, session }) => {
  probe.send(text(1, "1", "2"));
  await until(() => session.stats().inbox.messages === 2, "they arrived");
  const heard = [];
  session.on("message", (message) => heard.push(message));
  probe.send(text(3, "3"));
  await until(() => heard.length === 3, "all were heard");
  assert.deepEqual(heard, ["1", "2", "3"]);
  session.removeAllListeners("message");
  probe.send(text(4, "4"));
  await until(() => session.stats().inbox.messages === 1, "without a listener they wait");
  assert.deepEqual(await take(session, 1), ["4"]);
});

sessionTest("one consumer takes them: a second kind is an error with the code `consumer`", async ({ probe, session }) => {
  const consumer = { name: "TautlineError", code: "consumer" };
  const messages = session[Symbol.asyncIterator]();
  assert.throws(() => session.on("message", () => {}), consumer);
  assert.throws(() => session[Symbol.asyncIterator](), consumer);
  assert.throws(() => session.asSocket(), consumer);
  await messages.return();
  const heard = [];
  session.on("message", (message) => heard.push(message));
  assert.throws(() => session[Symbol.asyncIterator](), consumer);
  assert.throws(() => session.asSocket(), consumer);
  probe.send(text(1, "1"));
  await until(() => heard.length === 1, "the listener has it");
});

sessionTest("one that asked before there was a message gets it, in the order of asking", async ({ probe, session }) => {
  const messages = session[Symbol.asyncIterator]();
  const asked = [messages.next(), messages.next()];
  probe.send(text(1, "1", "2"));
  assert.deepEqual((await Promise.all(asked)).map(({ value }) => value), ["1", "2"]);
});

sessionTest("one that can't be decoded is an `error`, or nothing, and the next one comes", async ({ probe, session }) => {
  probe.send({ type: "batch", seq: 1, messages: [Uint8Array.of(1), "2"] });
  assert.deepEqual(await take(session, 1), ["2"], "without a listener it is skipped");
  const errors = [];
  session.on("error", (error) => errors.push(error));
  probe.send({ type: "batch", seq: 3, messages: [Uint8Array.of(3), "4"] });
  assert.deepEqual(await take(session, 1), ["4"]);
  const [{ name, code, data }] = errors;
  assert.deepEqual([errors.length, name, code, [...data]], [1, "TautlineError", "decode", [3]]);
  assert.ok(errors[0].cause instanceof Error);
});

// send and flush

sessionTest("what is sent without a connection waits for the next, which gets all that is not taken", async (one, stage) => {
  const { probe, session } = one;
  await session.send("1");
  await session.send("2");
  assert.deepEqual(await probe.messages(2), ["1", "2"]);
  await cut(one);
  await session.send("3");
  const again = await stage.greet({ token: probe.welcome.token, attempt: 2, taken: 1 });
  const [frame] = [await again.until()];
  assert.deepEqual([frame.seq, frame.messages], [2, ["2", "3"]]);
  assert.deepEqual(session.stats().outbox, { messages: 2, bytes: 2 });
});

sessionTest("messages keep their order, also those that wait for room", async ({ probe, session }) => {
  const all = Array.from({ length: 8 }, (_, n) => String(n));
  const sends = all.map((message) => session.send(message));
  const came = [];
  while (came.length < all.length) {
    came.push(...(await probe.messages(1)));
    probe.send(ack(came.length));
  }
  await Promise.all(sends);
  assert.deepEqual(came, all);
}, { outbox: { messages: 4 } });

serverTest("bytes are the session's own once they are sent", { codec: "bytes" }, async (stage) => {
  const { probe, session } = await stage.open({ limit: 0 });
  const bytes = Uint8Array.of(1, 2, 3);
  await session.send(bytes);
  bytes.fill(0);
  probe.send(ack(0));
  assert.deepEqual(await probe.messages(1), [Uint8Array.of(1, 2, 3)]);
});

serverTest("`send` rejects: `encode`, with the cause", undefined, async (stage) => {
  const { session } = await stage.open();
  const error = await failureOf(session.send(1n));
  assert.deepEqual([error.name, error.code, error.data], ["TautlineError", "encode", 1n]);
  assert.ok(error.cause instanceof TypeError);
});

serverTest("`too-big`, where the client said how much it takes; text counts its bytes", PLAIN, async (stage) => {
  for (const message of ["12345", "ääa"]) {
    const { probe, session } = await stage.open({ maxMessage: 4 });
    await session.send("ää");
    const error = await failureOf(session.send(message));
    assert.deepEqual([error.name, error.code], ["TautlineError", "too-big"]);
    assert.deepEqual(await probe.messages(1), ["ää"], "nothing of the other went out");
  }
});

sessionTest("`flush` waits until all that was sent is taken, what waits for room included", async ({ probe, session }) => {
  await session.flush();
  const sends = ["1", "2", "3"].map((message) => session.send(message));
  let isFlushed = false;
  const flushed = session.flush().then(() => (isFlushed = true));
  assert.deepEqual(await probe.messages(2), ["1", "2"]);
  probe.send(ack(2));
  assert.deepEqual(await probe.messages(1), ["3"]);
  await Promise.all(sends);
  // Once more around, so that the ACK before has had its effect.
  probe.send({ type: "ping", nonce: 1 });
  await probe.until("pong");
  assert.equal(isFlushed, false);
  probe.send(ack(3));
  await flushed;
}, { outbox: { messages: 2 } });

// Ends

sessionTest("a client's BYE: the rest is given, what it has not taken comes back", async ({ probe, session }) => {
  const ends = [];
  session.on("end", (end) => ends.push(end));
  for (const message of ["1", "2", "3"]) await session.send(message);
  await probe.messages(3);
  const flushed = failureOf(session.flush());
  probe.send(ack(1));
  probe.send(text(1, "first", "last"));
  await probe.bye(4321, "enough");
  const ended = await session.closed;
  assert.deepEqual(ended, { code: 4321, reason: "enough", unacknowledged: ["2", "3"] });
  assert.deepEqual(ends, [ended]);
  assert.equal((await flushed).code, "closed");
  assert.equal((await failureOf(session.send("late"))).code, "closed");
  assert.equal((await failureOf(session.flush())).code, "closed");
  const rest = [];
  for await (const message of session) rest.push(message);
  assert.deepEqual(rest, ["first", "last"]);
  assert.deepEqual(await session.close(), ended, "there is nothing left to close");
});

sessionTest("`close` waits until all is taken, then says BYE with its code and reason", async (one, stage) => {
  const { probe, session } = one;
  await session.send("last words");
  const closing = session.close(4000, "good bye");
  assert.equal((await failureOf(session.send("late"))).code, "closed");
  assert.deepEqual(await probe.messages(1), ["last words"]);
  probe.send({ type: "ping", nonce: 1 });
  assert.equal((await probe.until()).type, "pong", "no BYE before it is taken");
  probe.send(ack(1));
  assert.deepEqual(await probe.until("bye"), { type: "bye", code: 4000, reason: "good bye" });
  assert.equal(await probe.code(), 1000);
  assert.deepEqual(await closing, { code: 4000, reason: "good bye", unacknowledged: [] });
  const again = await stage.answer({ token: probe.welcome.token, attempt: 2 });
  assert.deepEqual(again, { type: "bye", code: 4000, reason: "good bye" }, "the end is remembered");
});

for (const [args, code] of [[[], 1000], [[1000], 1000], [[3000], 3000], [[4999], 4999]]) {
  sessionTest(`\`close(${args})\` is a BYE with ${code}`, async ({ probe, session }) => {
    session.close(...args);
    assert.deepEqual(await probe.until("bye"), { type: "bye", code, reason: "" });
  });
}

sessionTest("codes and reasons that a browser would not close with are TypeErrors", async ({ probe, session }) => {
  const codes = [999, 1001, 1006, 2999, 5000, "4000", 4000.5].map((code) => [code]);
  for (const args of [...codes, [4000, "x".repeat(124)], [4000, "ä".repeat(62)]]) {
    assert.equal((await failureOf(session.close(...args))).name, "TypeError", String(args));
  }
  assert.equal(session.state, "attached");
  await session.send("goes on");
  assert.deepEqual(await probe.messages(1), ["goes on"]);
  session.close(4000, "x".repeat(123));
  probe.send(ack(1));
  assert.equal((await probe.until("bye")).reason.length, 123);
});

sessionTest("closed without a connection, it ends at once, and the client is told when it comes", async (one, stage) => {
  await cut(one);
  assert.equal((await one.session.close(4003, "over")).code, 4003);
  const answer = await stage.answer({ token: one.probe.welcome.token, attempt: 2 });
  assert.deepEqual(answer, { type: "bye", code: 4003, reason: "over" });
});

sessionTest("`await using` closes it", async ({ probe, session }) => {
  const disposed = session[Symbol.asyncDispose]();
  assert.deepEqual(await probe.until("bye"), { type: "bye", code: 1000, reason: "" });
  await disposed;
  assert.equal(session.state, "ended");
});

sessionTest("a broken rule is the end, with its code and what was not taken", async ({ probe, session }) => {
  await session.send("1");
  await probe.messages(1);
  probe.send(Buffer.of(0xff));
  const { code, unacknowledged } = await session.closed;
  assert.deepEqual([code, unacknowledged], [Code.PROTOCOL_ERROR, ["1"]]);
});

sessionTest("detach is told, resume for each other connection, and end", async (one, stage) => {
  const { probe, session } = one;
  const told = [];
  for (const name of ["detach", "resume", "end"]) session.on(name, () => told.push(name));
  await cut(one);
  const second = await stage.greet({ token: probe.welcome.token, attempt: 2 });
  // It takes the connection over from the one before.
  const third = await stage.greet({ token: probe.welcome.token, attempt: 3 });
  assert.equal(await second.code(), Code.SUPERSEDED);
  third.send(text(1, "here"));
  assert.deepEqual(await take(session, 1), ["here"]);
  await third.bye();
  await session.closed;
  assert.deepEqual(told, ["detach", "resume", "resume", "end"]);
});

// All of them

serverTest("`stats` counts sessions, connections and what is held", { ...PLAIN, closeTimeout: 20 }, async (stage) => {
  const { sessions } = stage;
  const nothing = { sessions: 0, attached: 0, connections: 0, heldBytes: 0, detachedBytes: 0 };
  assert.deepEqual(sessions.stats(), nothing);
  const one = await stage.open();
  const two = await stage.open();
  const silent = await stage.connect();
  await one.session.send("12345");
  await two.session.send("123");
  assert.deepEqual(sessions.stats(), { sessions: 2, attached: 2, connections: 3, heldBytes: 72, detachedBytes: 0 });
  await cut(two);
  assert.deepEqual(sessions.stats(), { sessions: 2, attached: 1, connections: 2, heldBytes: 72, detachedBytes: 35 });
  silent.stop();
  await one.probe.bye();
  await two.session.close();
  await until(() => sessions.stats().connections === 0, "they have left");
  assert.deepEqual(sessions.stats(), nothing);
});

serverTest("`forget` ends all without a word, as if the process had died", PLAIN, async (stage) => {
  const one = await stage.open();
  await one.session.send("1");
  await one.probe.messages(1);
  const ended = await stage.open();
  await ended.probe.bye(4321, "before");
  stage.sessions.forget();
  const { code, unacknowledged } = await one.session.closed;
  assert.deepEqual([code, unacknowledged], [1006, ["1"]]);
  assert.equal(await one.probe.code(), 1001);
  assert.deepEqual(one.probe.frames, [], "no BYE");
  assert.equal((await stage.greet({ token: one.probe.welcome.token, attempt: 2 })).welcome.resumed, false);
  const answer = await stage.answer({ token: ended.probe.welcome.token, attempt: 2 });
  assert.equal(answer.code, 4321, "what ended before is remembered");
});

serverTest("`shutdown` says BYE once what was sent is taken, also to who comes back, and begins nothing", PLAIN, async (stage) => {
  const { probe, session } = await stage.open();
  const away = await stage.open();
  await cut(away);
  await session.send("last words");
  const down = stage.sessions.shutdown({ code: 4123, reason: "closing time" });
  const late = await stage.connect();
  late.hello();
  await late.code();
  assert.deepEqual(late.frames, [], "who comes now is not greeted");
  assert.deepEqual(await probe.messages(1), ["last words"]);
  probe.send(ack(1));
  const bye = { type: "bye", code: 4123, reason: "closing time" };
  assert.deepEqual(await probe.until("bye"), bye);
  assert.deepEqual(await stage.answer({ token: away.probe.welcome.token, attempt: 2 }), bye, "who was away hears of it");
  await down;
  assert.deepEqual(await session.closed, { code: 4123, reason: "closing time", unacknowledged: [] });
  assert.equal(away.session.state, "ended");
  assert.equal(stage.sessions.stats().connections, 0);
  await stage.sessions.shutdown();
});

serverTest("with `detach` it closes the connections with 1001, and says no BYE", PLAIN, async (stage) => {
  const { probe, session } = await stage.open();
  await session.send("1");
  await probe.messages(1);
  await stage.sessions.shutdown({ mode: "detach" });
  assert.equal(await probe.code(), 1001);
  assert.deepEqual(probe.frames, []);
  assert.deepEqual((await session.closed).unacknowledged, ["1"]);
});

serverTest("its options are checked", PLAIN, async (stage) => {
  const wrong = [{ mode: "now" }, { code: 999 }, { code: "1001" }, { timeout: -1 }, { reason: "x".repeat(124) }];
  for (const options of wrong) {
    const complaint = await failureOf(stage.sessions.shutdown(options));
    assert.equal(complaint.name, "TypeError", JSON.stringify(options));
  }
  const { probe } = await stage.open();
  assert.equal(probe.welcome.resumed, false, "nothing was shut down");
});
