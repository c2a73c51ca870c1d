// What tautline/websocket can't or doesn't do as the browser's own class, with reconnecting out of the way. A survey of
// both is held against one list: a difference that is not in it fails, and so does one that is no more.

import assert from "node:assert/strict";
import { runsWith, useStage } from "./sides.mjs";

useStage();

/** What differs, with its reason: [the browser's own class, tautline's class]. */
const DIFFERENCES = {
  // It has a name of its own, so that nobody takes it for the other.
  "class.name": ["WebSocket", "TautSocket"],
  // How to bind options; not enumerable.
  "class.own": [
    ["CLOSED", "CLOSING", "CONNECTING", "OPEN", "length", "name", "prototype"],
    ["CLOSED", "CLOSING", "CONNECTING", "OPEN", "length", "name", "prototype", "with"],
  ],
  "class.isNative": [true, false],
  "instance of WebSocket": [true, false],
  // A page can't make trusted events.
  "open.isTrusted": [true, false],
  "message.isTrusted": [true, false],
  "close.isTrusted": [true, false],
  "failed error.isTrusted": [true, false],
  "failed close.isTrusted": [true, false],
  // A function is asked for the URL before every attempt; the browser's own class makes a text of it.
  "a function as the URL": [true, false],
  // Says why, as a TautlineError.
  "failed error own": [["isTrusted"], ["isTrusted", "error"]],
  "failed error.error": [undefined, "refused"],
  // Whatever waits is bounded: by `outbox`, 16 MiB where nothing else is said.
  "24 MiB in one turn": ["taken", "QuotaExceededError"],
  // The browser's own class ends in silence where the page's policy (connect-src) forbids the server.
  "forbidden by policy": [["error 3"], ["error 3", "close 3"]],
  // Events that a page dispatches leave no room for microtasks between two listeners of the same event.
  "microtasks between listeners": [["first", "microtask", "second"], ["first", "second", "microtask"]],
};

const survey = async (Socket, kit) => {
  const seen = {};
  const record = (name, value) => (seen[name] = value);
  const ownNames = (it) => Object.getOwnPropertyNames(it).sort();

  record("class.name", Socket.name);
  record("class.own", ownNames(Socket));
  record("class.symbols", Object.getOwnPropertySymbols(Socket).map(String));
  record("class.parent", Object.getPrototypeOf(Socket) === EventTarget);
  record("class.type", typeof Socket);
  record("class.length", Socket.length);
  record("class.isNative", Function.prototype.toString.call(Socket).includes("[native code]"));
  record("prototype.own", ownNames(Socket.prototype));
  record("prototype.symbols", Object.getOwnPropertySymbols(Socket.prototype).map(String));
  record("prototype.parent", Object.getPrototypeOf(Socket.prototype) === EventTarget.prototype);
  for (const name of ownNames(Socket.prototype)) {
    const { value, get, set, ...flags } = Object.getOwnPropertyDescriptor(Socket.prototype, name);
    const is = name === "constructor" ? value === Socket : (value?.name ?? value);
    record(`prototype.${name}`, { ...flags, is, get: get?.name, set: set?.name });
  }

  record("a function as the URL", kit.construct(Socket, () => "/echo").url.endsWith("/()%20=%3E%20%22/echo%22"));

  const about = (name, socket, event) => {
    for (const key in event) {
      let value = event[key];
      if (["timeStamp", "target", "currentTarget", "srcElement"].includes(key)) continue;
      if (typeof value === "function") value = "a function";
      if (value instanceof Error) value = value.code;
      record(`${name}.${key}`, value);
    }
    record(`${name} own`, Reflect.ownKeys(event).map(String));
    record(`${name} class`, Object.getPrototypeOf(event) === window[event.constructor.name].prototype);
    record(`${name} targets`, [event.target === socket, event.currentTarget === socket, event.srcElement === socket]);
    record(`${name} timeStamp`, Math.abs(event.timeStamp - performance.now()) < 5000);
    record(`${name} is window.event`, window.event === event);
  };
  const socket = kit.keep(new Socket(kit.echo("greet=hello")));
  record("instance of WebSocket", socket instanceof WebSocket);
  record("instance of EventTarget", socket instanceof EventTarget);
  record("instance.own", Reflect.ownKeys(socket).map(String));
  record("instance.constructor", socket.constructor === Socket);
  record("instance.tag", String(socket));
  for (const type of ["open", "message"]) {
    socket.addEventListener(type, (event) => about(type, socket, event), { once: true });
    await kit.next(socket, type);
  }
  const order = [];
  socket.addEventListener("message", () => {
    order.push("first");
    Promise.resolve().then(() => order.push("microtask"));
  });
  socket.addEventListener("message", () => order.push("second"));
  socket.send("x");
  await kit.next(socket, "message");
  await kit.lap();
  record("microtasks between listeners", order);
  const send = () => {
    const megabyte = "x".repeat(2 ** 20);
    for (let n = 0; n < 24; n++) socket.send(megabyte);
    return "taken";
  };
  const sent = kit.attempt(send);
  record("24 MiB in one turn", sent.threw ?? sent);
  socket.close();
  socket.addEventListener("close", (event) => about("close", socket, event));
  await kit.next(socket, "close");

  // One that reconnects would only try again.
  const Single = Socket.with?.({ reconnect: false }) ?? Socket;
  const failed = kit.keep(new Single(kit.echo("refuse=503")));
  failed.addEventListener("error", (event) => about("failed error", failed, event));
  failed.addEventListener("close", (event) => about("failed close", failed, event));
  await kit.next(failed, "close");

  const policy = document.createElement("meta");
  Object.assign(policy, { httpEquiv: "Content-Security-Policy", content: "connect-src 'self'" });
  document.head.append(policy);
  const forbidden = kit.keep(new Single(kit.proxied(), [], { connectTimeout: 100 }));
  const ends = [];
  for (const type of ["error", "close"]) {
    forbidden.addEventListener(type, () => kit.look(ends.push(`${type} ${forbidden.readyState}`)));
  }
  await kit.untilTrue(() => ends.length === (Socket === WebSocket ? 1 : 2), "the end of what the policy forbids");
  await kit.lap();
  record("forbidden by policy", ends);
  kit.note(seen);
};

let own;

runsWith("own", "the survey of the browser's own class sees the whole interface", survey, ([seen]) => {
  own = seen;
  assert.deepEqual(own["prototype.own"].filter((name) => !/^[A-Z]+$/.test(name)), [
    "binaryType", "bufferedAmount", "close", "constructor", "extensions", "onclose", "onerror", "onmessage", "onopen",
    "protocol", "readyState", "send", "url",
  ]);
  assert.deepEqual(own["prototype.symbols"], ["Symbol(Symbol.toStringTag)"]);
});

runsWith("plain", "the differences are those of the list, and no others", survey, ([taut]) => {
  assert.ok(own, "the browser's own class was surveyed");
  const found = {};
  for (const name of new Set([...Object.keys(own), ...Object.keys(taut)])) {
    if (JSON.stringify(own[name]) !== JSON.stringify(taut[name])) found[name] = [own[name], taut[name]];
  }
  assert.deepEqual(found, DIFFERENCES);
});
