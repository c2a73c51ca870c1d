// What clients could do to a server in Node by taking little, by waiting, and by sending a lot of next to nothing.

import assert from "node:assert/strict";
import { constants } from "node:buffer";
import net from "node:net";
import v8 from "node:v8";
import vm from "node:vm";

import { encode } from "../sessions/wire.mjs";
import { emitted, failureOf, gatherWarnings, serverTest, text } from "./stage.mjs";

const MIB = 2 ** 20;
const TEXT = { codec: "text" };

// Messages that are too large for the client

serverTest("who takes next to nothing ends its own session, not the process", undefined, async (stage) => {
  stage.sessions.on("session", async (session) => {
    for await (const message of session) await session.send({ received: message });
  });
  const { probe, session } = await stage.open({ maxMessage: 1 });
  const neighbour = await stage.open();
  probe.send(text(1, '"hello"'));
  assert.equal((await session.closed).code, 1009);
  assert.equal((await probe.until("bye")).code, 1009);
  neighbour.probe.send(text(1, '"hello"'));
  assert.deepEqual(await neighbour.probe.messages(1), ['{"received":"hello"}']);
});

serverTest("that rejects with `too-big`, and nobody has to await it", TEXT, async (stage) => {
  const { session } = await stage.open({ maxMessage: 4 });
  const { code, message } = await failureOf(session.send("12345"));
  assert.equal(code, "too-big");
  assert.match(message, /the client takes/);
  const other = await stage.open({ maxMessage: 4 });
  // Were it unhandled, this test would fail.
  other.session.send("12345");
  assert.equal((await other.session.closed).code, 1009);
});

serverTest("so does what waits, once its turn has come", { ...TEXT, outbox: { messages: 1 } }, async (stage) => {
  const { probe, session } = await stage.open({ maxMessage: 4 });
  await session.send("1");
  const codes = Promise.all(["12345", "2"].map(async (message) => (await failureOf(session.send(message))).code));
  probe.send({ type: "ack", taken: 1, limit: 9 });
  assert.deepEqual(await codes, ["too-big", "closed"]);
  assert.equal((await session.closed).code, 1009);
});

serverTest("what the outbox can't hold is the application's own fault", { ...TEXT, outbox: { bytes: 4 } }, async (stage) => {
  const { probe, session } = await stage.open();
  const { code, message } = await failureOf(session.send("12345"));
  assert.equal(code, "too-big");
  assert.match(message, /the whole outbox/);
  await session.send("1234");
  assert.deepEqual(await probe.messages(1), ["1234"]);
});

serverTest("whoever sends while it shuts down has not failed", { closeTimeout: 200 }, async (stage) => {
  const failures = [];
  stage.sessions.on("error", (error) => failures.push(error));
  stage.sessions.on("session", async (session) => {
    await session.send("not taken");
    await emitted(stage.sessions, "now");
    await session.send("too late");
  });
  const { probe, session } = await stage.open({ limit: 0 });
  const over = stage.sessions.shutdown({ timeout: 200 });
  stage.sessions.emit("now");
  await over;
  assert.equal((await session.closed).code, 1001);
  assert.equal((await probe.until("bye")).code, 1001);
  assert.deepEqual(failures, []);
});

// Memory

serverTest("a text that is kept does not keep the frame that it came in", TEXT, async (stage) => {
  v8.setFlagsFromString("--expose-gc");
  const collectGarbage = vm.runInNewContext("gc");
  const used = () => {
    collectGarbage();
    return process.memoryUsage().heapUsed;
  };
  const { probe, session } = await stage.open();
  const kept = [];
  const take = (message) => message.startsWith("keep") && kept.push(message);
  session.on("message", take);
  const rest = "x".repeat(60_000);
  const before = used();
  for (let n = 0; n < 200; n++) {
    probe.send(text(1 + 16 * n, `keep ${n} and the rest of it`, rest));
    while (kept.length <= n) await emitted(session, "message");
  }
  const more = used() - before;
  assert.ok(more < 4 * MIB, `${(more / MIB).toFixed(1)} MiB for 200 short texts`);
});

const small = { outbox: { bytes: 100_000 }, maxDetachedBytes: MIB };
serverTest("what waits in front of the outbox counts", small, async (stage) => {
  const { probe, session } = await stage.open();
  const socket = session.asSocket();
  const detached = emitted(session, "detach");
  probe.stop();
  await detached;
  const ended = emitted(socket, "close");
  for (let n = 0; n < 30; n++) socket.send(Buffer.alloc(90_000));
  const [code] = await ended;
  assert.notEqual(code, 1000);
  assert.equal(stage.sessions.stats().detachedBytes, 0);
});

serverTest("the largest message is one that fits into a string", { maxMessage: Infinity }, async (stage) => {
  const { probe } = await stage.open();
  const { maxMessage } = probe.welcome;
  assert.ok(maxMessage < constants.MAX_STRING_LENGTH && maxMessage > constants.MAX_STRING_LENGTH / 2, String(maxMessage));
});

// Connections

serverTest("a flood of fragments ends its session", undefined, async (stage) => {
  const { probe, session } = await stage.open();
  const fragment = Buffer.of(0x00, 0x80, 0, 0, 0, 0);
  const start = Buffer.of(0x02, 0x80, 0, 0, 0, 0);
  probe.ws._socket.write(Buffer.concat([start, ...Array(20_000).fill(fragment)]));
  assert.equal(await probe.code(), 1008);
  assert.equal((await session.closed).code, 1008);
});

serverTest("an origin that is longer than any is foreign", { allowOrigin: () => true }, async (stage) => {
  const page = (length) => ({ origin: "https://".padEnd(length, "a") });
  assert.equal((await stage.open({}, page(320))).session.peer.origin.length, 320);
  assert.equal(await stage.refusal({}, page(321)), 4401);
});

/** A client of the network that asks for an upgrade. */
function knock(url) {
  const { host, hostname, port } = new URL(url);
  const socket = net.connect(port, hostname);
  socket.on("error", () => {});
  const lines = [
    "GET / HTTP/1.1",
    `Host: ${host}`,
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    `Sec-WebSocket-Key: ${Buffer.alloc(16).toString("base64")}`,
    "Sec-WebSocket-Protocol: tautline.v1",
  ];
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  return socket;
}

/** Options whose `authenticate` takes until `answer` is called, and the requests that wait for that. */
function slowly(options) {
  const asked = [];
  const authenticate = (request) => new Promise((answer) => asked.push({ request, answer }));
  const next = async () => {
    while (asked.length === 0) await new Promise(setImmediate);
    return asked.shift();
  };
  return { options: { ...options, authenticate }, next };
}

for (const [how, leave] of [["politely", "end"], ["rudely", "resetAndDestroy"]]) {
  const slow = slowly({ handshakeTimeout: 600_000 });
  serverTest(`who leaves ${how} before \`authenticate\` has answered leaves nothing behind`, slow.options, async (stage) => {
    const client = knock(stage.url);
    const { request, answer } = await slow.next();
    const closed = emitted(request.socket, "close");
    client[leave]();
    await closed;
    answer(true);
    assert.equal(stage.sessions.stats().connections, 0);
  });
}

const slow = slowly({ handshakeTimeout: 50 });
serverTest("`authenticate` has as long as a client has, then the connection is cut", slow.options, async (stage) => {
  const warnings = await gatherWarnings(async () => {
    for (let n = 0; n < 2; n++) {
      const closed = emitted(knock(stage.url), "close");
      const { answer } = await slow.next();
      await closed;
      answer("anna");
    }
  });
  assert.equal(warnings.length, 1);
  assert.match(warnings[0], /authenticate.*handshakeTimeout/);
  assert.equal(stage.sessions.stats().connections, 0);
});

const eager = slowly();
serverTest("what comes before that answer is not lost", eager.options, async (stage) => {
  const client = knock(stage.url);
  const { request, answer } = await eager.next();
  const hello = encode({ type: "hello", token: "", taken: 0, limit: 9, attempt: 1, maxMessage: 99, protocols: [] });
  client.write(Buffer.concat([Buffer.of(0x82, 0x80 + hello.length, 0, 0, 0, 0), hello]));
  while (request.socket.readableLength === 0) await new Promise(setImmediate);
  answer("anna");
  assert.equal((await stage.began()).session.peer.principal, "anna");
  client.destroy();
});
