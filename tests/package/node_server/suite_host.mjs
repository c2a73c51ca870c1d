// A server of `ws` that is durable is still that server: for plain clients, for its own options, and for who listens to
// it; and what becomes of applications that fail.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import http from "node:http";
import net from "node:net";
import path from "node:path";
import { test } from "node:test";
import { durable } from "tautline/server";
import WebSocket, { WebSocketServer } from "ws";

import { until } from "../sessions/kit.mjs";
import { encode } from "../sessions/wire.mjs";
import { emitted, serverTest, text } from "./stage.mjs";

const OPTIONS = { timeout: 20_000 };

/** A plain client; with subprotocols of its own, if given. Resolves once it is open. */
async function openPlain(stage, protocols = [], { path = "/", ...options } = {}) {
  const socket = new WebSocket(stage.url.replace("http", "ws") + path, protocols, options);
  await once(socket, "open");
  return socket;
}

async function echoed(socket, message) {
  const answer = once(socket, "message");
  socket.send(message);
  const [data, isBinary] = await answer;
  return [data.toString(), isBinary];
}

const echo = (socket) => socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));

serverTest("plain clients go on as before, at the server and at the sessions", undefined, async (stage) => {
  const { wss, sessions } = stage;
  const heard = { wss: [], sessions: [] };
  wss.on("connection", (socket, request) => heard.wss.push(socket, request));
  sessions.on("connection", (socket, request) => heard.sessions.push(socket, request));
  wss.on("connection", echo);
  const client = await openPlain(stage, ["chat"]);
  assert.equal(client.protocol, "chat");
  assert.deepEqual(await echoed(client, "plain"), ["plain", false]);
  assert.deepEqual(await echoed(client, Buffer.of(65)), ["A", true]);
  assert.equal(heard.wss.length, 2);
  assert.deepEqual(heard.sessions, heard.wss, "the same socket, and the same request");
  assert.ok(heard.wss[1] instanceof http.IncomingMessage);
  assert.deepEqual([[...wss.clients], [...sessions.clients]], [[heard.wss[0]], [heard.wss[0]]]);
  client.close(4000, "enough");
  const [code] = await once(heard.wss[0], "close");
  assert.equal(code, 4000);
  assert.equal(stage.beganMore, 0);
});

serverTest("a durable client is no connection of the server's, nor a client of its", undefined, async (stage) => {
  const { wss, sessions } = stage;
  const connections = [];
  wss.on("connection", (socket) => connections.push(socket));
  sessions.on("connection", (socket) => connections.push(socket));
  const { probe, session } = await stage.open();
  probe.send(text(1, "1"));
  assert.deepEqual(await emitted(session, "message"), [1]);
  assert.deepEqual([connections.length, wss.clients.size, sessions.clients.size], [0, 0, 0]);
});

serverTest("where nobody listens for sessions, it is a connection like a socket", undefined, async (stage) => {
  const { wss, sessions } = stage;
  const connections = [];
  sessions.on("connection", (socket, request) => connections.push({ socket, request }));
  sessions.on("connection", echo);
  const probe = await stage.greet({}, { path: "/here" });
  assert.equal(connections.length, 1);
  const [{ socket, request }] = connections;
  assert.equal(request.url, "/here");
  assert.deepEqual([...sessions.clients], [socket]);
  assert.equal(wss.clients.size, 0);
  assert.equal(socket.readyState, WebSocket.OPEN);
  probe.send({ type: "batch", seq: 1, messages: ["as it is", Uint8Array.of(1, 2)] });
  assert.deepEqual(await probe.messages(2), ["as it is", Uint8Array.of(1, 2)]);
  probe.send({ type: "ack", taken: 2, limit: 100 });
  const closed = once(socket, "close");
  await probe.bye(4321, "enough");
  const [code, reason] = await closed;
  assert.deepEqual([code, reason.toString(), sessions.clients.size], [4321, "enough", 0]);
}, { own: false });

serverTest("where nobody listens at all, it is closed with 1011", undefined, async (stage) => {
  const probe = await stage.greet();
  assert.equal((await probe.until("bye")).code, 1011);
}, { own: false });

serverTest("`tautline.v1` is selected for nothing else, whatever is offered beside it", undefined, async (stage) => {
  let plain = 0;
  stage.wss.on("connection", () => plain++);
  for (const protocols of [["tautline.v1", "chat"], ["chat", "tautline.v1"]]) {
    const { probe } = await stage.open({}, { protocols });
    assert.equal(probe.ws.protocol, "tautline.v1");
  }
  assert.equal(plain, 0);
  const { protocol } = await openPlain(stage, ["tautline.v2"]);
  assert.equal(protocol, "tautline.v2");
});

const compressing = { ws: { perMessageDeflate: true } };
serverTest("`perMessageDeflate` is for plain connections alone", undefined, async (stage) => {
  const client = await openPlain(stage);
  assert.match(client.extensions, /permessage-deflate/);
  const { probe } = await stage.open();
  assert.equal(probe.ws.extensions, "");
}, compressing);

serverTest("`path` counts", undefined, async (stage) => {
  await assert.rejects(stage.connect({ path: "/elsewhere" }), /refused with 400/);
  await stage.open({}, { path: "/here?and=there" });
}, { ws: { path: "/here" } });

const asked = [];
const picky = {
  verifyClient(info) {
    asked.push(info);
    return info.req.url !== "/no";
  },
};
serverTest("`verifyClient` counts", { allowOrigin: () => true }, async (stage) => {
  await assert.rejects(stage.connect({ path: "/no" }), /refused with 401/);
  await stage.open({}, { path: "/yes", origin: "http://localhost" });
  assert.deepEqual(asked.map(({ origin, secure, req }) => [origin, secure, req.url]), [
    [undefined, false, "/no"],
    ["http://localhost", false, "/yes"],
  ]);
}, { ws: picky });

const slowly = {
  verifyClient: ({ req }, done) => setImmediate(() => done(req.url === "/yes", 418, "no", { "x-why": "because" })),
};
serverTest("so it does where it takes its time, with a status of its own", undefined, async (stage) => {
  await assert.rejects(stage.connect({ path: "/no" }), /refused with 418/);
  await stage.open({}, { path: "/yes" });
}, { ws: slowly });

const offers = [];
const choosy = {
  handleProtocols(protocols, request) {
    offers.push([...protocols]);
    assert.ok(request instanceof http.IncomingMessage);
    return protocols.has("b") ? "b" : false;
  },
};
serverTest("`handleProtocols` chooses, also for sessions, and never hears of `tautline.v1`", undefined, async (stage) => {
  const client = await openPlain(stage, ["a", "b"]);
  assert.equal(client.protocol, "b");
  for (const [protocols, protocol] of [[["c", "b"], "b"], [["c"], ""]]) {
    const { probe, session } = await stage.open({ protocols });
    assert.deepEqual([probe.welcome.protocol, session.protocol], [protocol, protocol]);
  }
  assert.deepEqual(offers, [["a", "b"], ["c", "b"], ["c"]]);
}, { ws: choosy });

serverTest("its events are there at both: headers, wsClientError", undefined, async (stage) => {
  const { wss, sessions } = stage;
  const headers = { wss: 0, sessions: 0 };
  wss.on("headers", () => headers.wss++);
  sessions.on("headers", (lines, request) => {
    headers.sessions++;
    lines.push(`X-Path: ${request.url}`);
  });
  let answer;
  const probe = new WebSocket(stage.url.replace("http", "ws"), "tautline.v1");
  probe.on("upgrade", (response) => (answer = response.headers["x-path"]));
  await once(probe, "open");
  assert.deepEqual([headers, answer], [{ wss: 1, sessions: 1 }, "/"]);
  (await openPlain(stage)).terminate();
  assert.deepEqual(headers, { wss: 2, sessions: 2 });
  probe.terminate();
  // Durable by its subprotocol, and no handshake.
  for (const emitter of [wss, sessions]) {
    emitter.once("wsClientError", (error, socket) => {
      assert.ok(error instanceof Error);
      socket.destroy();
    });
    const failed = emitted(emitter, "wsClientError");
    const request = ["GET / HTTP/1.1", "Host: localhost", "Connection: Upgrade", "Upgrade: websocket"];
    request.push("Sec-WebSocket-Version: 13", "Sec-WebSocket-Protocol: tautline.v1", "\r\n");
    net.connect(Number(new URL(stage.url).port), "127.0.0.1").on("error", () => {}).end(request.join("\r\n"));
    await failed;
    emitter.removeAllListeners("wsClientError");
  }
});

test("a server with a port of its own: listening, address, close", OPTIONS, async () => {
  const wss = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  const sessions = durable(wss);
  await emitted(sessions, "listening");
  assert.deepEqual(sessions.address(), wss.address());
  assert.equal(sessions.options, wss.options);
  const busy = durable(new WebSocketServer({ port: wss.address().port, host: "127.0.0.1" }));
  const [error] = await emitted(busy, "error");
  assert.equal(error.code, "EADDRINUSE");
  const closed = [emitted(sessions, "close"), emitted(wss, "close"), new Promise((resolve) => sessions.close(resolve))];
  await Promise.all(closed);
});

test("a server without one: `handleUpgrade` takes both kinds, and gives the plain ones", OPTIONS, async () => {
  const wss = new WebSocketServer({ noServer: true });
  const sessions = durable(wss);
  const given = [];
  const began = emitted(sessions, "session");
  // Either may be asked.
  const turns = [wss, sessions, wss, sessions];
  const server = http.createServer().on("upgrade", (request, socket, head) => {
    turns.shift().handleUpgrade(request, socket, head, (client) => given.push(client));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `ws://127.0.0.1:${server.address().port}`;
  const clients = [];
  for (const protocols of [[], [], "tautline.v1", "tautline.v1"]) {
    const client = new WebSocket(url, protocols);
    await once(client, "open");
    clients.push(client);
  }
  assert.equal(given.length, 2);
  assert.equal(sessions.stats().connections, 2);
  clients[2].send(encode({ type: "hello", token: "", taken: 0, limit: 1, attempt: 1, maxMessage: 1, protocols: [] }));
  await began;
  sessions.forget();
  for (const client of clients) client.terminate();
  server.close();
});

const undecided = { authenticate: () => new Promise(() => {}) };
serverTest("a client that leaves within its handshake leaves nothing", undecided, async (stage) => {
  const client = new WebSocket(stage.url.replace("http", "ws"), "tautline.v1");
  const failed = once(client, "error");
  setImmediate(() => client.terminate());
  await failed;
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(stage.sessions.stats().connections, 0);
});

const small = { maxMessage: 5000, codec: "bytes" };
serverTest("the largest frame there can be is taken, a larger one is 1009 and the end", small, async (stage) => {
  const { probe, session } = await stage.open();
  const many = Array.from({ length: 13 }, () => new Uint8Array(5000));
  let count = 0;
  session.on("message", () => count++);
  probe.send({ type: "batch", seq: 1, messages: many });
  await until(() => count === many.length, "all of it came");
  probe.ws.send(new Uint8Array(5000 + 65_536 + 1));
  assert.equal(await probe.code(), 1009);
  assert.equal((await session.closed).code, 1009);
  const answer = await stage.answer({ token: probe.welcome.token, attempt: 2 });
  assert.deepEqual([answer.type, answer.code], ["bye", 1009]);
});

// Applications that fail

serverTest("a `session` listener that rejects closes its session with 1011, and is an `error`", undefined, async (stage) => {
  const { sessions } = stage;
  const failure = new Error("as a test wants it");
  sessions.removeAllListeners("session");
  sessions.on("session", async (session) => {
    for await (const message of session) if (message === "fail") throw failure;
  });
  const neighbour = await stage.greet();
  const probe = await stage.greet();
  const error = emitted(sessions, "error");
  probe.send(text(1, '"fine"', '"fail"'));
  assert.deepEqual(await error, [failure]);
  assert.deepEqual(await probe.until("bye"), { type: "bye", code: 1011, reason: "the application failed" });
  neighbour.send(text(1, '"fine"'));
  assert.equal((await neighbour.until("ack")).taken, 1);
});

/** Runs a program that begins with a server, `sessions`, to which one durable client comes that says "1" and "2". */
async function runProgram(program) {
  const prelude = `
    import { durable } from "tautline/server";
    import { WebSocketServer } from "ws";
    import { connect } from "tautline";
    const wss = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    const sessions = durable(wss);
    wss.on("listening", () => {
      const client = connect("ws://127.0.0.1:" + wss.address().port, { durable: true });
      client.closed.then(({ code }) => console.log("closed " + code));
      client.send("1");
      client.send("2");
    });`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", prelude + program], {
    cwd: path.resolve(import.meta.dirname, ".."),
    env: { ...process.env, NODE_TEST_CONTEXT: "" },
  });
  const said = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"]) child[name].setEncoding("utf8").on("data", (data) => (said[name] += data));
  const [status] = await once(child, "close");
  return { status, ...said };
}

test("without a listener for that it is an uncaught exception, as is what a listener throws", OPTIONS, async () => {
  for (const listener of [
    'sessions.on("session", async () => { throw new Error("as a test wants it"); });',
    'sessions.on("session", () => { throw new Error("as a test wants it"); });',
    'sessions.on("session", (session) => session.on("message", () => { throw new Error("as a test wants it"); }));',
  ]) {
    const { status, stderr } = await runProgram(listener);
    assert.equal(status, 1, listener);
    assert.match(stderr, /Error: as a test wants it/);
  }
});

test("an application that goes on in spite of what its listeners throw has lost nothing", OPTIONS, async () => {
  const { status, stdout, stderr } = await runProgram(`
    process.on("uncaughtException", (error) => console.log(error.message));
    sessions.on("session", (session) => {
      session.on("message", async (message) => {
        if (message === "2") {
          await session.close();
          await sessions.shutdown();
          wss.close();
        } else throw new Error("thrown");
      });
    });`);
  assert.deepEqual([status, stdout.split("\n").filter(Boolean).sort(), stderr], [0, ["closed 1000", "thrown"], ""]);
});
