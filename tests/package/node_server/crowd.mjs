// A crowd of clients, as cheap as they can be: TCP sockets on which the handshake and the frames are made by hand.
//
//   node crowd.mjs URL idle COUNT   so many sessions that say nothing. Says "welcome" once all of them are, and "alive"
//                                   once the server has pinged each; ends with SIGTERM
//   node crowd.mjs URL pass COUNT   so many sessions that come and go, in three ways. Says "gone" once they are

import net from "node:net";

import { encode } from "../sessions/wire.mjs";

/** So many are on their way at a time: fewer than the system keeps for a server that is busy. */
const AT_ONCE = 64;
const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const WELCOME = 2;
const PING = 4;

const { hostname, port } = new URL(process.argv[2]);
const UPGRADE = [
  "GET /echo HTTP/1.1",
  `Host: ${hostname}:${port}`,
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Protocol: tautline.v1",
  "\r\n",
].join("\r\n");

/** A WebSocket frame from a client, masked with zeros. */
function frameOf(opcode, payload) {
  const bytes = Buffer.from(payload);
  return Buffer.concat([Buffer.of(0x80 | opcode, 0x80 | bytes.length, 0, 0, 0, 0), bytes]);
}

const hello = { type: "hello", token: "", taken: 0, limit: 16, attempt: 1, maxMessage: 1024, protocols: [] };
const HELLO = frameOf(BINARY, encode(hello));
const MESSAGE = frameOf(TEXT, encode({ type: "text", seq: 1, messages: ["here I am"] }));
const PONG = frameOf(BINARY, encode({ type: "pong", nonce: 0 }));
const BYE = frameOf(BINARY, encode({ type: "bye", code: 1000, reason: "" }));

/** Takes the frames out of what came: those from a server are short here, and have no mask. */
function readFrames(bytes, hear) {
  while (bytes.length >= 2 && bytes.length >= 2 + bytes[1]) {
    if (bytes[1] > 125) throw new Error("a longer frame than these clients expect");
    hear(bytes[0] & 15, bytes.subarray(2, 2 + bytes[1]));
    bytes = bytes.subarray(2 + bytes[1]);
  }
  return bytes;
}

/**
 * Opens a session; `hear(opcode, payload, socket)` is called for each frame from the WELCOME on. `leave()` is called when
 * the connection is gone, whoever ended it.
 */
function enter(hear, leave) {
  const socket = net.connect({ host: hostname, port: Number(port), noDelay: true }, () => socket.write(UPGRADE));
  let rest = Buffer.alloc(0);
  let isOpen = false;
  socket.on("data", (bytes) => {
    rest = rest.length > 0 ? Buffer.concat([rest, bytes]) : bytes;
    if (!isOpen) {
      const end = rest.indexOf("\r\n\r\n");
      if (end < 0) return;
      if (!rest.toString("latin1").startsWith("HTTP/1.1 101 ")) throw new Error(rest.toString("latin1", 0, end));
      isOpen = true;
      rest = rest.subarray(end + 4);
      socket.write(HELLO);
    }
    rest = readFrames(rest, (opcode, payload) => hear(opcode, payload, socket));
  });
  socket.on("error", () => {});
  socket.on("close", leave);
}

/** Enters `count` times, so many at once; `enterOne(n)` resolves when the next may come. */
async function enterAll(count, enterOne) {
  let next = 0;
  const enterNext = async () => {
    while (next < count) await enterOne(next++);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, enterNext));
}

async function stayIdle(count) {
  let alive = 0;
  const fail = () => {
    throw new Error("the server closed an idle connection");
  };
  const open = () =>
    new Promise((resolve) => {
      let pings = 0;
      const hear = (opcode, payload, socket) => {
        if (opcode === CLOSE) fail();
        if (payload[0] === WELCOME) resolve();
        if (payload[0] !== PING) return;
        socket.write(PONG);
        if (pings++ === 0 && ++alive === count) console.log("alive");
      };
      enter(hear, fail);
    });
  await enterAll(count, open);
  console.log("welcome");
}

/** What becomes of a session: `done` once it has left, or stays until it has to. */
const WAYS = [
  /** Says a word, and good-bye. */
  (opcode, payload, socket, done) => {
    if (payload[0] === WELCOME) socket.write(Buffer.concat([MESSAGE, BYE]));
    else if (opcode === CLOSE) done(socket);
  },
  /** Says a word, and is not heard of again: what came back is not acknowledged. */
  (opcode, payload, socket, done) => {
    if (payload[0] === WELCOME) socket.write(MESSAGE);
    else if (opcode === TEXT) done(socket);
  },
  /** Says nothing until it is thrown out. */
  (opcode, payload, socket, done) => {
    if (opcode === CLOSE) socket.resetAndDestroy();
    else if (payload[0] === WELCOME) done();
  },
];

async function comeAndGo(count) {
  const staying = new Set();
  let refused = 0;
  const pass = (n) =>
    new Promise((resolve) => {
      const way = WAYS[n % WAYS.length];
      let isWelcome = false;
      const done = (leaving) => {
        leaving?.resetAndDestroy();
        resolve();
      };
      const hear = (opcode, payload, socket) => {
        if (!isWelcome) {
          isWelcome = opcode === BINARY && payload[0] === WELCOME;
          if (isWelcome) staying.add(socket);
          else {
            // There was no room. It is one of the crowd all the same.
            refused++;
            done(socket);
            return;
          }
        }
        way(opcode, payload, socket, done);
      };
      enter(hear, function () {
        staying.delete(this);
      });
    });
  await enterAll(count, pass);
  for (const socket of staying) socket.resetAndDestroy();
  console.log(`gone ${refused}`);
}

const [, , , way, count] = process.argv;
await { idle: stayIdle, pass: comeAndGo }[way](Number(count));
