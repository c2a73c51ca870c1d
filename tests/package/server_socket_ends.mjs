// A SessionSocket beside the socket of `ws`: how it ends, whoever ends it, and what it takes after that.

import { once } from "node:events";
import { createWebSocketStream } from "ws";
import { within } from "./conversation.mjs";
import { closed, sameOnAllSides, useSides } from "./server_socket_sides.mjs";
import { until } from "./sessions/kit.mjs";

const PATIENCE = 20_000;

const test = sameOnAllSides(useSides());

/** All that an application may close with. */
const CODES = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999];

test("closed by the client: its code and reason are told once, and the state before and after", async (kit) => {
  for (const [code, reason] of [[1000, ""], [1000, "a reason"], [3000, ""], [4999, "größe"], [4000, "x".repeat(123)]]) {
    const { socket, client } = await kit.watched((socket) => {
      socket.onclose = ({ code, reason, wasClean }) => kit.note("onclose", code, reason, wasClean);
    });
    client.send("the last");
    client.close(code, reason);
    await once(socket, "close");
    kit.note("end", await client.closed, socket.readyState);
  }
  await kit.lap();
});

test("closed by the server: with every code that it may have, both sides are told", async (kit) => {
  for (const code of CODES) {
    const { socket, client } = await kit.watched((socket) => {
      socket.onclose = ({ code, reason, wasClean }) => kit.note("onclose", code, reason, wasClean);
    });
    const over = once(socket, "close");
    kit.note("returns", socket.close(code, `because of ${code}`), socket.readyState);
    await over;
    kit.note("end", await client.closed, socket.readyState);
  }
  await kit.lap();
});

test("a reason is a text or bytes, and may be left out", async (kit) => {
  const bytes = [Buffer.from("bytes"), Buffer.alloc(0), new Uint8Array(2)];
  for (const reason of [undefined, "", "größe", "é".repeat(61), 5, ...bytes]) {
    const { socket, client } = await kit.watched();
    const over = once(socket, "close");
    socket.close(4000, reason);
    await over;
    kit.note("end", await client.closed);
  }
});

test("what is no code or no reason is refused, and the socket goes on", async (kit) => {
  const { socket, client } = await kit.watched();
  const numbers = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65536, -1, NaN, Infinity];
  for (const code of [...numbers, "1000", null, {}, true]) {
    kit.note(kit.attempt(() => socket.close(code)), socket.readyState);
  }
  for (const reason of ["x".repeat(124), "é".repeat(62), Buffer.alloc(124), { length: 1 }, new Uint16Array(2), ["a"]]) {
    kit.note(kit.attempt(() => socket.close(4000, reason)), socket.readyState);
  }
  client.send("it goes on");
  await kit.until("message");
});

test("a second close, or one that comes later, is of no effect and refuses nothing", async (kit) => {
  const { socket, client } = await kit.watched();
  socket.close(4000, "first");
  kit.note("again", socket.close(4001, "second"), socket.close(5, {}), socket.readyState);
  await kit.until("close");
  kit.note("later", socket.close(4002, "third"), socket.close(5, {}), socket.terminate(), socket.readyState);
  kit.note("end", await client.closed);
  await kit.lap();
});

test("what was sent before a close arrives before it, from either side", async (kit) => {
  const COUNT = 300;
  const texts = Array.from({ length: COUNT }, (_, index) => `message ${index}`);
  const { socket, client } = await kit.visit();
  for (const text of texts) socket.send(text);
  socket.close(4000, "sent");
  kit.note("end", await client.closed, client.received);
  const { client: other } = await kit.watched();
  for (const text of texts) other.send(text);
  other.close(4001, "sent");
  await kit.until("close");
});

test("what had been under way when the server closed is still told", async (kit) => {
  const { client } = await kit.watched((socket) => {
    socket.once("message", () => kit.note("closes", socket.close(4000, "enough"), socket.readyState));
  });
  for (const text of ["1", "2", "3"]) client.send(text);
  await kit.until("close");
  kit.note("end", await client.closed);
});

test("terminated: the end is told later, as a connection that broke", async (kit) => {
  const { socket } = await kit.watched((socket) => {
    socket.onclose = ({ code, reason, wasClean }) => kit.note("onclose", code, reason, wasClean);
  });
  kit.note("terminated", socket.terminate(), socket.readyState);
  kit.note("again", socket.terminate(), socket.readyState);
  await kit.until("close");
  kit.note("after it", socket.terminate(), socket.readyState);
  await kit.lap();
});

test("terminated while it closes", async (kit) => {
  const { socket } = await kit.watched(undefined, { takes: false });
  socket.send("not taken, so that it is waited for");
  socket.close(4000, "not waited for");
  socket.terminate();
  kit.note("terminated", socket.readyState);
  await kit.until("close");
});

test("terminated inside of a message's event", async (kit) => {
  const { client } = await kit.watched((socket) => {
    socket.once("message", () => kit.note("terminates", socket.terminate(), socket.readyState));
  });
  client.send("text");
  await kit.until("close");
});

for (const [when, end] of [
  ["while it closes", (kit, socket) => void socket.close(4000, "once all is taken")],
  ["after a close", (kit, socket) => (socket.close(4000), kit.until("close"))],
  ["after the client's close", (kit, socket, client) => (client.close(4001, ""), kit.until("close"))],
  ["after it was terminated", (kit, socket) => (socket.terminate(), kit.until("close"))],
]) {
  test(`${when} nothing is sent: a callback is told, nothing is thrown, and bytes are counted`, async (kit) => {
    const { socket, client } = await kit.watched(undefined, { takes: false });
    if (when === "while it closes") socket.send("not taken yet");
    else client.take();
    await end(kit, socket, client);
    const before = socket.bufferedAmount;
    const sends = {
      text: ["text"],
      "a long text": ["größe".repeat(100)],
      bytes: [new Uint8Array(5)],
      "a Blob": [new Blob(["12345678"])],
      "a number": [1234],
      nothing: [],
      "no text": [""],
    };
    for (const [name, args] of Object.entries(sends)) {
      for (const method of ["send", "ping", "pong"]) {
        kit.note(name, kit.attempt(() => socket[method](...args)), socket.bufferedAmount - before);
        if (args.length === 0) continue;
        socket[method](...args, undefined, (...told) => kit.note(`told of ${name}`, ...told));
        socket[method](...args, (...told) => kit.note(`told of ${name}, without options`, ...told));
      }
    }
    socket.send(undefined, (...told) => kit.note("told of undefined", ...told));
    kit.note("what can't be sent", kit.attempt(() => socket.send({})), kit.attempt(() => socket.send(true)));
    kit.note("counted", socket.bufferedAmount - before);
    await kit.until("told of undefined");
    client.take();
    await kit.until("close");
    kit.note("received", client.received);
  });
}

test("inside of the close event all is over already", async (kit) => {
  const { socket, client } = await kit.watched((socket) => {
    socket.on("close", () => {
      kit.note("over", socket.readyState, kit.server.clients.has(socket), socket.isPaused, socket.bufferedAmount);
      socket.send("late", (error) => kit.note("told", error));
      socket.close(4000);
      socket.terminate();
    });
  });
  client.close(1000, "");
  await kit.until("told");
  kit.note("after it", socket.readyState);
});

for (const [what, end] of [
  ["ended", (stream) => stream.end("the last")],
  ["destroyed", (stream) => stream.destroy()],
  ["left by the client", (stream, client) => (stream.once("end", () => stream.end()), client.close(4001, ""))],
  ["destroyed with an error", (stream) => stream.destroy(new Error("of the test's"))],
]) {
  test(`a stream that \`ws\` makes of it reads, writes and holds back, until it is ${what}`, async (kit) => {
    let stream;
    const { socket, client } = await kit.visit((socket) => {
      stream = createWebSocketStream(socket, { encoding: "utf8", readableHighWaterMark: 10 });
    });
    const over = closed(stream);
    for (const type of ["finish", "end", "error"]) stream.on(type, (error) => kit.note(type, error));
    for (let number = 0; number < 20; number++) client.send(`${number % 10}`.repeat(5));
    await until(() => socket.isPaused, "the stream is full");
    let text = "";
    stream.on("data", (data) => (text += data));
    await until(() => text.length === 100, "all of it is read");
    kit.note("read", text);
    stream.write("written");
    await kit.untilTrue(() => client.received.length === 1, "what was written");
    end(stream, client);
    await within(PATIENCE, "the end of the stream", over);
    await until(() => socket.readyState === 3, "the end of the socket");
    kit.note("received", client.received);
  });
}
