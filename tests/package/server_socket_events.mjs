// A SessionSocket beside the socket of `ws`: what it emits, as which types, and to which listeners.

import { EventEmitter, on, once } from "node:events";
import { KINDS } from "./sessions/payloads.mjs";
import { sameOnAllSides, useSides } from "./server_socket_sides.mjs";

const test = sameOnAllSides(useSides());

/** An event as plain values. */
const eventOf = (event, socket) => {
  const fields = {};
  for (const key in event) fields[key] = key === "target" ? event[key] === socket : event[key];
  return fields;
};

test("what a socket is when it is given out, and after its end", async (kit) => {
  const look = (socket, when) => {
    const { readyState, protocol, extensions, url, binaryType, bufferedAmount, isPaused } = socket;
    kit.note(when, { readyState, protocol, extensions, url, binaryType, bufferedAmount, isPaused });
    const { CONNECTING, OPEN, CLOSING, CLOSED, onopen, onmessage, onerror, onclose } = socket;
    kit.note("on itself", CONNECTING, OPEN, CLOSING, CLOSED, onopen, onmessage, onerror, onclose);
    kit.note("the other end", socket._socket.remoteAddress);
    kit.note("an emitter", socket instanceof EventEmitter, socket.eventNames().filter((name) => name !== "close"));
  };
  const { socket, request, client } = await kit.visit((socket) => look(socket, "in the event"));
  kit.note("request", request.method, request.headers.upgrade, request.socket.remoteAddress);
  look(socket, "later");
  kit.note("among the clients", kit.server.clients.has(socket));
  await Promise.all([once(socket, "close"), client.close(1000)]);
  look(socket, "after its end");
  kit.note("among the clients", kit.server.clients.has(socket));
});

test("the first subprotocol that a client offers is the socket's; none where it offers none", async (kit) => {
  for (const protocols of [[], ["b"], ["b", "a"]]) {
    const { socket, client } = await kit.visit(undefined, { protocols });
    kit.note(socket.protocol, client.protocol);
  }
});

test("`handleProtocols`, set on the server's options at any time, chooses the subprotocol", async (kit) => {
  const { options } = kit.server;
  const before = options.handleProtocols;
  try {
    options.handleProtocols = (offered, { url }) => {
      kit.note("asked", offered instanceof Set, [...offered], url.endsWith("?x=1"));
      return offered.has("a") && "a";
    };
    for (const protocols of [["b", "a"], []]) {
      const { socket, client } = await kit.visit(undefined, { protocols });
      kit.note(socket.protocol, client.protocol);
    }
  } finally {
    options.handleProtocols = before;
  }
});

for (const binaryType of ["nodebuffer", "arraybuffer", "fragments", "blob"]) {
  test(`messages of every kind and size arrive as they were sent, bytes as ${binaryType}`, async (kit) => {
    const { client } = await kit.watched((socket) => {
      kit.note("set", (socket.binaryType = binaryType), socket.binaryType);
    });
    for (const payload of KINDS) client.send(payload);
    await kit.until("message", KINDS.length);
  });
}

test("bytes that are given out can be written to, and nothing lies behind them", async (kit) => {
  const { client } = await kit.visit((socket) => {
    socket.on("message", (data, isBinary) => {
      kit.note("message", isBinary, data.length, data.buffer.byteLength >= data.byteOffset + data.length);
      data.fill(1);
      kit.note("filled", data);
    });
  });
  for (const payload of ["text", Uint8Array.of(5, 6, 7), "größe"]) client.send(payload);
  await kit.until("filled", 3);
});

test("`binaryType` can be changed between messages; what is no type changes nothing", async (kit) => {
  const { socket, client } = await kit.watched();
  let count = 0;
  for (const type of ["arraybuffer", "no type", undefined, "fragments", "Blob", "blob", "nodebuffer", null]) {
    socket.binaryType = type;
    kit.note("set", type, socket.binaryType);
    client.send(Uint8Array.of(1, 2));
    client.send("text");
    await kit.until("message", (count += 2));
  }
});

test("on… properties take functions, give them back, and are called with events", async (kit) => {
  const types = ["open", "message", "error", "close"];
  const { socket, client } = await kit.visit((socket) => {
    for (const type of types) {
      // A server of `ws` listens for the end of each of its sockets.
      const others = socket.listenerCount(type);
      for (const value of [undefined, null, 5, "text", {}, { handleEvent() {} }, [], () => {}, null, class {}, true]) {
        socket[`on${type}`] = value;
        kit.note("set", socket[`on${type}`] === value, typeof socket[`on${type}`], socket.listenerCount(type) - others);
      }
      socket[`on${type}`] = function (...args) {
        kit.note(`on${type}`, this === socket, args.length, eventOf(args[0], socket), socket.readyState);
        return false;
      };
    }
  });
  client.send("text");
  client.send(Uint8Array.of(1));
  await kit.until("onmessage", 2);
  const error = new RangeError("an error of the test's");
  socket.emit("error", error);
  await Promise.all([client.close(4001, "größe"), kit.until("onclose")]);
});

test("listeners are called in their order, and a property has the place of its last setting", async (kit) => {
  const say = (name) => () => kit.note(name);
  const { client } = await kit.visit((socket) => {
    socket.onmessage = say("property, replaced");
    socket.addEventListener("message", say("listener 1"));
    socket.on("message", say("emitter's 1"));
    socket.onmessage = say("property");
    socket.addEventListener("message", say("listener 2"));
    socket.prependListener("message", say("emitter's, in front"));
  });
  client.send("text");
  await kit.until("listener 2");
});

test("addEventListener: events, objects, duplicates, `once`, and types there are none of", async (kit) => {
  const { client } = await kit.visit((socket) => {
    const listen = (event) => kit.note("function", eventOf(event, socket));
    const object = {
      handleEvent(event) {
        kit.note("object", this === object, eventOf(event, socket));
      },
    };
    kit.note("returns", socket.addEventListener("message", listen));
    socket.addEventListener("message", listen);
    socket.addEventListener("message", listen, { once: true });
    socket.addEventListener("message", object);
    socket.addEventListener("message", object, {});
    socket.addEventListener("message", (event) => kit.note("once", eventOf(event, socket)), { once: true });
    socket.onmessage = listen;
    for (const type of ["ping", "pong", "anything"]) socket.addEventListener(type, listen);
    kit.note("counts", ...["message", "ping", "pong", "anything"].map((type) => socket.listenerCount(type)));
    socket.addEventListener("close", object, { once: true });
  });
  client.send("first");
  client.send(Uint8Array.of(1));
  await kit.until("function", 4);
  await client.close(1000);
  await kit.until("object", 3);
});

test("removeEventListener takes away what was added so, and nothing else", async (kit) => {
  const { socket, client } = await kit.visit((socket) => {
    const say = (name) => () => kit.note(name);
    const [both, stays, onceOnly] = ["both", "stays", "once"].map(say);
    const object = { handleEvent: say("object") };
    socket.addEventListener("message", both);
    socket.onmessage = both;
    socket.on("message", stays);
    socket.addEventListener("message", object);
    socket.addEventListener("message", onceOnly, { once: true });
    kit.note("returns", socket.removeEventListener("message", both), socket.listenerCount("message"));
    socket.removeEventListener("message", both);
    socket.removeEventListener("message", stays);
    socket.removeEventListener("message", onceOnly);
    socket.removeEventListener("message", () => {});
    socket.removeEventListener("close", both);
    socket.removeEventListener("message", object);
    kit.note("left", socket.listenerCount("message"), socket.onmessage === both);
    const gone = say("gone");
    socket.on("message", gone);
    socket.off("message", gone);
  });
  client.send("text");
  await kit.until("stays");
  socket.removeAllListeners("message");
  kit.note("after all", socket.onmessage, socket.listenerCount("message"));
});

test("a listener that comes or goes while a message is told", async (kit) => {
  const { client } = await kit.visit((socket) => {
    const late = () => kit.note("late");
    const first = () => {
      kit.note("first");
      socket.off("message", first);
      socket.on("message", late);
    };
    socket.on("message", first);
    socket.on("message", () => kit.note("message"));
  });
  client.send("1");
  client.send("2");
  await kit.until("late");
  kit.note("end");
});

test("`events.once` and `events.on` wait for it as for any emitter", async (kit) => {
  let items;
  const { socket, client } = await kit.visit((socket) => {
    items = on(socket, "message", { close: ["close"] });
  });
  client.send("1");
  client.send(Uint8Array.of(2));
  client.send("3");
  const told = [];
  for await (const item of items) {
    told.push(item);
    if (told.length === 3) client.close(4002, "read");
  }
  kit.note("items", told);
  const { socket: other, client: goes } = await kit.visit();
  const [[code, reason]] = await Promise.all([once(other, "close"), goes.close(4003, "waited for")]);
  kit.note("once", code, reason, socket.readyState, other.readyState);
});
