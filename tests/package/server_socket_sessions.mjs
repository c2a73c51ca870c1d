// A SessionSocket as what it is beside a socket: a session, which outlives connections, holds a client back that sends
// too fast, and is held back by one that takes too slowly.

import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { within } from "./conversation.mjs";
import { installPackage } from "./project.mjs";
import { closed, startSides } from "./server_socket_sides.mjs";
import { until } from "./sessions/kit.mjs";

const PATIENCE = 20_000;

let installed;
before(() => {
  installed = installPackage();
});
after(() => installed?.remove());

/** A test with durable clients, of a server with these options. `run` is given the tools of a scenario, and the sessions. */
function durableTest(name, options, run) {
  test(name, { timeout: 2 * PATIENCE }, async () => {
    const sides = await startSides(installed.project, options);
    try {
      await sides.run("durable", (kit) => run(kit, sides.sessions));
    } finally {
      await sides.stop();
    }
  });
}

/** A promise, and what resolves it. */
function gate() {
  let open;
  const opened = new Promise((resolve) => (open = resolve));
  return { opened, open };
}

const line = (text) => `text ${text.length} ${JSON.stringify(text)}`;
const linesOf = (...texts) => texts.map(line);

/** What was told of messages, as texts. */
const textsOf = ({ log }) => log.filter(([type]) => type === "message").map(([, , data]) => data.toString());

durableTest("connections come and go: the socket stays open, and each message arrives once", {}, async (kit) => {
  const { socket, client } = await kit.watched();
  const texts = [];
  for (let round = 1; round <= 10; round++) {
    const returned = once(client.client, "open");
    client.send(`under way ${round}`);
    socket.send(`under way ${round}`);
    client.drop();
    client.send(`meanwhile ${round}`);
    socket.send(`meanwhile ${round}`);
    assert.equal(socket.readyState, 1);
    const [{ resumed }] = await within(PATIENCE, "the client's return", returned);
    assert.equal(resumed, true);
    texts.push(`under way ${round}`, `meanwhile ${round}`);
  }
  await kit.until("message", texts.length);
  await kit.untilTrue(() => client.received.length === texts.length, "the messages");
  assert.deepEqual(textsOf(kit), texts);
  assert.deepEqual(client.received, linesOf(...texts));
  assert.deepEqual([...new Set(kit.log.map(([type, readyState]) => `${type} ${readyState}`))], ["message 1"]);
  assert.equal(client.client.stats.reconnects, 10);
});

durableTest("without a connection it is open, answers its pings, and takes what is sent", {}, async (kit, sessions) => {
  const { opened, open } = gate();
  const { socket, client } = await kit.watched(undefined, { returns: opened });
  client.drop();
  await until(() => sessions.stats().attached === 0, "the loss was noticed");
  socket.ping("first");
  await kit.until("pong");
  socket.ping("second");
  const accepted = new Promise((resolve) => socket.send("meanwhile", resolve));
  assert.equal((await within(PATIENCE, "the callback", accepted)) ?? null, null);
  await kit.until("pong", 2);
  assert.deepEqual([socket.readyState, socket.bufferedAmount, client.received], [1, "meanwhile".length, []]);
  assert.deepEqual(sessions.stats().attached, 0, "all of that without a connection");
  open();
  await kit.untilTrue(() => client.received.length === 1, "the message");
  await until(() => socket.bufferedAmount === 0, "the message was taken");
  assert.deepEqual(kit.log.map(([type, , data]) => `${type} ${data}`), ["pong first", "pong second"]);
});

durableTest("whose client does not come back in time ends as a connection that broke", { resume: 50 }, async (kit) => {
  const never = new Promise(() => {});
  const { socket, client } = await kit.watched(
    (socket) => (socket.onclose = ({ code, wasClean }) => kit.note("onclose", code, wasClean)),
    { returns: never },
  );
  client.drop();
  await kit.until("onclose");
  const [[type, readyState, code, reason], ...others] = kit.log;
  assert.deepEqual([type, readyState, code, reason.length], ["close", 3, 1006, 0]);
  assert.deepEqual(others, [["onclose", 1006, false]]);
  assert.equal(socket.readyState, 3);
});

const OUTBOX = { outbox: { messages: 2 } };

/** Sends these to a client that takes nothing yet; what the callbacks are told, in order. */
async function sendAll(kit, socket, texts) {
  const told = [];
  for (const [index, text] of texts.entries()) {
    socket.send(text, (error) => {
      told.push([index, error instanceof Error ? "error" : (error ?? "accepted")]);
      kit.look();
    });
  }
  await kit.untilTrue(() => told.length === 2, "the callbacks of those that fit");
  await kit.lap();
  assert.deepEqual(told, [[0, "accepted"], [1, "accepted"]], "the others wait");
  const all = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  assert.equal(socket.bufferedAmount, all, "what waits counts, in bytes");
  return told;
}

const TEXTS = ["1", "größe", "", "four", "5"];

durableTest("past the outbox sends wait, and their callbacks with them, until the client takes", OUTBOX, async (kit) => {
  const { socket, client } = await kit.watched(undefined, { takes: false });
  const told = await sendAll(kit, socket, TEXTS);
  client.take();
  await kit.untilTrue(() => told.length === TEXTS.length, "all callbacks");
  await kit.untilTrue(() => client.received.length === TEXTS.length, "all messages");
  assert.deepEqual(told, TEXTS.map((_, index) => [index, "accepted"]));
  assert.equal(client.received[1], 'text 7 "grÃ¶Ã\u009fe"');
  await until(() => socket.bufferedAmount === 0, "all is taken");
});

durableTest("a close lets those that wait go out before", OUTBOX, async (kit) => {
  const { socket, client } = await kit.watched(undefined, { takes: false });
  const told = await sendAll(kit, socket, TEXTS);
  socket.close(4000, "after all");
  assert.equal(socket.readyState, 2);
  client.take();
  await kit.until("close");
  assert.deepEqual(await client.closed, { code: 4000, reason: "after all" });
  assert.deepEqual(told, TEXTS.map((_, index) => [index, "accepted"]));
  assert.equal(client.received.length, TEXTS.length);
});

for (const [who, end] of [
  ["the server terminates it", (socket) => socket.terminate()],
  ["the client closes it", (_, client) => client.close(4001, "", { timeout: 0 })],
]) {
  durableTest(`where ${who}, the callbacks of those that wait are given errors`, OUTBOX, async (kit) => {
    const { socket, client } = await kit.watched(undefined, { takes: false });
    const told = await sendAll(kit, socket, TEXTS);
    end(socket, client);
    await kit.until("close");
    await kit.untilTrue(() => told.length === TEXTS.length, "all callbacks");
    assert.deepEqual(told.slice(2), [[2, "error"], [3, "error"], [4, "error"]]);
    await kit.lap();
    assert.deepEqual([kit.seen("close"), kit.seen("error"), told.length], [1, 0, TEXTS.length]);
  });
}

durableTest("while it is paused nothing is taken, so that the client is held back", { window: 4 }, async (kit, sessions) => {
  const COUNT = 20;
  const { socket, client } = await kit.watched();
  socket.pause();
  for (let number = 0; number < COUNT; number++) client.send(`message ${number}`);
  await until(() => client.client.outbox.standsAtLimit, "the client stands at its limit");
  await kit.lap();
  assert.deepEqual([kit.seen("message"), client.client.outbox.limit], [0, 4]);
  assert.ok(sessions.stats().heldBytes < 4 * 100, "no more than a window of it is at the server");
  socket.resume();
  await kit.until("message", COUNT);
  assert.deepEqual(textsOf(kit), Array.from({ length: COUNT }, (_, number) => `message ${number}`));
});

durableTest("paused in a message's event, it says no more, and the rest comes when it is resumed", {}, async (kit) => {
  const { socket, client } = await kit.watched((it) => it.on("message", () => it.pause()));
  const texts = ["1", "2", "3", "4"];
  for (const text of texts) client.send(text);
  for (let count = 1; count <= texts.length; count++) {
    await kit.until("message", count);
    await kit.lap();
    assert.equal(kit.seen("message"), count);
    assert.equal(socket.isPaused, true);
    socket.resume();
  }
  assert.deepEqual(textsOf(kit), texts);
});

durableTest("what is larger than the client takes is an error of its callback alone", {}, async (kit) => {
  const { socket, client } = await kit.watched(undefined, { maxMessage: 100 });
  const told = new Promise((resolve) => socket.send("x".repeat(101), resolve));
  const error = await within(PATIENCE, "the callback", told);
  assert.deepEqual([error instanceof Error, error.code], [true, "too-big"]);
  const fits = "y".repeat(100);
  socket.send(fits);
  await kit.untilTrue(() => client.received.length === 1, "the message");
  assert.match(client.received[0], /^text 100 /);
  await until(() => socket.bufferedAmount === 0, "it is taken");
  assert.deepEqual([socket.readyState, kit.log], [1, []]);
});

durableTest("and where there is no callback, the end of the session: nobody would know of it else", {}, async (kit) => {
  const { socket, client } = await kit.watched(undefined, { maxMessage: 100 });
  socket.send("before");
  socket.send("x".repeat(101));
  await kit.until("close");
  const { code } = await client.closed;
  assert.deepEqual([code, client.received], [1009, linesOf("before")]);
  assert.deepEqual(kit.log.map(([type, , code]) => [type, code]), [["close", 1009]]);
});

durableTest("a session gives out one socket, always the same, that is among the clients", {}, async (kit, sessions) => {
  const begun = once(sessions, "session");
  const { client } = kit.come();
  const [session, request] = await within(PATIENCE, "a session", begun);
  const socket = session.asSocket();
  assert.equal(session.asSocket(), socket);
  assert.match(request.url, /^\/durable-/);
  assert.ok(sessions.clients.has(socket));
  const [[data, isBinary]] = await Promise.all([once(socket, "message"), client.send("as it is")]);
  assert.deepEqual([data.toString(), isBinary], ["as it is", false]);
  socket.send("and back");
  await kit.untilTrue(() => client.received.length === 1, "the message");
  assert.deepEqual(client.received, linesOf("and back"));
  const over = closed(socket);
  client.close(1000);
  await over;
  assert.ok(!sessions.clients.has(socket));
});
