// What tautline/websocket does that the browser's own class does not: it comes back, it keeps what is sent meanwhile,
// and it takes options.

import assert from "node:assert/strict";
import { runsWith, useStage } from "./sides.mjs";

useStage();

/** An event as [type, readyState at that moment, and for close: code, reason, wasClean; for message: data]. */
const short = (entry) => {
  if (!entry?.type) return entry;
  const { type, readyState, code, reason, wasClean, data } = entry;
  if (type === "close") return [type, readyState, code, reason, wasClean];
  return type === "message" ? [type, readyState, data] : [type, readyState];
};
const sees = (...expected) => (log) => assert.deepEqual(log.map(short), expected);

runsWith("plain", "each lost connection fires close, and each new one open", async (TautSocket, kit) => {
  const socket = kit.watch(new TautSocket(kit.echo(), [], { reconnect: { minDelay: 1, maxDelay: 20 } }));
  const orders = ["reset=1", "drop=1", "close=4000&reason=a%20reason", "close=1000"];
  for (const [index, order] of orders.entries()) {
    await kit.until("open", index + 1);
    socket.send(`echo ${index}`);
    await kit.until("message", index + 1);
    await kit.order(order);
    await kit.until("close", index + 1);
  }
  await kit.until("open", orders.length + 1);
  socket.close(4001, "enough");
  await kit.until("close", orders.length + 1);
}, sees(
  ["open", 1], ["message", 1, "echo 0"], ["close", 0, 1006, "", false],
  ["open", 1], ["message", 1, "echo 1"], ["close", 0, 1006, "", false],
  ["open", 1], ["message", 1, "echo 2"], ["close", 0, 4000, "a reason", true],
  ["open", 1], ["message", 1, "echo 3"], ["close", 0, 1000, "", true],
  ["open", 1], ["close", 3, 4001, "enough", true],
));

runsWith("plain", "what is sent while it is down waits, counts, and arrives in order", async (TautSocket, kit) => {
  const socket = kit.watch(new TautSocket(kit.proxied(), [], { reconnect: { minDelay: 1, maxDelay: 20 } }));
  socket.binaryType = "arraybuffer";
  kit.note(kit.attempt(() => socket.send("before the first open")));
  await kit.until("open");
  await cut();
  await kit.until("close");
  kit.note("down", socket.readyState, socket.bufferedAmount);
  const bytes = new Uint8Array([1, 2, 3]);
  socket.send("text");
  kit.note(socket.bufferedAmount);
  socket.send(bytes.subarray(1));
  kit.note(socket.bufferedAmount);
  socket.send(bytes.buffer);
  bytes.fill(9);
  socket.send(new Blob(["blob"]));
  kit.note(socket.bufferedAmount);
  socket.send("last");
  socket.onopen = () => socket.send("from onopen");
  const errors = kit.seen("error");
  await kit.untilTrue(() => kit.seen("error") > errors, "a failed attempt");
  kit.log.splice(0, Infinity, ...kit.log.filter((entry) => entry.type !== "error"));
  await mend();
  await kit.until("message", 6);
  while (socket.bufferedAmount > 0) await kit.lap();
  kit.log.splice(0, Infinity, ...kit.log.filter((entry) => entry.type !== "error"));
}, sees(
  { threw: "InvalidStateError", class: "DOMException", code: 11 },
  ["open", 1], ["close", 0, 1006, "", false],
  ["down", 0, 0], 4, 6, 13,
  ["open", 1],
  ["message", 1, "text"], ["message", 1, { ArrayBuffer: [2, 3] }], ["message", 1, { ArrayBuffer: [1, 2, 3] }],
  ["message", 1, { ArrayBuffer: [98, 108, 111, 98] }], ["message", 1, "last"], ["message", 1, "from onopen"],
));

runsWith("plain", "what is sent after the server's close frame goes out on the next link", async (TautSocket, kit) => {
  // The browser's socket is CLOSING, and would drop it without a word.
  const raws = [];
  const Own = WebSocket;
  globalThis.WebSocket = class extends Own {
    constructor(...args) {
      super(...args);
      raws.push(this);
    }
  };
  try {
    const url = kit.odd({ send: "88020fa0", once: kit.name, answer: "880203e8", then: "fin" });
    const socket = kit.watch(new TautSocket(url, [], { reconnect: { minDelay: 1, maxDelay: 1 } }));
    await kit.until("open");
    while (raws[0].readyState === 1) await kit.lap();
    kit.note(raws[0].readyState, kit.seen("close"));
    socket.send("kept");
    await kit.until("message");
  } finally {
    globalThis.WebSocket = Own;
  }
}, sees(["open", 1], [2, 0], ["close", 0, 4000, "", true], ["open", 1], ["message", 1, "kept"]));

runsWith("plain", "a full outbox throws QuotaExceededError, and the socket lives on", async (TautSocket, kit) => {
  const options = { reconnect: { minDelay: 1, maxDelay: 20 }, outbox: { messages: 3, bytes: 10 } };
  const socket = kit.keep(new TautSocket(kit.proxied(), [], options));
  await kit.opened(socket);
  const lost = kit.next(socket, "close");
  await cut();
  await lost;
  const send = (data) => {
    try {
      socket.send(data);
      return "accepted";
    } catch (error) {
      return [error.name, error instanceof DOMException, error.code];
    }
  };
  kit.note(send("12345"), send("123456"), send("12345"), send("x"), socket.bufferedAmount);
  kit.note(send(""), send(""));
  await mend();
  const echoes = [];
  socket.onmessage = ({ data }) => kit.look(echoes.push(data));
  await kit.untilTrue(() => echoes.length === 3, "three echoes");
  // What is handed to the browser at once takes no room; what would never find room is refused, open or not.
  kit.note([...echoes], send("1234567"), send("1234567"), send("12345678901"));
}, sees(
  ["accepted", ["QuotaExceededError", true, 22], "accepted", ["QuotaExceededError", true, 22], 10],
  ["accepted", ["QuotaExceededError", true, 22]],
  [["12345", "12345", ""], "accepted", "accepted", ["QuotaExceededError", true, 22]],
));

runsWith("plain", "a failed attempt fires error, and no close while it goes on trying", async (TautSocket, kit) => {
  await cut();
  const socket = kit.watch(new TautSocket(kit.proxied(), [], { reconnect: { minDelay: 1, maxDelay: 10 } }));
  await kit.until("error", 3);
  const plainOnes = kit.log.every(({ readyState, class: name }) => readyState === 0 && name === "Event");
  kit.note(kit.seen("close"), socket.readyState, plainOnes);
  await mend();
  await kit.until("open");
  await cut();
  const errors = kit.seen("error");
  await kit.until("error", errors + 3);
  kit.note(kit.seen("close"), socket.readyState);
  await mend();
  await kit.until("open", 2);
  kit.log.splice(0, Infinity, ...kit.log.filter((entry) => entry.type !== "error"));
}, sees([0, 0, true], ["open", 1], ["close", 0, 1006, "", false], [1, 0], ["open", 1]));

runsWith("plain", "close during the wait ends with one last close event", async (TautSocket, kit) => {
  // The next attempt is a minute away, or more.
  const socket = kit.watch(new TautSocket(kit.echo(), [], { reconnect: { minDelay: 60_000, maxDelay: 60_000 } }));
  await kit.until("open");
  await kit.order("reset=1");
  await kit.until("close");
  kit.note(socket.readyState, kit.attempt(() => socket.close(4000, "enough")), socket.readyState);
  await kit.until("close", 2);
  socket.send("too late");
  kit.note(socket.readyState, socket.bufferedAmount, (await kit.report()).attempts);
}, ([open, lost, note, ended, last, ...more]) => {
  sees(["open", 1], ["close", 0, 1006, "", false], [0, "undefined", 2])([open, lost, note]);
  assert.deepEqual([ended.type, ended.readyState, more], ["close", 3, []]);
  assert.deepEqual(last, [3, 8, 1]);
});

runsWith("plain", "close in the close event of a lost connection ends it, too", async (TautSocket, kit) => {
  const socket = kit.watch(new TautSocket(kit.echo(), [], { reconnect: { minDelay: 1, maxDelay: 1 } }));
  socket.onclose = () => socket.close();
  await kit.until("open");
  await kit.order("reset=1");
  await kit.until("close", 2);
  await kit.lap();
  kit.note(socket.readyState, (await kit.report()).attempts);
}, (log) => {
  const last = log.pop();
  assert.deepEqual(log.map(({ type, readyState }) => [type, readyState]), [["open", 1], ["close", 0], ["close", 3]]);
  assert.deepEqual(last, [3, 1]);
});

runsWith("plain", "close with messages that wait sends them first", async (TautSocket, kit) => {
  const socket = kit.watch(new TautSocket(kit.proxied(), [], { reconnect: { minDelay: 1, maxDelay: 20 } }));
  await kit.until("open");
  await cut();
  await kit.until("close");
  socket.send("waits");
  socket.close(4001, "after it");
  kit.note(socket.readyState, socket.bufferedAmount, kit.attempt(() => socket.send("too late")));
  await mend();
  await kit.until("close", 2);
  const { messages, lastClose } = await kit.report();
  kit.note(messages, lastClose);
}, (log) => {
  const seen = log.map(short).filter(([type]) => type !== "error");
  sees(["open", 1], ["close", 0, 1006, "", false], [2, 5, "undefined"])(seen.slice(0, 3));
  // Nothing is told of the connection that carries the rest: the socket is CLOSING.
  const server = [1, { code: 4001, reason: "after it", clean: true }];
  assert.deepEqual(seen.slice(3), [["close", 3, 4001, "after it", true], server]);
});

runsWith("plain", "close codes that would fail again are final", async (TautSocket, kit) => {
  for (const code of [1002, 1007, 1009]) {
    const socket = kit.watch(new TautSocket(kit.echo(), [], { reconnect: { minDelay: 1, maxDelay: 1 } }));
    await kit.opened(socket);
    await kit.order(`close=${code}`);
    await kit.untilTrue(() => socket.readyState === 3, "CLOSED");
    await kit.lap();
  }
  kit.note((await kit.report()).attempts);
}, (log) => {
  const ends = [1002, 1007, 1009].flatMap((code) => [["open", 1], ["close", 3, code, "", true]]);
  sees(...ends, 3)(log.filter(({ type }) => type !== "error"));
});

runsWith("plain", "attempts run out, a policy refuses, a signal aborts: one close", async (TautSocket, kit) => {
  const outcomes = {};
  const end = async (name, query, options, act = () => {}) => {
    const socket = kit.keep(new TautSocket(kit.echo(query), [], options));
    const seen = [];
    for (const type of ["open", "error", "close"]) {
      socket.addEventListener(type, () => seen.push(`${type} ${socket.readyState}`));
    }
    await act(socket);
    await kit.untilTrue(() => { socket.onclose = kit.look; return socket.readyState === 3; }, `${name} to end`);
    await kit.lap();
    outcomes[name] = seen;
  };
  await end("attempts", "refuse=503", { reconnect: { minDelay: 1, maxDelay: 1, maxAttempts: 2 } });
  await end("policy", "close=4000", { reconnect: { minDelay: 1, maxDelay: 1, retry: ({ code }) => code !== 4000 } });
  const controller = new AbortController();
  await end("signal", "", { signal: controller.signal }, async (socket) => {
    await kit.opened(socket);
    controller.abort();
  });
  kit.note(outcomes);
}, ([outcomes]) => {
  const without = (name, type) => outcomes[name].filter((it) => !it.startsWith(type));
  assert.deepEqual(without("attempts", "error"), ["close 3"]);
  assert.deepEqual(without("policy", "error"), ["open 1", "close 3"]);
  assert.deepEqual(without("signal", "error"), ["open 1", "close 3"]);
  assert.equal(outcomes.attempts.filter((it) => it.startsWith("error")).length, 2, "each failed attempt fires error");
});

runsWith("plain", "a heartbeat finds a connection that died in silence", async (TautSocket, kit) => {
  const heartbeat = { interval: 20, timeout: 100, message: () => "beat" };
  const options = { heartbeat, reconnect: { minDelay: 1, maxDelay: 1 } };
  const socket = kit.watch(new TautSocket(kit.echo("silent=1&times=1"), [], options));
  await kit.until("open", 2);
  await kit.until("message");
  kit.note(socket.readyState);
}, (log) => {
  const types = log.map((entry) => entry.type).filter((type) => type && type !== "error");
  assert.deepEqual(types.slice(0, 4), ["open", "close", "open", "message"]);
  assert.equal(log.find(({ type }) => type === "message").data, "beat");
});

runsWith("plain", "listeners, handlers, binaryType and subprotocols outlive a connection", async (TautSocket, kit) => {
  const options = { reconnect: { minDelay: 1, maxDelay: 1 } };
  const socket = kit.keep(new TautSocket(kit.echo("protocol=b"), ["a", "b"], options));
  socket.binaryType = "arraybuffer";
  const opens = [];
  const kinds = [];
  socket.onopen = () => opens.push(socket.protocol);
  socket.addEventListener("message", ({ data }) => kinds.push(data.constructor.name));
  for (let round = 1; round <= 3; round++) {
    await kit.opened(socket);
    socket.send(new Uint8Array([round]));
    await kit.next(socket, "message");
    if (round === 3) break;
    const lost = kit.next(socket, "close");
    await kit.order("reset=1");
    await lost;
  }
  const { offered } = await kit.report();
  kit.note(opens, kinds, offered);
}, sees([["b", "b", "b"], ["ArrayBuffer", "ArrayBuffer", "ArrayBuffer"], ["a", "b"]]));

runsWith("plain", "options that can't be used are a TypeError that names them", async (TautSocket, kit) => {
  const bad = {
    options: [5, "text"],
    reconnect: [true, 1, "no"],
    "reconnect.minDelay": [-1, "1"],
    "reconnect.maxDelay": [NaN],
    "reconnect.factor": [0],
    "reconnect.maxAttempts": [0, 1.5],
    "reconnect.stableAfter": [-1],
    "reconnect.retry": [true],
    connectTimeout: [0, "soon"],
    heartbeat: [true],
    "heartbeat.timeout": [0],
    outbox: [5],
    "outbox.messages": [0],
    "outbox.bytes": ["all"],
    inbox: [5],
    "inbox.messages": [0.5],
    "inbox.overflow": ["wait"],
    signal: [{}],
    durable: ["yes"],
  };
  const given = (path, value) => {
    const [group, name] = path.split(".");
    if (group === "options") return value;
    if (name === undefined) return { [group]: value };
    return { [group]: { ...(group === "heartbeat" && { interval: 1, timeout: 1, message() {} }), [name]: value } };
  };
  for (const [path, values] of Object.entries(bad)) {
    for (const value of values) {
      for (const [how, make] of [
        ["third argument", () => new TautSocket(kit.echo(), [], given(path, value))],
        ["with", () => new (TautSocket.with(given(path, value)))(kit.echo())],
      ]) {
        try {
          kit.keep(make());
          kit.note(path, String(value), how, "was taken");
        } catch (error) {
          const isNamed = error.constructor === TypeError && error.message.includes(`\`${path}\``);
          if (!isNamed) kit.note(path, String(value), how, String(error));
        }
      }
    }
  }
}, sees());

runsWith("plain", "`with` gives classes that behave as classes do", async (TautSocket, kit) => {
  const Single = TautSocket.with({ reconnect: false });
  const socket = kit.keep(new Single(kit.echo()));
  kit.note(
    typeof Single, Single.name, Single !== TautSocket, Single.CONNECTING, Single.OPEN, Single.CLOSING, Single.CLOSED,
    Object.keys(TautSocket).includes("with"),
  );
  kit.note(
    socket instanceof Single, socket instanceof TautSocket, socket instanceof EventTarget,
    socket.constructor === Single, new TautSocket(kit.echo()) instanceof Single,
  );
  kit.note(
    kit.attempt(() => Single(kit.echo())), kit.attempt(() => new Single()), kit.attempt(() => new Single("ws://x/#a")),
    kit.attempt(() => new Single(kit.echo(), "a b")),
  );
  class Named extends Single {
    label = "mine";
  }
  const named = kit.keep(new Named(kit.echo()));
  kit.note(named.label, named.constructor.name, named instanceof Single, typeof Named.with);
  kit.note(Named.with({}).prototype instanceof Named, new (Named.with({}))(kit.echo()).label);

  // What a call gives wins over what `with` bound, and the later `with` over the earlier; the rest stays.
  const reopens = async (Class, ...more) => {
    const socket = kit.keep(new Class(kit.echo("close=4000&after=1"), [], ...more));
    await kit.opened(socket);
    socket.send("x");
    await kit.next(socket, "close");
    const goesOn = socket.readyState === 0;
    socket.close();
    return goesOn;
  };
  const quick = { reconnect: { minDelay: 1, maxDelay: 1 } };
  kit.note(
    await reopens(Single), await reopens(Single, quick), await reopens(TautSocket.with(quick), { reconnect: false }),
  );
  kit.note(
    await reopens(Single.with({ connectTimeout: 5000 })), await reopens(Single.with(quick)),
    await reopens(TautSocket.with(quick).with({ reconnect: false })),
  );
  kit.note(await reopens(Named), await reopens(Single, undefined), await reopens(Single, {}));
}, sees(
  ["function", "TautSocket", true, 0, 1, 2, 3, false],
  [true, true, true, true, false],
  [
    { threw: "TypeError", class: "TypeError", code: null }, { threw: "TypeError", class: "TypeError", code: null },
    { threw: "SyntaxError", class: "DOMException", code: 12 },
    { threw: "SyntaxError", class: "DOMException", code: 12 },
  ],
  ["mine", "Named", true, "function"],
  [true, "mine"],
  [false, true, false],
  [false, true, false],
  [false, false, false],
));

runsWith("plain", "a URL provider that fails is one error event for each attempt", async (TautSocket, kit) => {
  const provider = () => {
    throw new Error("no URL");
  };
  const socket = kit.keep(new TautSocket(provider, [], { reconnect: { minDelay: 1, maxDelay: 1, maxAttempts: 3 } }));
  const errors = [];
  socket.onerror = ({ error }) => errors.push([error.code, error.cause.message]);
  await kit.next(socket, "close");
  kit.note(errors);
}, sees([["url", "no URL"], ["url", "no URL"], ["url", "no URL"]]));

runsWith("plain", "an error is told with the connection it belongs to, and not again at the end", async (TautSocket, kit) => {
  const options = { reconnect: { minDelay: 60_000, maxDelay: 60_000 } };
  const socket = kit.watch(new TautSocket(kit.echo("malformed=opcode"), [], options));
  await kit.until("close");
  socket.close(4000, "enough");
  await kit.until("close", 2);
}, (log) => {
  const seen = log.map(({ type, readyState }) => [type, readyState]);
  assert.deepEqual(seen, [["open", 1], ["error", 0], ["close", 0], ["close", 3]]);
});

runsWith("plain", "options that the interface has other ways for are refused by name", async (TautSocket, kit) => {
  for (const [name, options] of Object.entries({ codec: { codec: "text" }, protocols: { protocols: ["a"] } })) {
    for (const make of [() => TautSocket.with(options), () => kit.keep(new TautSocket(kit.echo(), [], options))]) {
      try {
        make();
        kit.note(name, "was taken");
      } catch (error) {
        kit.note(name, error.constructor === TypeError && error.message.includes(`\`${name}\``));
      }
    }
  }
}, sees(["codec", true], ["codec", true], ["protocols", true], ["protocols", true]));

runsWith("plain", "a failed attempt is told once, and a close in its wait has one end", async (TautSocket, kit) => {
  const options = { reconnect: { minDelay: 1, maxDelay: 1, retry: () => true } };
  const socket = kit.watch(new TautSocket(kit.proxied(), [], options));
  await kit.until("open");
  await cut();
  await kit.until("error", 1);
  socket.close(4000, "enough");
  await kit.until("close", 2);
  await kit.lap();
  const errors = kit.log.filter(({ type, readyState }) => type === "error" && readyState === 3).length;
  const ends = kit.log.filter(({ type }) => type === "close").map(({ readyState, code }) => [readyState, code]);
  kit.log.splice(0, Infinity, [errors, ends]);
}, (log) => assert.deepEqual(log, [[0, [[0, 1006], [3, 4000]]]]));

runsWith("plain", "a close in the error of a lost connection is its end", async (TautSocket, kit) => {
  const socket = kit.watch(new TautSocket(kit.echo("malformed=opcode"), [], { reconnect: { minDelay: 60_000, maxDelay: 60_000 } }));
  socket.onerror = () => socket.close();
  await kit.until("close");
  await kit.lap();
}, (log) => assert.deepEqual(log.map(({ type, readyState }) => [type, readyState]), [["open", 1], ["error", 0], ["close", 3]]));
