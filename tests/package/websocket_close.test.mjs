// tautline/websocket beside the browser's own class: close() in every state, with every argument.

import { sameOnBothSides, useStage } from "./sides.mjs";

useStage();

sameOnBothSides("what close takes is what the server gets", async (Socket, kit) => {
  const text = { toString: () => "mine" };
  const all = [
    [], [undefined], [1000], [1000, ""], [1000, undefined], [1000, null], [3000], [4999, "a reason"],
    [4000, "ü".repeat(61)], [4000, "\ud800"], [undefined, undefined],
    [undefined, "a reason"], [undefined, ""], ["3000"], ["1000"], [3000.4], [4000, text], [4000, "a\0b"], [4000, 7],
  ];
  for (const [index, args] of all.entries()) {
    const socket = kit.watch(new Socket(kit.echo()), index);
    await kit.opened(socket);
    kit.note(args.map((it) => typeof it), kit.attempt(() => socket.close(...args)), socket.readyState);
    socket.close();
    await kit.untilTrue(() => socket.readyState === 3, "CLOSED");
    kit.note((await kit.report()).lastClose);
  }
}, { plain: true });

sameOnBothSides("codes and reasons that close refuses, whatever the state", async (Socket, kit) => {
  const throwing = { toString() { throw new RangeError("mine"); } };
  const bad = [
    [1001], [999], [0], [-1], [1005], [1006], [1015], [2999], [5000], [65536 + 1000], [NaN], [Infinity], [null], [true],
    ["x"], ["1001"], [{}], [[3000]],
    [1000.5], [2999.4], [-0.5], [1e9], [3000n], [Symbol("x")], [{ valueOf: () => 3000 }], [throwing],
    [1000, "x".repeat(123)], [1000, "x".repeat(124)], [1000, "é".repeat(62)], [1000, "é".repeat(61) + "x"],
    [1000, "🪢".repeat(31)], [1000, "\ud800".repeat(42)], [1000, "\ud800".repeat(41)],
    [undefined, "x".repeat(124)], [1001, "x".repeat(124)], [1000, Symbol("x")], [1000, throwing],
    [undefined, "a reason"], [null, ""],
  ];
  const name = (value) => {
    if (value?.length > 20) return `${value.length} long`;
    return typeof value === "object" && value !== null ? "an object" : String(value);
  };
  // Those that are no errors close a socket of their own.
  const tell = (state, socket) => (args) => {
    const before = socket.readyState;
    kit.note(state, args.map(name), kit.attempt(() => socket.close(...args)), before, socket.readyState);
  };
  const closing = kit.watch(new Socket(kit.echo()));
  await kit.until("open");
  for (const args of bad) if (closing.readyState === 1) tell("OPEN", closing)(args);
  closing.close();
  bad.forEach(tell("CLOSING", closing));
  await kit.until("close");
  bad.forEach(tell("CLOSED", closing));
  // Last: after so many that were given up, Chromium lets this page wait.
  for (const args of bad) {
    const socket = kit.keep(new Socket(kit.echo("delay=1000")));
    tell("CONNECTING", socket)(args);
    socket.close();
  }
}, { plain: true, manySockets: true });

sameOnBothSides("close while CONNECTING fails the connection", async (Socket, kit) => {
  for (const args of [[], [1000], [4000, "never mind"]]) {
    const socket = kit.watch(new Socket(kit.echo("delay=1000")), args.length);
    kit.note(kit.attempt(() => socket.close(...args)), socket.readyState);
    await Promise.resolve();
    kit.note("a microtask later", socket.readyState);
    await kit.untilTrue(() => socket.readyState === 3, "CLOSED");
    await kit.lap();
  }
}, { plain: true });

sameOnBothSides("close while the handshake is under way", async (Socket, kit) => {
  const socket = kit.watch(new Socket(kit.echo("delay=2000")));
  await kit.lap();
  kit.note(socket.readyState, kit.attempt(() => socket.close(4000, "enough")), socket.readyState);
  await kit.until("close");
}, { plain: true });

sameOnBothSides("a second close changes nothing, in CLOSING and after CLOSED", async (Socket, kit) => {
  const socket = kit.watch(new Socket(kit.echo()));
  await kit.until("open");
  socket.close(4001, "first");
  kit.note(kit.attempt(() => socket.close(4002, "second")), socket.readyState);
  await kit.until("close");
  kit.note(kit.attempt(() => socket.close(4003, "third")), kit.attempt(() => socket.close()), socket.readyState);
  await kit.lap();
  kit.note((await kit.report()).lastClose);
}, { plain: true });

sameOnBothSides("close inside onopen, with something sent before it", async (Socket, kit) => {
  const socket = kit.watch(new Socket(kit.echo()));
  socket.onopen = () => {
    socket.send("last words");
    socket.close(4000, "in onopen");
    kit.note("in onopen", socket.readyState, socket.bufferedAmount);
  };
  await kit.until("close");
  await kit.lap();
  const { messages, lastClose } = await kit.report();
  kit.note(messages, lastClose);
}, { plain: true });

sameOnBothSides("close inside onmessage: what comes after it is not delivered", async (Socket, kit) => {
  const socket = kit.watch(new Socket(kit.echo("flood=100")));
  socket.onmessage = () => {
    if (kit.seen("message") < 3) return;
    socket.close();
    kit.note("in onmessage", socket.readyState);
  };
  await kit.until("close");
}, { plain: true });

sameOnBothSides("what arrives in CLOSING is not delivered", async (Socket, kit) => {
  // Two texts and bytes in answer to the client's close frame, and then the server's.
  const answer = "81026869" + "8102686a" + "820101" + "880203e8";
  const socket = kit.watch(new Socket(kit.odd({ answer, then: "fin" })));
  await kit.until("open");
  socket.close();
  await kit.until("close");
}, { plain: true });

sameOnBothSides("a server that answers the close with another code, or with none", async (Socket, kit) => {
  for (const [label, answer] of Object.entries({ other: "88040fa06f6b", none: "8800", same: "88020fa1" })) {
    const socket = kit.watch(new Socket(kit.odd({ answer, then: "fin" })), label);
    await kit.opened(socket);
    socket.close(4001, "mine");
    await kit.untilTrue(() => socket.readyState === 3, "CLOSED");
  }
  await kit.lap();
}, { plain: true });

sameOnBothSides("a connection that breaks in CLOSING", async (Socket, kit) => {
  const cutOff = kit.watch(new Socket(kit.odd({ then: "fin" })), "the stream ends");
  await kit.opened(cutOff);
  cutOff.close(4001, "mine");
  await kit.untilTrue(() => cutOff.readyState === 3, "CLOSED");
  const reset = kit.watch(new Socket(kit.proxied("silent=1")), "reset");
  await kit.opened(reset);
  reset.close(4001, "mine");
  await cut();
  await kit.untilTrue(() => reset.readyState === 3, "CLOSED");
  await mend();
  await kit.lap();
}, { plain: true });

sameOnBothSides("both sides close at once", async (Socket, kit) => {
  const socket = kit.watch(new Socket(kit.odd({ send: "810161" + "88040fa06869", answer: "", then: "fin" })));
  socket.onmessage = () => socket.close(4001, "mine");
  await kit.until("close");
}, { plain: true });

sameOnBothSides("close inside onclose and onerror", async (Socket, kit) => {
  const socket = kit.watch(new Socket(kit.echo("refuse=503")));
  for (const type of ["error", "close"]) {
    socket[`on${type}`] = () => {
      kit.note(`in on${type}`, socket.readyState, kit.attempt(() => socket.close(4000)), socket.readyState);
    };
  }
  await kit.until("close");
});
