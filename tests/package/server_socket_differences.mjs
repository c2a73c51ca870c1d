// What a SessionSocket can't or doesn't do as a socket of `ws`, because a session stands behind it. A survey of both is
// held against one list: a difference that is not in it fails, and so does one that is no more.

import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { test } from "node:test";
import WebSocket from "ws";
import { within } from "./conversation.mjs";
import { closed, see, useSides } from "./server_socket_sides.mjs";

const PATIENCE = 20_000;
const MAX_MESSAGE = 1000;

const stage = useSides({ maxMessage: MAX_MESSAGE }, { maxPayload: MAX_MESSAGE });

/** What differs, with its reason: [a socket of `ws`, a SessionSocket]. */
const DIFFERENCES = {
  // It is no client's class, and has none of its parts.
  "class.name": ["WebSocket", "SessionSocket"],
  "instance of WebSocket": [true, false],
  // They have the same fields; `ws` exports no class of them either.
  "class of an event": ["MessageEvent", "Object"],
  // It counts until the client's application has taken it; that of `ws` until it is with the system.
  "bufferedAmount right after a send": [0, 4],
  // They are the session's, which lives, whatever is read and whether there is a connection or not.
  "answers to a ping while paused": [0, 1],
  "pings of the client": [1, 0],
  // Nothing is sent that would have to be read before.
  "a ping of a Blob": ["answered", "ERR_INVALID_ARG_TYPE"],
  // A session gives up no message: what comes waits for a listener, and stops when it is paused.
  "what comes while nobody listens": [["while somebody does"], ["while nobody listens", "while somebody does"]],
  "told in the turn in which it was paused": [3, 1],
  // A session's end has a code.
  "closed without a code": [[["close", 1005, "", true]], [["close", 1000, "", true]]],
  "closed without a code, for the client": [{ code: 1005, reason: "" }, { code: 1000, reason: "" }],
  // Nothing is said to the client: it comes back, and its session is gone.
  "terminated, for the client": [{ code: 1006, reason: "" }, "its session is lost"],
  // The rule of sessions has a code of its own, and an end that both sides know is no error.
  "a message that is too large": [
    [["error", "RangeError", "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH", 2], ["close", 1006, "", false]],
    [["close", 4413, "message too big", true]],
  ],
  "a message that is too large, for the client": [
    { code: 1009, reason: "" },
    { code: 4413, reason: "message too big" },
  ],
  // A client of `ws` refuses what is none; in a session it can't be sent.
  "text that is no UTF-8, for the client": [{ code: 1006, reason: "" }, ['text 3 "ï¿½"']],
  // What it is all about.
  "a connection that breaks": [[["close", 1006, "", false]], [["message", "after it"]]],
};

/** Names that do not begin with an underscore, but are no part of what `ws` documents. */
const INTERNAL = ["setSocket", "emitClose"];

/** The names of what it adds to any emitter, or function. */
const publicNames = (it, common) =>
  Object.getOwnPropertyNames(it)
    .filter((name) => !name.startsWith("_") && !INTERNAL.includes(name) && !Object.hasOwn(common, name))
    .sort();

const survey = async (kit) => {
  const seen = {};
  const record = (name, value) => (seen[name] = value);

  const { socket, client } = await kit.watched();
  const { constructor: Class } = socket;
  record("class.name", Class.name);
  record("class.parent", Object.getPrototypeOf(Class) === EventEmitter);
  for (const [place, holder, common] of [
    ["class", Class, class {}],
    ["prototype", Class.prototype, EventEmitter.prototype],
  ]) {
    const names = publicNames(holder, common);
    record(place, names);
    for (const name of names) {
      const { value, get, set, ...flags } = Object.getOwnPropertyDescriptor(holder, name);
      const is = typeof value === "function" ? `${value.name}(${value.length})` : value;
      record(`${place}.${name}`, { ...flags, is, get: !!get, set: !!set });
    }
  }
  record("instance of EventEmitter", socket instanceof EventEmitter);
  record("instance of WebSocket", socket instanceof WebSocket);
  record("a socket of the network", "_socket" in socket);

  const before = socket.bufferedAmount;
  socket.send("text");
  record("bufferedAmount right after a send", socket.bufferedAmount - before);
  await kit.untilTrue(() => client.received.length === 1, "the message");

  socket.addEventListener("message", (event) => record("class of an event", event.constructor.name), { once: true });
  client.send("text");
  await kit.until("message");

  socket.pause();
  socket.ping();
  await kit.lap();
  record("answers to a ping while paused", kit.seen("pong"));
  socket.resume();
  await kit.until("pong");

  const { socket: pausing, client: sender } = await kit.watched((it) => it.once("message", () => it.pause()));
  const seenBefore = kit.seen("message");
  sender.sendTogether("1", "2", "3");
  await kit.until("message", seenBefore + 1);
  await kit.lap();
  record("told in the turn in which it was paused", kit.seen("message") - seenBefore);
  pausing.resume();
  await kit.until("message", seenBefore + 3);

  client.ping();
  await kit.lap();
  record("pings of the client", kit.seen("ping"));

  const refused = kit.attempt(() => socket.ping(new Blob(["data"])));
  if (!refused) await kit.until("pong", 2);
  record("a ping of a Blob", refused?.code ?? "answered");

  const { socket: bold, client: strict } = await kit.visit();
  bold.send(Uint8Array.of(255), { binary: false });
  let end;
  strict.outcome.then((outcome) => kit.look((end = outcome)));
  await kit.untilTrue(() => end || strict.received.length > 0, "what becomes of the text");
  record("text that is no UTF-8, for the client", end ?? [...strict.received]);

  const heard = [];
  const { socket: silent, client: early } = await kit.visit();
  early.send("while nobody listens");
  await kit.lap();
  silent.on("message", (data) => kit.note("heard", heard.push(data.toString())));
  early.send("while somebody does");
  await kit.untilTrue(() => heard.includes("while somebody does"), "the message that was listened for");
  record("what comes while nobody listens", heard);

  const ends = async (name, act) => {
    const events = [];
    const { socket, client } = await kit.visit((socket) => {
      socket.on("error", ({ constructor, code }) => events.push(["error", constructor.name, code, socket.readyState]));
      socket.onclose = ({ code, reason, wasClean }) => events.push(["close", code, reason, wasClean]);
    });
    const over = closed(socket);
    await act(socket, client);
    await within(PATIENCE, `the end: ${name}`, over);
    record(name, events);
    record(`${name}, for the client`, await client.outcome);
  };
  await ends("closed without a code", (socket) => socket.close());
  await ends("terminated", (socket) => socket.terminate());
  await ends("a message that is too large", (_, client) => client.sendUnchecked(new Uint8Array(MAX_MESSAGE + 1)));

  const events = [];
  const { client: lost } = await kit.visit((socket) => {
    socket.on("message", (data) => kit.note("told", events.push(["message", data.toString()])));
    socket.onclose = ({ code, reason, wasClean }) => kit.note("told", events.push(["close", code, reason, wasClean]));
  });
  lost.drop();
  lost.send("after it");
  await kit.untilTrue(() => events.length > 0, "what becomes of a lost connection");
  record("a connection that breaks", [...events]);
  kit.note(seen);
};

test("the differences are those of the list, and no others", async () => {
  const [[ws], [durable]] = [await see(stage, "bare", survey), await see(stage, "durable", survey)].map((log) => log.at(-1));
  const found = {};
  for (const name of new Set([...Object.keys(ws), ...Object.keys(durable)])) {
    if (JSON.stringify(ws[name]) !== JSON.stringify(durable[name])) found[name] = [ws[name], durable[name]];
  }
  assert.deepEqual(found, DIFFERENCES);
});
