// tautline/websocket beside the browser's own class: what is sent, what arrives, and bufferedAmount.

import { sameOnBothSides, useStage } from "./sides.mjs";

useStage();

sameOnBothSides("an echo of text, from the constructor to the close event", async (Socket, kit) => {
  const socket = kit.watch(new Socket(kit.echo()));
  kit.note("constructed", socket.readyState, socket.url, socket.protocol, socket.extensions);
  await kit.until("open");
  kit.note("sent", socket.send("hello, world"), socket.bufferedAmount);
  await kit.until("message");
  kit.note("after the echo", socket.readyState);
  kit.note("closing", socket.close(), socket.readyState);
  await kit.until("close");
  kit.note("url after the end", socket.url, socket.protocol, socket.extensions, socket.binaryType);
}, { plain: true });

sameOnBothSides("texts of every kind arrive as they were sent", async (Socket, kit) => {
  const socket = kit.watch(new Socket(kit.echo()));
  await kit.until("open");
  const texts = [
    "", "a", "a\0b", "\ufeff", "\ufeffwith a mark", "two\ufeff\ufeff", "🪢 ünï¢ødé", "\ud800", "a\udc00b",
    "\udc00\ud800", "\ud83e", "\uffff\ufffe", "x".repeat(125), "x".repeat(126), "é".repeat(33_000),
    "x".repeat(2 ** 20),
  ];
  for (const text of texts) socket.send(text);
  await kit.until("message", texts.length);
}, { plain: true });

for (const binaryType of ["blob", "arraybuffer"]) {
  sameOnBothSides(`bytes of every kind arrive as they were sent, as ${binaryType}`, `async (Socket, kit) => {
    const socket = kit.watch(new Socket(kit.echo()));
    socket.binaryType = "${binaryType}";
    await kit.until("open");
    const bytes = Uint8Array.from({ length: 300 }, (_, n) => n);
    const payloads = [
      new ArrayBuffer(0), new Uint8Array(), new Blob(), new DataView(new ArrayBuffer(0)), bytes.buffer.slice(0, 4),
      bytes.subarray(1, 3),
      new Uint16Array(bytes.buffer, 2, 3), new DataView(bytes.buffer, 5, 7), new Float64Array([1.5, -0]),
      new BigInt64Array([1n, -1n]),
      new Uint8ClampedArray([300, 1]), new Blob(["a", bytes.subarray(0, 3), new Blob(["b"])], { type: "text/plain" }),
      bytes, bytes.buffer,
      new Uint8Array(2 ** 20).fill(7), new Blob([new Uint8Array(2 ** 20).fill(8)]), new File(["in a file"], "name.txt"),
    ];
    for (const payload of payloads) kit.note(kit.attempt(() => socket.send(payload)));
    await kit.until("message", payloads.length);
  }`, { plain: true });
}

sameOnBothSides("memory that is shared, resizable or detached", async (Socket, kit) => {
  const socket = kit.watch(new Socket(kit.echo()));
  socket.binaryType = "arraybuffer";
  await kit.until("open");
  const detached = new ArrayBuffer(4);
  const ofDetached = new Uint8Array(detached);
  structuredClone(detached, { transfer: [detached] });
  const resizable = new ArrayBuffer(4, { maxByteLength: 8 });
  const outOfBounds = new Uint8Array(resizable, 2, 2);
  const payloads = {
    detached, ofDetached, resizable, "a view of resizable": new Uint8Array(resizable, 1), outOfBounds,
  };
  for (const [name, payload] of Object.entries(payloads)) {
    if (name === "outOfBounds") resizable.resize(1);
    kit.note(name, kit.attempt(() => socket.send(payload)));
  }
  // Only a page that is isolated has the class by its name.
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  kit.note("shared", kit.attempt(() => socket.send(memory.buffer)));
  kit.note("a view of shared", kit.attempt(() => socket.send(new Uint8Array(memory.buffer, 0, 2))));
  socket.send("last");
  await kit.untilTrue(() => kit.log.some((it) => it?.data === "last"), "the last echo");
}, { plain: true });

sameOnBothSides("everything else is sent as the text that WebIDL makes of it", async (Socket, kit) => {
  const socket = kit.watch(new Socket(kit.echo()));
  await kit.until("open");
  const values = [
    null, undefined, 0, -0, 12.5, NaN, true, 3n, {}, [], ["a", 1], () => 1, new String("text"), new Date(NaN),
    new URL("http://x/"),
    { toString: () => "mine" }, new URLSearchParams("a=1"), /x/, new Map(),
  ];
  for (const value of values) kit.note(kit.attempt(() => socket.send(value)));
  const throws = { toString() { throw new RangeError("mine"); } };
  const refused = { symbol: Symbol("x"), bare: Object.create(null), throws };
  for (const [name, value] of Object.entries(refused)) kit.note(name, kit.attempt(() => socket.send(value)));
  kit.note("no argument", kit.attempt(() => socket.send()));
  kit.note("two arguments", kit.attempt(() => socket.send("first", "second")));
  await kit.until("message", values.length + 1);
}, { plain: true });

sameOnBothSides("Blobs, bytes and texts keep the order in which they were sent", async (Socket, kit) => {
  const socket = kit.watch(new Socket(kit.echo()));
  socket.binaryType = "arraybuffer";
  await kit.until("open");
  const big = new Blob([new Uint8Array(200_000).fill(1)]);
  socket.send(big);
  socket.send("one");
  socket.send(new Blob(["small"]));
  socket.send(new Uint8Array([2]));
  socket.send("three");
  socket.send(big.slice(0, 3));
  socket.send("four");
  await kit.until("message", 7);
}, { plain: true });

sameOnBothSides("a Blob that was sent just before close still arrives", async (Socket, kit) => {
  const socket = kit.watch(new Socket(kit.echo()));
  await kit.until("open");
  socket.send(new Blob([new Uint8Array(100_000).fill(1)]));
  socket.send("after the blob");
  socket.close(4001, "done");
  kit.note("closing", socket.readyState, socket.bufferedAmount);
  await kit.until("close");
  const { messages, lastClose } = await kit.report();
  kit.note(messages, lastClose);
}, { plain: true });

sameOnBothSides("binaryType may change at any time, for what arrives from then on", async (Socket, kit) => {
  const socket = kit.watch(new Socket(kit.echo()));
  await kit.until("open");
  socket.addEventListener("message", () => (socket.binaryType = socket.binaryType === "blob" ? "arraybuffer" : "blob"));
  for (let n = 1; n < 6; n++) socket.send(new Uint8Array([n]));
  await kit.until("message", 5);
}, { plain: true });

sameOnBothSides("what becomes of the memory after send does not matter", async (Socket, kit) => {
  const socket = kit.watch(new Socket(kit.echo()));
  socket.binaryType = "arraybuffer";
  await kit.until("open");
  const bytes = new Uint8Array([1, 2, 3]);
  socket.send(bytes);
  bytes.fill(9);
  socket.send(bytes.buffer);
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  await kit.until("message", 2);
}, { plain: true });

sameOnBothSides("bufferedAmount grows with each send of a turn, in bytes, and falls to zero", async (Socket, kit) => {
  const socket = kit.watch(new Socket(kit.echo()));
  await kit.until("open");
  const view = new DataView(new ArrayBuffer(8), 2, 3);
  const binary = [new Uint8Array(10), new ArrayBuffer(5), view, new Blob(["four"])];
  for (const payload of ["", "abc", "é", "🪢", "\ud800", ...binary]) {
    socket.send(payload);
    kit.note(socket.bufferedAmount);
  }
  await Promise.resolve();
  kit.note("a microtask later", socket.bufferedAmount);
  await kit.until("message", 9);
  while (socket.bufferedAmount > 0) await kit.lap();
}, { plain: true });

sameOnBothSides("send throws while CONNECTING, and counts from CLOSING on", async (Socket, kit) => {
  const socket = kit.watch(new Socket(kit.echo()));
  kit.note(
    kit.attempt(() => socket.send("too early")), kit.attempt(() => socket.send(new Blob(["x"]))),
    kit.attempt(() => socket.send()),
  );
  kit.note("conversion first", kit.attempt(() => socket.send({ toString() { throw new RangeError("mine"); } })));
  kit.note(socket.bufferedAmount);
  await kit.until("open");
  socket.send("on the way");
  await kit.until("message");
  while (socket.bufferedAmount > 0) await kit.lap();
  socket.close();
  for (const payload of ["ab", "é", new Uint8Array(3), new Blob(["four"]), ""]) {
    kit.note("CLOSING", kit.attempt(() => socket.send(payload)), socket.bufferedAmount);
  }
  await kit.until("close");
  for (const payload of ["ab", "é", new Uint8Array(3), new Blob(["four"]), ""]) {
    kit.note("CLOSED", kit.attempt(() => socket.send(payload)), socket.bufferedAmount);
  }
  kit.note("no argument", kit.attempt(() => socket.send()), kit.attempt(() => socket.send(Symbol("x"))));
  await kit.lap();
  kit.note("for good", socket.bufferedAmount, (await kit.report()).messages);
}, { plain: true });

sameOnBothSides("bufferedAmount of a socket that never opened", async (Socket, kit) => {
  const socket = kit.watch(new Socket(kit.echo("delay=300")));
  socket.close();
  kit.note(kit.attempt(() => socket.send("abc")), socket.bufferedAmount);
  await kit.until("close");
  kit.note(kit.attempt(() => socket.send("abc")), socket.bufferedAmount);
}, { plain: true });

sameOnBothSides("a greeting that comes with the answer is not lost on who listens after open", async (Socket, kit) => {
  const socket = kit.keep(new Socket(kit.echo("greet=welcome")));
  await kit.next(socket, "open");
  kit.note("open", socket.readyState);
  const { data } = await kit.next(socket, "message");
  kit.note(data, socket.readyState);
}, { plain: true });

sameOnBothSides("a flood loses nothing on one who awaits each message", async (Socket, kit) => {
  const socket = kit.keep(new Socket(kit.echo("flood=50")));
  for (let n = 1; n <= 50; n++) kit.note((await kit.next(socket, "message")).data);
}, { plain: true });

sameOnBothSides("thousands of messages in one turn, and many megabytes", async (Socket, kit) => {
  const socket = kit.keep(new Socket(kit.echo()));
  await kit.opened(socket);
  const lengths = [];
  socket.onmessage = ({ data }) => kit.look(lengths.push(data.length));
  for (let n = 0; n < 3000; n++) socket.send(`${n}`);
  kit.note(socket.bufferedAmount);
  const megabyte = "x".repeat(2 ** 20);
  for (let n = 0; n < 14; n++) socket.send(megabyte);
  kit.note(socket.bufferedAmount);
  await kit.untilTrue(() => lengths.length === 3014, "all echoes");
  kit.note(lengths.reduce((sum, length) => sum + length));
}, { plain: true });

sameOnBothSides("messages in fragments, and control frames between them", async (Socket, kit) => {
  // A text in three fragments with a ping between them, an empty text, an unasked pong, two empty bytes frames.
  const send = "01026869" + "89026f6e" + "0002c3bc" + "8000" + "8100" + "8a00" + "8200" + "0200" + "8000";
  const socket = kit.watch(new Socket(kit.odd({ send, answer: "880203e8", then: "fin" })));
  await kit.until("message", 4);
  socket.close();
  await kit.until("close");
}, { plain: true });
