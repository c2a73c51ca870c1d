// A program whose listeners throw, on each side of the comparison: what they threw is an uncaught exception, as with any
// emitter, and here it goes on all the same. It is given a project with the package, and the side; each line that it
// says is one of those exceptions, or something that happened in spite of them.

import { startSides } from "./server_socket_sides.mjs";
import { until } from "./sessions/kit.mjs";

const [project, side] = process.argv.slice(2);
const say = (line) => console.log(line);

let caught = 0;
process.on("uncaughtException", ({ message }) => {
  caught++;
  say(`uncaught: ${message}`);
});
const fail = (what) => () => {
  throw new Error(`thrown by ${what}`);
};

/** In each a socket and its client do something that makes one listener throw. */
const SCENES = {
  "a message listener": [(socket, it) => socket.on("message", it), (_, client) => client.send("text")],
  onmessage: [(socket, it) => (socket.onmessage = it), (_, client) => client.send(Uint8Array.of(1))],
  "an object's handleEvent": [
    (socket, handleEvent) => socket.addEventListener("message", { handleEvent }),
    (_, client) => client.send("text"),
  ],
  "a pong listener": [(socket, it) => socket.on("pong", it), (socket) => socket.ping()],
  "a callback of send": [() => {}, (socket, _, it) => socket.send("text", it)],
  "a callback of ping": [() => {}, (socket, _, it) => socket.ping(it)],
  "a close listener, of the client's close": [(socket, it) => socket.on("close", it), (_, client) => client.close(1000)],
  "a close listener, of its own close": [(socket, it) => socket.on("close", it), (socket) => socket.close(1000)],
  "a close listener, of a terminate": [(socket, it) => socket.on("close", it), (socket) => socket.terminate()],
};

const sides = await startSides(project);
await sides.run(side, async (kit) => {
  for (const [what, [prepare, act]] of Object.entries(SCENES)) {
    const listener = fail(what);
    const { socket, client } = await kit.visit((socket) => prepare(socket, listener));
    act(socket, client, listener);
    const count = caught + 1;
    await until(() => caught === count, `${what} threw`);
    socket.removeAllListeners();
  }
  // Not every socket of `ws` whose listener threw can still be closed.
  if (side !== "durable") process.exit();
});

await sides.run(side, async (kit) => {
  const texts = [];
  const { socket, client } = await kit.visit((socket) => {
    socket.on("message", (data) => {
      texts.push(`${data}`);
      if (texts.length % 2 === 1) fail(`message ${data}`)();
    });
  });
  const { client: neighbour } = await kit.visit((socket) => socket.on("message", (data) => socket.send(`${data}`)));
  client.sendTogether("1", "2", "3", "4");
  neighbour.send("to the neighbour");
  await until(() => texts.length === 4 && neighbour.received.length === 1, "the messages came");
  say(`told: ${texts}`);
  say(`neighbour: ${neighbour.received}`);
  socket.on("pong", fail("a pong listener"));
  socket.ping();
  socket.send("one", fail("a callback"));
  socket.send("two");
  await until(() => client.received.length === 2 && caught === Object.keys(SCENES).length + 4, "the messages went");
  say(`received: ${client.received}`);
  client.drop();
  client.send("5");
  client.send("6");
  await until(() => texts.length === 6, "the messages came on the next connection");
  say(`told: ${texts}`);
});
await sides.stop();
