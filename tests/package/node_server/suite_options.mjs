// The options of `durable`: what is refused, what is said by default, and what each of the numbers does.

import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { test } from "node:test";
import { durable } from "tautline/server";
import { WebSocketServer } from "ws";

import { Code } from "../sessions/wire.mjs";
import { emitted, failureOf, serverTest, text } from "./stage.mjs";

const NO_TIMES = [-1, "1000", NaN, null];
const NO_COUNTS = [-1, "10", NaN, 1.5, null];

/** Values that an option does not take. */
const REFUSED = {
  codec: ["xml", null, {}, { encode() {} }],
  resume: NO_TIMES,
  heartbeat: NO_TIMES,
  probe: NO_TIMES,
  handshakeTimeout: NO_TIMES,
  closeTimeout: NO_TIMES,
  window: [...NO_COUNTS, 0],
  maxMessage: [...NO_COUNTS, 0],
  outbox: [1024, "large", null],
  maxSessions: NO_COUNTS,
  maxSessionsPerAddress: NO_COUNTS,
  maxSessionsPerPrincipal: NO_COUNTS,
  maxHeldBytes: NO_COUNTS,
  maxDetachedBytes: NO_COUNTS,
  allowOrigin: [5, {}, null, [5]],
  protocols: [5, "chat", {}],
  authenticate: ["secret", null, {}],
  address: ["127.0.0.1", {}],
};

const serverOf = () => new WebSocketServer({ noServer: true });

for (const [option, values] of Object.entries(REFUSED)) {
  test(`\`${option}\`: what it does not take is a TypeError that names it`, () => {
    for (const value of values) {
      const complaint = { name: "TypeError", message: new RegExp(`\\b${option}\\b`) };
      assert.throws(() => durable(serverOf(), { [option]: value }), complaint, String(value));
    }
  });
}

test("`outbox.messages` and `outbox.bytes` are named, too", () => {
  for (const name of ["messages", "bytes"]) {
    for (const value of [0, -1, "1", NaN]) {
      const complaint = { name: "TypeError", message: new RegExp(`outbox\\.${name}`) };
      assert.throws(() => durable(serverOf(), { outbox: { [name]: value } }), complaint);
    }
  }
});

test("subprotocols that are none, and one that is there twice, are a SyntaxError, as of a client", () => {
  for (const protocols of [[5], ["a b"], [""], ["a", "a"]]) {
    assert.throws(() => durable(serverOf(), { protocols }), { name: "SyntaxError" }, String(protocols));
  }
});

test("options are an object or nothing; a server of `ws` comes first, and once", () => {
  for (const options of [5, "text", null]) assert.throws(() => durable(serverOf(), options), TypeError);
  for (const server of [undefined, null, {}, new EventEmitter(), 8080]) {
    assert.throws(() => durable(server), TypeError, String(server));
  }
  const wss = serverOf();
  assert.throws(() => durable(wss, { window: 0 }), TypeError);
  durable(wss);
  assert.throws(() => durable(wss), TypeError, "what failed before has not made it durable, and this has");
});

serverTest("without options a client is told the defaults", undefined, async (stage) => {
  const { probe } = await stage.open();
  const { resumed, taken, limit, resumeMs, heartbeatMs, maxMessage, protocol } = probe.welcome;
  assert.deepEqual({ resumed, taken, protocol }, { resumed: false, taken: 0, protocol: "" });
  assert.deepEqual([limit, resumeMs, heartbeatMs, maxMessage], [1024, 120_000, 15_000, 2 ** 20]);
});

const numbers = { resume: 1234, heartbeat: 0, window: 7, maxMessage: 99 };
serverTest("with them, what they say", numbers, async (stage) => {
  const { limit, resumeMs, heartbeatMs, maxMessage } = (await stage.open()).probe.welcome;
  assert.deepEqual([limit, resumeMs, heartbeatMs, maxMessage], [7, 1234, 0, 99]);
});

serverTest("`handshakeTimeout`: who is late with the HELLO is closed with 4408", { handshakeTimeout: 30 }, async (stage) => {
  assert.equal(await (await stage.connect()).code(), Code.NO_HELLO);
  assert.equal(stage.beganMore, 0);
});

const alert = { heartbeat: 30, probe: 40 };
serverTest("`heartbeat` and `probe`: who is silent for long is closed with 1001, may come back", alert, async (stage) => {
  const { probe, session } = await stage.open();
  await probe.until("ping");
  assert.equal(await probe.code(), 1001);
  assert.equal(session.state, "detached");
  const again = await stage.greet({ token: probe.welcome.token, attempt: 2 });
  assert.equal(again.welcome.resumed, true);
  assert.equal(stage.beganMore, 0);
});

serverTest("`resume`: who stays away for longer ends with 1006, and is nobody's any more", { resume: 20 }, async (stage) => {
  const { probe, session } = await stage.open();
  await session.send("for nobody");
  probe.stop();
  const ended = await session.closed;
  assert.deepEqual([ended.code, ended.unacknowledged], [1006, ["for nobody"]]);
  assert.equal(session.state, "ended");
  const again = await stage.greet({ token: probe.welcome.token, attempt: 2 });
  assert.equal(again.welcome.resumed, false);
  assert.notEqual((await stage.began()).session, session);
});

serverTest("`closeTimeout`: so long `close` waits for who takes nothing", { closeTimeout: 30 }, async (stage) => {
  const { probe, session } = await stage.open();
  await session.send("not taken");
  const ended = await session.close(4000, "enough");
  assert.deepEqual(ended, { code: 4000, reason: "enough", unacknowledged: ["not taken"] });
  assert.deepEqual(await probe.until("bye"), { type: "bye", code: 4000, reason: "enough" });
});

serverTest("`window`: who goes beyond it is closed with 4400", { window: 2 }, async (stage) => {
  const { probe, session } = await stage.open();
  probe.send(text(1, "1", "2"));
  probe.send(text(3, "3"));
  assert.equal(await probe.code(), Code.PROTOCOL_ERROR);
  assert.equal((await session.closed).code, Code.PROTOCOL_ERROR);
});

serverTest("`maxMessage`: a larger one ends the session with 4413", { maxMessage: 4 }, async (stage) => {
  const { probe, session } = await stage.open();
  probe.send(text(1, '"ab"', '"abc"'));
  assert.equal(await probe.code(), Code.TOO_BIG);
  assert.equal((await session.closed).code, Code.TOO_BIG);
});

const small = { outbox: { messages: 2, bytes: 100 } };
serverTest("`outbox`: past it `send` waits, past as many again it rejects", small, async (stage) => {
  const { probe, session } = await stage.open();
  const accepted = [];
  const sends = [1, 2, 3, 4].map((n) => session.send(n).then(() => accepted.push(n)));
  const tooMany = await failureOf(session.send(5));
  assert.deepEqual([tooMany.name, tooMany.code], ["TautlineError", "overflow"]);
  assert.equal((await failureOf(session.send("x".repeat(99)))).code, "too-big");
  assert.deepEqual(await probe.messages(2), ["1", "2"]);
  assert.deepEqual(accepted, [1, 2], "the others wait until something is taken");
  probe.send({ type: "ack", taken: 1, limit: 1000 });
  assert.deepEqual(await probe.messages(1), ["3"]);
  assert.deepEqual(accepted, [1, 2, 3]);
  probe.send({ type: "ack", taken: 3, limit: 1000 });
  await Promise.all(sends);
  assert.deepEqual(await probe.messages(1), ["4"]);
});

const CODECS = {
  json: { sent: { a: [1, "ä"] }, travels: '{"a":[1,"ä"]}' },
  text: { sent: "as it is", travels: "as it is" },
  bytes: { sent: Uint8Array.of(1, 2), travels: Uint8Array.of(1, 2) },
};
for (const [codec, { sent, travels }] of Object.entries(CODECS)) {
  serverTest(`\`codec\`: ${codec}`, { codec }, async (stage) => {
    const { probe, session } = await stage.open();
    await session.send(sent);
    assert.deepEqual(await probe.messages(1), [travels]);
    probe.send({ type: "batch", seq: 1, messages: [travels] });
    const [message] = await emitted(session, "message");
    assert.deepEqual(typeof sent === "string" ? message : { ...message }, typeof sent === "string" ? sent : { ...sent });
  });
}

const own = { codec: { encode: (n) => `#${n}`, decode: (payload) => Number(payload.slice(1)) } };
serverTest("`codec`: one's own; what comes back unacknowledged is decoded as well", own, async (stage) => {
  const { probe, session } = await stage.open();
  await session.send(7);
  assert.deepEqual(await probe.messages(1), ["#7"]);
  probe.send(text(1, "#8"));
  assert.deepEqual(await emitted(session, "message"), [8]);
  await probe.bye();
  assert.deepEqual((await session.closed).unacknowledged, [7]);
});

serverTest("`protocols`: the first of the client's that is listed, or none", { protocols: ["b", "c"] }, async (stage) => {
  for (const [protocols, protocol] of [[["a", "c", "b"], "c"], [["a"], ""], [[], ""]]) {
    const { probe, session } = await stage.open({ protocols });
    assert.deepEqual([probe.welcome.protocol, session.protocol], [protocol, protocol]);
  }
});

serverTest("without it the first that the client wants, as with `ws`", undefined, async (stage) => {
  for (const [protocols, protocol] of [[["a", "b"], "a"], [[], ""]]) {
    const { probe, session } = await stage.open({ protocols });
    assert.deepEqual([probe.welcome.protocol, session.protocol], [protocol, protocol]);
  }
});

serverTest("`maxHeldBytes`: past it each session gets on, one message at a time", { maxHeldBytes: 1000 }, async (stage) => {
  const one = await stage.open();
  const two = await stage.open();
  const large = "x".repeat(2000);
  let accepted = 0;
  for (const { session } of [one, two]) {
    await session.send(large);
    session.send("next").then(() => accepted++, () => {});
  }
  assert.deepEqual(await one.probe.messages(1), [`"${large}"`]);
  assert.deepEqual([accepted, await two.probe.messages(1)], [0, [`"${large}"`]]);
  one.probe.send({ type: "ack", taken: 1, limit: 1000 });
  assert.deepEqual(await one.probe.messages(1), ['"next"']);
  assert.equal(accepted, 1, "where nothing is taken, the other one waits");
});

const holding = { maxDetachedBytes: 100_000, codec: "text" };
serverTest("`maxDetachedBytes`: past it the last one detached goes", holding, async (stage) => {
  const all = [await stage.open(), await stage.open()];
  for (const { probe, session } of all) {
    await session.send("x".repeat(60_000));
    const detached = emitted(session, "detach");
    probe.stop();
    if (session === all[0].session) await detached;
  }
  const ended = await all[1].session.closed;
  assert.deepEqual([ended.code, ended.unacknowledged.length], [1006, 1]);
  assert.equal(all[0].session.state, "detached");
  assert.equal(stage.sessions.stats().detachedBytes, 60_032);
});
