// What an application gets wrong with a server in Node: it is told, and nobody gets in by it.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { inspect } from "node:util";
import { durable } from "tautline/server";
import WebSocket, { WebSocketServer } from "ws";

import { within } from "../conversation.mjs";
import { emitted, failureOf, gatherWarnings, serverTest, text } from "./stage.mjs";

const PAGE = { origin: "https://example.com" };
const serverOf = () => new WebSocketServer({ noServer: true });

// Functions that fail

const allowOrigin = () => true;
const failAtOnce = () => JSON.parse("no");
const failLater = async () => JSON.parse("no");

/** Functions of options, and what is told of them. */
const FAILING = {
  "an `allowOrigin` that takes its time": [{ allowOrigin: async () => true }, /allowOrigin.*promise/],
  "an `allowOrigin` that rejects": [{ allowOrigin: failLater }, /allowOrigin.*promise/],
  "an `allowOrigin` that answers neither true nor false": [{ allowOrigin: () => 1 }, /allowOrigin.*true or false/],
  "an `allowOrigin` that throws": [{ allowOrigin: failAtOnce }, /allowOrigin.*SyntaxError/],
  "an `authenticate` that throws": [{ allowOrigin, authenticate: failAtOnce }, /authenticate.*SyntaxError/],
  "an `authenticate` that rejects": [{ allowOrigin, authenticate: failLater }, /authenticate.*SyntaxError/],
  "an `address` that throws": [{ allowOrigin, address: failAtOnce }, /address.*SyntaxError/],
  "an `address` that takes its time": [{ allowOrigin, address: async () => "192.0.2.1" }, /address.*promise/],
};
for (const [what, [options, told]] of Object.entries(FAILING)) {
  serverTest(`${what} lets nobody in, and is told once`, options, async (stage) => {
    const warnings = await gatherWarnings(async () => {
      for (let n = 0; n < 3; n++) assert.equal(await stage.refusal({}, PAGE), 4401);
    });
    assert.equal(warnings.length, 1, inspect(warnings));
    assert.match(warnings[0], told);
  });
}

test("a `verifyClient` that throws cuts the connection, also after an `authenticate` that takes its time", () => {
  for (const authenticate of ["at-once", "later"]) {
    const args = ["node_server/throwing_verify.mjs", authenticate];
    const program = spawnSync(process.execPath, args, { encoding: "utf8", timeout: 20_000 });
    assert.equal(program.stdout, "thrown: not today\ncut\n", program.stderr);
  }
});

const ADDRESSES = [12345, ["192.0.2.1"], {}, null, undefined, ""];
const addresses = { address: () => ADDRESSES[0], maxSessionsPerAddress: 1 };
serverTest("an `address` that is no text is none", addresses, async (stage) => {
  while (ADDRESSES.length > 0) {
    assert.equal((await stage.open()).session.peer.address, undefined, inspect(ADDRESSES[0]));
    ADDRESSES.shift();
  }
});
serverTest("one with a zone is one", { address: () => "fe80::1%eth0", maxSessionsPerAddress: 1 }, async (stage) => {
  const { session, probe } = await stage.open();
  assert.equal(session.peer.address, "fe80::1%eth0");
  await probe.bye();
});

// Listeners that send to other sessions, and catch nothing

/** How a send to another session comes to reject: the HELLO of its client, and what that does then. */
const REJECTING = {
  closed: [{}, (probe) => probe.bye()],
  "too-big": [{ maxMessage: 4 }, () => {}],
};
for (const [code, [hello, act]] of Object.entries(REJECTING)) {
  const name = `a listener that ends by the \`${code}\` of another session leaves its own alone, and that is told once`;
  serverTest(name, undefined, async (stage) => {
    const { sessions } = stage;
    const everybody = new Set();
    const failures = [];
    sessions.on("error", (error) => failures.push(error));
    const listeners = new Map();
    sessions.on("session", (session) => {
      const broadcast = async () => {
        everybody.add(session);
        for await (const message of session) for (const each of everybody) await each.send(message);
      };
      listeners.set(session, broadcast());
      return listeners.get(session);
    });
    const other = await stage.open(hello);
    await act(other.probe);
    if (code === "closed") await other.session.closed;
    const warnings = await gatherWarnings(async () => {
      // By then the other session has ended, whatever it was.
      for (const expected of [code, "closed"]) {
        const { probe, session } = await stage.open();
        probe.send(text(1, '"a message"'));
        assert.equal((await failureOf(listeners.get(session))).code, expected);
        await session.send("still here");
        assert.deepEqual(await probe.messages(1), ['"still here"']);
        assert.equal(session.state, "attached");
      }
    });
    assert.deepEqual(failures, []);
    assert.equal(warnings.length, 1, inspect(warnings));
    assert.match(warnings[0], /other\.send\(message\)\.catch/);
  });
}

serverTest("what ends a listener's own session is no failure, and not told", undefined, async (stage) => {
  const failures = [];
  stage.sessions.on("error", (error) => failures.push(error));
  let listener;
  stage.sessions.on("session", (session) => {
    listener = session.closed.then(() => session.send("late"));
    return listener;
  });
  const warnings = await gatherWarnings(async () => {
    const { probe } = await stage.open();
    await probe.bye();
    assert.equal((await failureOf(listener)).code, "closed");
  });
  assert.deepEqual([...failures, ...warnings], []);
});

// Values that can't be meant

const NO_ORIGINS = {
  "*": /\(origin\) => true/,
  "": /https:\/\/example\.com/,
  "example.com": /https:\/\/example\.com/,
  "https://*.example.com": /a function/,
  "https://example.com/chat": /write "https:\/\/example\.com"/,
  "https://example.com:443": /write "https:\/\/example\.com"/,
  "https://exämple.com": /write "https:\/\/xn--exmple-cua\.com"/,
};
test("a text that is no origin is a TypeError that says what to write", () => {
  for (const [text, says] of Object.entries(NO_ORIGINS)) {
    for (const allowOrigin of [text, ["https://example.com", text]]) {
      assert.throws(
        () => durable(serverOf(), { allowOrigin }),
        ({ name, message }) => name === "TypeError" && message.includes("`allowOrigin`") && says.test(message),
        text,
      );
    }
  }
});
test("what a browser calls an origin is one", () => {
  const local = ["http://localhost:8000", "http://[::1]:8080"];
  durable(serverOf(), { allowOrigin: ["null", "https://Example.com/", "chrome-extension://abcdef", ...local] });
});

serverTest("`shutdown` takes the codes that a close frame may have", undefined, async (stage) => {
  for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, 1000.5, "1000", null]) {
    assert.equal((await failureOf(stage.sessions.shutdown({ code }))).name, "TypeError", inspect(code));
  }
  const { probe } = await stage.open();
  const over = stage.sessions.shutdown({ code: 1014 });
  assert.equal((await probe.until("bye")).code, 1014);
  await over;
});

for (const closeTimeout of [Infinity, 30 * 24 * 60 * 60 * 1000]) {
  const options = { closeTimeout, outbox: { messages: 1 } };
  serverTest(`a \`closeTimeout\` of ${closeTimeout} ms is no short one`, options, async (stage) => {
    const { probe, session } = await stage.open();
    const socket = session.asSocket();
    socket.send("1");
    socket.send("2");
    socket.close(4000, "bye");
    assert.deepEqual(await probe.messages(1), ["1"]);
    // A timer that overflowed would have fired by now.
    probe.send({ type: "ping", nonce: 1 });
    await probe.until("pong");
    await new Promise((resolve) => setTimeout(resolve, 20));
    probe.send({ type: "ack", taken: 1, limit: 9 });
    assert.deepEqual(await probe.messages(1), ["2"]);
    probe.send({ type: "ack", taken: 2, limit: 9 });
    assert.equal((await probe.until("bye")).code, 4000);
  });
}

// Sets

serverTest("`clients` is a set in every way", undefined, async (stage) => {
  const { sessions, wss } = stage;
  const connecting = emitted(wss, "connection");
  const plain = new WebSocket(stage.url.replace("http", "ws"));
  const [here] = await connecting;
  const { session } = await stage.open();
  const socket = session.asSocket();
  const both = new Set([here, socket]);
  const { clients } = sessions;
  assert.equal(inspect(clients, { depth: 0 }), inspect(both, { depth: 0 }));
  for (const name of ["union", "intersection", "difference", "symmetricDifference"]) {
    for (const other of [new Set(), new Set([here]), both]) assert.deepEqual(clients[name](other), both[name](other), name);
  }
  for (const name of ["isSubsetOf", "isSupersetOf", "isDisjointFrom"]) {
    for (const other of [new Set(), new Set([here]), both]) assert.equal(clients[name](other), both[name](other), name);
  }
  assert.equal(clients.delete({}), false);
  assert.equal(clients.delete(socket), true);
  assert.deepEqual([...clients], [here]);
  assert.equal(clients.add(socket), clients);
  assert.equal(clients.has(socket), true);
  clients.clear();
  assert.deepEqual([clients.size, wss.clients.size], [0, 0]);
  plain.terminate();
  await within(20_000, "the end of a socket", emitted(here, "close"));
});
