// A SessionSocket beside the socket of `ws`: everything that can be sent, callbacks, pings, and pausing.

import { until } from "./sessions/kit.mjs";
import { KINDS } from "./sessions/payloads.mjs";
import { sameOnAllSides, useSides } from "./server_socket_sides.mjs";

const test = sameOnAllSides(useSides());

/** Calls of a callback, with what it was given: an error, or none. */
const heard = (kit, name) => (...args) => kit.note(name, args[0] ?? null);

test("messages of every kind and size arrive as they were sent", async (kit) => {
  const { socket, client } = await kit.visit();
  for (const payload of KINDS) kit.note("returns", socket.send(payload));
  await kit.untilTrue(() => client.received.length === KINDS.length, "the messages");
  kit.note("received", client.received);
  await until(() => socket.bufferedAmount === 0, "nothing more is buffered");
});

const bytes = Uint8Array.from({ length: 300 }, (_, index) => index);

/** What an application may hand to `send`, by what it is. */
const PAYLOADS = {
  "a Buffer": Buffer.from([1, 2, 3]),
  "a part of a Buffer": Buffer.from([1, 2, 3]).subarray(1),
  "an empty Buffer": Buffer.alloc(0),
  "a Uint8Array": bytes,
  "a part of a Uint8Array": bytes.subarray(7, 9),
  "an ArrayBuffer": bytes.buffer.slice(0, 4),
  "an empty ArrayBuffer": new ArrayBuffer(0),
  "a SharedArrayBuffer": new SharedArrayBuffer(3),
  "a Uint16Array": new Uint16Array(bytes.buffer, 2, 3),
  "a Float64Array": new Float64Array([1.5, -0]),
  "a BigInt64Array": new BigInt64Array([1n, -1n]),
  "a DataView": new DataView(bytes.buffer, 5, 7),
  "a Blob": new Blob(["blob ", bytes.subarray(0, 3)]),
  "an empty Blob": new Blob([]),
  "a File": new File(["in a file"], "name.txt"),
  "a number": 7,
  zero: 0,
  "a negative number": -1.5,
  "not a number": NaN,
  "a text": "text",
  "no text": "",
  "a lone surrogate": "a\ud800b",
  "a String": new String("in an object"),
  "an array": [1, 2, 256],
  "an empty array": [],
  undefined,
  null: null,
  false: false,
  true: true,
  "an object": {},
  "an object with a length": { length: 2, 0: 5, 1: 6 },
  "an object with a value": { valueOf: () => "of an object" },
  "an object as JSON has a Buffer": { type: "Buffer", data: [8, 9] },
  "a bigint": 5n,
  "a symbol": Symbol("x"),
  "a function": function send() {},
  "a Date": new Date(0),
};

/** Bytes that are no UTF-8, which no text may have. */
const NO_TEXT = ["a Uint8Array", "a Float64Array", "a BigInt64Array", "an array"];

for (const [what, options] of [
  ["as it is", undefined],
  ["as text", { binary: false }],
  ["as bytes", { binary: true }],
  ["with options that say nothing of it", { compress: true, mask: false, fin: true }],
]) {
  test(`whatever an application sends, ${what}, arrives or is refused as ever`, async (kit) => {
    const { socket, client } = await kit.visit();
    for (const [name, payload] of Object.entries(PAYLOADS)) {
      if (options?.binary === false && NO_TEXT.includes(name)) continue;
      kit.note(name, kit.attempt(() => socket.send(payload, options)));
    }
    kit.note("ready", socket.readyState);
    socket.send("the last");
    await kit.untilTrue(() => client.received.at(-1)?.includes("the last"), "the last message");
    kit.note("received", client.received);
  });
}

test("text that is sent as text, of Buffers, and of what needs more than its bytes", async (kit) => {
  const { socket, client } = await kit.visit();
  socket.send(Buffer.from("größe"), { binary: false });
  socket.send("größe", { binary: true });
  socket.send(new Blob(["größe"]), { binary: false });
  socket.send(Buffer.from("\ufeffmarked"), { binary: false });
  socket.send("\ufeffmarked");
  socket.send("a\u001eb");
  await kit.untilTrue(() => client.received.length === 6, "the messages");
  kit.note("received", client.received);
});

test("a message in pieces, with `fin`, arrives as one; only its first piece says what it is", async (kit) => {
  const { socket, client } = await kit.visit();
  socket.send("one ", { fin: false });
  socket.send(Buffer.from("message "), { fin: false, binary: true }, heard(kit, "second piece"));
  socket.send("in pieces", { fin: true });
  socket.send(bytes.subarray(1, 3), { fin: false });
  socket.send("as bytes");
  socket.send("after it");
  await kit.untilTrue(() => client.received.length === 3, "the messages");
  kit.note("received", client.received);
  await kit.until("second piece");
});

test("a piece that can't be sent is no piece, and a Blob may be one", async (kit) => {
  const { socket, client } = await kit.visit();
  kit.note("refused", kit.attempt(() => socket.send({}, { fin: false })));
  socket.send("whole");
  socket.send("begun ", { fin: false });
  kit.note("refused", kit.attempt(() => socket.send({}, { fin: true })));
  socket.send(new Blob(["with a Blob "]), { fin: false });
  socket.send("and ended");
  await kit.untilTrue(() => client.received.length === 2, "the messages");
  kit.note("received", client.received);
});

test("what was sent is what it was at that time", async (kit) => {
  const { socket, client } = await kit.visit();
  const memory = Uint8Array.of(1, 2, 3, 4);
  socket.send(memory);
  memory.fill(9);
  const view = Buffer.from(memory.buffer, 1, 2);
  socket.send(view);
  view.fill(8);
  socket.send(memory.buffer);
  memory.fill(7);
  await kit.untilTrue(() => client.received.length === 3, "the messages");
  kit.note("received", client.received);
});

test("a Blob holds its place among what is sent, and a close waits for it", async (kit) => {
  const { socket, client } = await kit.watched();
  socket.send("1");
  socket.send(new Blob(["2"]), heard(kit, "sent 2"));
  socket.send("3", heard(kit, "sent 3"));
  socket.send(new Blob(["4"]));
  socket.send(new Blob([]));
  socket.send(Buffer.from("5"));
  socket.close(4000, "all of it");
  await kit.until("close");
  kit.note("end", await client.closed);
  kit.note("received", client.received);
  kit.note("callbacks", kit.seen("sent 2"), kit.seen("sent 3"));
});

test("a callback is called once, later, in the order of sending, whatever stands before it", async (kit) => {
  const { socket, client } = await kit.visit();
  socket.send("1", heard(kit, "sent 1"));
  socket.send(Uint8Array.of(2), {}, heard(kit, "sent 2"));
  socket.send("3", undefined, heard(kit, "sent 3"));
  socket.send("", { binary: true }, heard(kit, "sent 4"));
  socket.send("5", {}, undefined);
  socket.send("6", heard(kit, "sent 6"));
  kit.note("nothing yet");
  await kit.until("sent 6");
  await kit.untilTrue(() => client.received.length === 6, "the messages");
  kit.note("received", client.received);
});

test("a callback may send, and close", async (kit) => {
  const { socket, client } = await kit.watched();
  socket.send("first", () => {
    kit.note("callback", socket.readyState);
    socket.send("second", () => {
      kit.note("callback", socket.readyState);
      socket.close(4000, "done");
    });
  });
  await kit.until("close");
  kit.note("end", await client.closed);
  kit.note("received", client.received);
});

test("a ping is answered, with its data, and its callback called", async (kit) => {
  const { socket } = await kit.watched();
  const pings = [
    [], ["text"], [Buffer.from([1, 2])], ["größe", false], [7, undefined], [undefined, false],
    [new Uint16Array([1])], [new ArrayBuffer(2)], ["x".repeat(125)], [0], [null], [""],
  ];
  for (const [index, args] of pings.entries()) {
    kit.note("ping", index, kit.attempt(() => socket.ping(...args)));
    await kit.until("pong", index + 1);
  }
  socket.ping(heard(kit, "sent"));
  await kit.until("sent");
  socket.ping("data", heard(kit, "sent"));
  await kit.until("sent", 2);
  socket.ping("data", false, heard(kit, "sent"));
  await kit.until("sent", 3);
  await kit.until("pong", pings.length + 3);
});

test("a ping is never answered before the call has returned; several are, in order", async (kit) => {
  const { socket } = await kit.watched();
  for (const name of ["1", "2", "3"]) socket.ping(name);
  kit.note("nothing yet", kit.seen("pong"));
  await kit.until("pong", 3);
});

for (const method of ["ping", "pong"]) {
  test(`${method} refuses what is too long, and what is no data`, async (kit) => {
    const { socket, client } = await kit.visit();
    for (const data of ["x".repeat(126), "é".repeat(63), Buffer.alloc(126), {}, 5n, true, Symbol("x"), new Date(0)]) {
      kit.note(kit.attempt(() => socket[method](data)));
    }
    socket.send("it goes on");
    await kit.untilTrue(() => client.received.length === 1, "the message");
    kit.note(socket.readyState);
  });
}

test("a pong of one's own goes out, and only its callback tells", async (kit) => {
  const { socket, client } = await kit.watched();
  kit.note("returns", socket.pong());
  socket.pong("data");
  socket.pong(Buffer.from([1]), false);
  for (const args of [[], ["data"], ["data", false]]) socket.pong(...args, heard(kit, "sent"));
  await kit.until("sent", 3);
  socket.send("it goes on");
  await kit.untilTrue(() => client.received.length === 1, "the message");
});

test("a paused socket says nothing until it is resumed, then all of it", async (kit) => {
  const { socket, client } = await kit.watched();
  client.send("before");
  await kit.until("message");
  kit.note("paused", socket.pause(), socket.isPaused, socket.readyState);
  for (const text of ["1", "2", "3"]) client.send(text);
  await kit.lap();
  socket.send("it can still send");
  await kit.untilTrue(() => client.received.length === 1, "the message");
  socket.pause();
  kit.note("still paused", socket.isPaused);
  kit.note("resumed", socket.resume(), socket.isPaused);
  await kit.until("message", 4);
  socket.resume();
  client.send("after");
  await kit.until("message", 5);
});

test("the end of a client, too, waits for a paused socket, behind what came before it", async (kit) => {
  const { socket, client } = await kit.watched();
  socket.pause();
  client.send("1");
  client.send("2");
  client.close(4001, "gone", { timeout: 0 });
  await kit.lap();
  kit.note("paused", socket.readyState, socket.isPaused);
  socket.resume();
  await kit.until("close");
  kit.note("end", await client.closed);
  socket.pause();
  kit.note("of no effect", socket.isPaused);
});

test("a socket that is paused can be closed", async (kit) => {
  const { socket, client } = await kit.watched();
  socket.pause();
  socket.close(4000, "closed");
  socket.resume();
  await kit.until("close");
  kit.note("end", await client.closed);
});

test("a socket that is paused can be terminated", async (kit) => {
  const { socket } = await kit.watched();
  socket.pause();
  socket.terminate();
  kit.note("terminated", socket.readyState);
  await kit.until("close");
});
