// tautline/websocket beside the browser's own class: constructing, URLs, subprotocols, properties.

import { sameOnBothSides, useStage } from "./sides.mjs";

useStage();

sameOnBothSides("construction without new, without arguments, and through Reflect", async (Socket, kit) => {
  const url = kit.echo();
  kit.note("called", kit.attempt(() => Socket(url)));
  kit.note("no arguments", kit.construct(Socket));
  kit.note("undefined", kit.construct(Socket, undefined));
  class Derived extends Socket {
    extra = 7;
  }
  const derived = kit.keep(new Derived(url));
  kit.note(
    "derived", derived instanceof Socket, derived instanceof EventTarget, derived.constructor === Derived,
    derived.extra,
  );
  kit.note("Reflect.construct", Reflect.construct(Socket, [url], Derived) instanceof Derived);
  kit.note("EventTarget", EventTarget.isPrototypeOf(Socket), EventTarget.prototype.isPrototypeOf(Socket.prototype));
}, { plain: true });

sameOnBothSides("the server is offered the same subprotocols", async (Socket, kit) => {
  const letters = (value) => new Socket(kit.echo("protocol=b&protocol=a"), value);
  for (const value of [["a", "b", "c"], "b", new Set(["b"]), new String("ab")]) {
    const socket = letters(value);
    await kit.opened(kit.keep(socket));
    const { offered } = await kit.report();
    kit.note(offered, socket.protocol);
  }
  const array = ["a", "b"];
  const socket = kit.keep(letters(array));
  array.push("c");
  array[0] = "d";
  await kit.opened(socket);
  kit.note((await kit.report()).offered, socket.protocol);
}, { plain: true });

sameOnBothSides("constants and attributes, on class, prototype and instance", async (Socket, kit) => {
  const socket = kit.keep(new Socket(kit.echo()));
  // A class that `with` made inherits from the one that has them.
  const find = (object, name) =>
    object && (Object.getOwnPropertyDescriptor(object, name) ?? find(Object.getPrototypeOf(object), name));
  for (const [where, object] of Object.entries({ Socket, prototype: Socket.prototype, socket })) {
    for (const name of ["CONNECTING", "OPEN", "CLOSING", "CLOSED"]) {
      kit.note(where, name, kit.attempt(() => object[name]), name in object, find(object, name));
      kit.note(kit.attempt(() => { object[name] = 9; return object[name]; }));
    }
  }
  const {
    url, readyState, bufferedAmount, protocol, extensions, binaryType, onopen, onmessage, onerror, onclose,
  } = socket;
  kit.note({ url, readyState, bufferedAmount, protocol, extensions, binaryType, onopen, onmessage, onerror, onclose });
  for (const name of ["url", "readyState", "bufferedAmount", "protocol", "extensions"]) {
    // Modules are strict: what can't be set throws.
    kit.note("set", name, kit.attempt(() => { socket[name] = "x"; return socket[name]; }));
    kit.note("delete", name, kit.attempt(() => delete socket[name]), name in socket);
    kit.note("on the prototype", name, kit.attempt(() => Socket.prototype[name]));
  }
  for (const name of ["binaryType", "onopen", "onmessage", "onerror", "onclose"]) {
    kit.note(name, kit.attempt(() => Socket.prototype[name]));
  }
  kit.note("own", Reflect.ownKeys(socket));
  kit.note("keys", Object.keys(socket), JSON.stringify(socket), { ...socket });
  const enumerated = [];
  for (const name in socket) enumerated.push(name);
  kit.note("for in", enumerated.sort());
  const ofClass = [];
  for (const name in Socket) if (name !== "with") ofClass.push(name);
  kit.note("for in the class", ofClass.sort());
}, { plain: true });

sameOnBothSides("the prototype's properties are the same, and check what they are called on", async (Socket, kit) => {
  const shape = ({ value, get, set, ...flags }) => ({
    ...flags,
    value: typeof value === "function" ? ["function", value.name, value.length] : value,
    get: get && [get.name, get.length],
    set: set && [set.name, set.length],
  });
  // A class that `with` made, and its parents up to EventTarget, together are the interface.
  const descriptors = {};
  for (let it = Socket.prototype; it !== EventTarget.prototype; it = Object.getPrototypeOf(it)) {
    Object.assign(descriptors, { ...Object.getOwnPropertyDescriptors(it), ...descriptors });
  }
  delete descriptors.constructor;
  for (const name of Object.keys(descriptors).sort()) kit.note(name, shape(descriptors[name]));
  kit.note(
    "constructor", Socket.prototype.constructor === Socket,
    Object.getOwnPropertyDescriptor(Socket.prototype, "constructor").enumerable,
  );
  kit.note("length", Socket.length, Object.getOwnPropertyDescriptor(Socket, "prototype").writable);
  for (const name of Object.keys(descriptors).sort()) {
    const { value, get, set } = descriptors[name];
    for (const it of [value, get, set]) {
      if (typeof it !== "function") continue;
      kit.note(
        name, it.length, kit.attempt(() => it.call({}, 1000)), kit.attempt(() => it.call(new EventTarget(), 1000)),
        kit.attempt(() => it.call(undefined, 1000)),
      );
    }
  }
  const socket = kit.keep(new Socket(kit.echo()));
  kit.note("tag", socket[Symbol.toStringTag], String(socket), Object.prototype.toString.call(socket));
  kit.note("expando", (socket.mine = 5), socket.mine, Object.keys(socket), Object.isExtensible(socket));
  kit.note("cloned", kit.attempt(() => structuredClone(socket)));
}, { plain: true });

sameOnBothSides("binaryType takes its two values and ignores all others", async (Socket, kit) => {
  const socket = kit.keep(new Socket(kit.echo()));
  const values = [
    "arraybuffer", "Blob", "blob", "", null, undefined, 5, "ARRAYBUFFER", new String("arraybuffer"),
    { toString: () => "blob" }, ["arraybuffer"],
  ];
  for (const value of values) {
    kit.note(kit.attempt(() => { socket.binaryType = value; return socket.binaryType; }));
  }
  kit.note(kit.attempt(() => { socket.binaryType = Symbol("x"); }), socket.binaryType);
  kit.note(
    kit.attempt(() => { socket.binaryType = { toString() { throw new RangeError("mine"); } }; }), socket.binaryType,
  );
  await kit.opened(socket);
  socket.binaryType = "blob";
  socket.close();
  socket.binaryType = "arraybuffer";
  kit.note("in CLOSING", socket.readyState, socket.binaryType);
}, { plain: true });

// The rest opens no connection, and comes last: after so many that are given up, Chromium makes a page wait.

sameOnBothSides("URLs are refused and normalised alike", async (Socket, kit) => {
  const host = location.host;
  const urls = [
    `ws://${host}`, `ws://${host}/echo`, `WS://${host.toUpperCase()}/echo`, `ws://${host}/a/../b/./c`,
    `ws://${host}/a b?c d`, `ws://${host}/?q=ü&x=%ff`, `ws://${host}/ü`, ` ws://${host}/ `, `ws://${host}/a\n\tb`,
    `ws://${host}?q`, `ws:\\\\${host}\\x`, `ws:${host}/`, `ws:///${host}/`, `ws://user@${host}/`,
    `ws://user:secret@${host}/`, "ws://127.0.0.1:80/", "ws://127.1:08080/",
    "wss://127.0.0.1:443/x", `http://${host}/echo`, `https://${host}/`, "/echo", "echo", "../x", "", "?q=1", ".",
    `//${host}/x`, "/", " /x ",
    `ws://${host}/#`, `ws://${host}/#a`, "#", "#a", "/echo#a", `http://${host}/#a`, `ws://${host}/%23`,
    "ws:", "ws://", "wss://", "ws://:80", "ws://?x", "ws:///", "ws", "ws//x", "://x", "ws://[", "ws://a b/",
    "ws://127.0.0.1:65536/",
    "ws://127.0.0.1:-1/", "ws://127.0.0.1:x/", "ws://127.0.0.256/", "ws://%/", "ws://a%00b/", "ws://xn--a/",
    "ws://exa<mple/",
    "ftp://127.0.0.1/", "ftps://127.0.0.1/", "mailto:a@b", "javascript:0", "about:blank", "data:,x", "blob:http://x/y",
    "file:///x", "chat://x/",
    "ws2://x/", "wsx:", "foobar:", "ftp://127.0.0.1/#a", "ws://127.0.0.1:65536/#a",
  ];
  for (const url of urls) kit.note(url, kit.construct(Socket, url));
}, { plain: true });

sameOnBothSides("ports that browsers block are refused alike", async (Socket, kit) => {
  for (const port of [0, 1, 7, 9, 21, 22, 25, 110, 143, 587, 993, 2049, 4190, 5060, 6000, 6667, 6679, 10080, 65535]) {
    kit.note(port, kit.construct(Socket, `ws://127.0.0.1:${port}/`));
  }
  kit.note("wss", kit.construct(Socket, "wss://127.0.0.1:25/"), "http", kit.construct(Socket, "http://127.0.0.1:25/"));
  kit.note("a bad subprotocol first", kit.construct(Socket, "ws://127.0.0.1:25/", "a b"));
}, { plain: true });

sameOnBothSides("whatever is given as the URL is converted as WebIDL says", async (Socket, kit) => {
  const url = `ws://${location.host}/echo`;
  const values = {
    URL: new URL(url),
    String: new String(url),
    array: [url],
    toString: { toString: () => url },
    valueOf: { valueOf: () => url },
    toPrimitive: { [Symbol.toPrimitive]: (hint) => `${url}?${hint}` },
    null: null,
    number: 7,
    true: true,
    symbol: Symbol("x"),
    bigint: 1n,
    bare: Object.create(null),
    throws: { toString() { throw new RangeError("mine"); } },
    "a lone surrogate": `${url}?\ud800`,
    location,
  };
  for (const [name, value] of Object.entries(values)) kit.note(name, kit.construct(Socket, value));
  // Conversions run once, and from left to right.
  const order = [];
  const first = { toString: () => `${url}?${order.push("url")}` };
  const second = { toString: () => `p${order.push("protocol")}` };
  kit.note("order", kit.construct(Socket, first, second), order);
  kit.note("the second throws", kit.construct(Socket, "no url#", { toString() { throw new RangeError("mine"); } }));
}, { plain: true });

sameOnBothSides("subprotocols are refused and converted alike", async (Socket, kit) => {
  const url = kit.echo();
  const names = [
    "", "chat", "a b", "a,b", "a, b", " a", "a ", "a/b", "a;b", "a(b", "a{b", 'a"b', "a\\b", "a:b", "a=b", "a?b", "a@b",
    "a[b", "a<b",
    "\x00", "\x1f", "\x7f", "\x80", "é", "a\tb", "a\nb", "!#$%&'*+-.^_`|~", "ABCxyz019", "\u{1f600}", "\ud800",
  ];
  for (const name of names) kit.note(name, kit.construct(Socket, url, name), kit.construct(Socket, url, [name]));
  const values = {
    undefined: undefined,
    null: null,
    zero: 0,
    number: 12.5,
    NaN: NaN,
    true: true,
    bigint: 3n,
    symbol: Symbol("x"),
    object: {},
    "an object with toString": { toString: () => "chat" },
    "an object with length": { length: 1, 0: "chat" },
    String: new String("chat"),
    "String, twice the same letter": new String("aa"),
    function: () => {},
    "no iterator": { [Symbol.iterator]: undefined, toString: () => "chat" },
    "null iterator": { [Symbol.iterator]: null, toString: () => "chat" },
    "an iterator that is none": { [Symbol.iterator]: 5 },
    "an iterator that returns none": { [Symbol.iterator]: () => 5 },
    "an iterator that throws": { [Symbol.iterator]() { throw new RangeError("mine"); } },
    empty: [],
    array: ["a", "b"],
    Set: new Set(["a", "b"]),
    "a Map": new Map([["a", "b"]]),
    "a generator": (function* () { yield "a"; yield "b"; })(),
    "a generator that throws": (function* () { yield "a"; throw new RangeError("mine"); })(),
    "typed array": new Uint8Array([1, 2]),
    "typed array, twice": new Uint8Array([1, 1]),
    duplicates: ["a", "b", "a"],
    "duplicates but for case": ["a", "A"],
    "an invalid one": ["a", "b c"],
    "one with a comma": ["a", "b,c"],
    "an empty one": ["a", ""],
    numbers: [1, 2],
    "null and undefined": [null, undefined],
    hole: [, "a"],
    nested: [["a"]],
    "nested, two": [["a", "b"]],
    symbols: ["a", Symbol("x")],
    objects: [{ toString: () => "a" }],
    "an element that throws": [{ toString() { throw new RangeError("mine"); } }],
  };
  for (const [name, value] of Object.entries(values)) kit.note(name, kit.construct(Socket, url, value));
  kit.note("a bad URL and a bad name", kit.construct(Socket, "ftp://x", "a b"));
}, { plain: true });

sameOnBothSides("an https page refuses ws: alike, but for this machine", async (Socket, kit) => {
  kit.note(location.protocol, isSecureContext);
  const urls = [
    "ws://page.test/", "ws://example.test/", "http://page.test/", "wss://page.test/", "/", "ws://127.0.0.1:1025/",
    "ws://localhost:1025/",
  ];
  for (const url of urls) kit.note(url, kit.construct(Socket, url));
  kit.note("a bad subprotocol", kit.construct(Socket, "ws://page.test/", "a b"));
}, { plain: true, secure: true });
