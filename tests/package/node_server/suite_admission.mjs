// Who may come in: pages by their origin, clients by what `authenticate` says, and as many as there is room for.

import assert from "node:assert/strict";
import { once } from "node:events";
import WebSocket from "ws";

import { Code } from "../sessions/wire.mjs";
import { Arrivals, emitted, gatherWarnings, serverTest, text } from "./stage.mjs";

const OURS = "https://example.com";
const THEIRS = "https://evil.example";
const UNAUTHORIZED = Code.UNAUTHORIZED;

// Origins

const RULES = {
  "an origin": OURS,
  "a list": ["https://www.example.com", OURS],
  "a function": (origin) => origin === OURS,
};
for (const [what, allowOrigin] of Object.entries(RULES)) {
  serverTest(`\`allowOrigin\`, ${what}: other pages are 4401, who is no page is welcome`, { allowOrigin }, async (stage) => {
    assert.equal((await stage.open({}, { origin: OURS })).session.peer.origin, OURS);
    assert.equal((await stage.open()).session.peer.origin, undefined);
    for (const origin of [THEIRS, `${OURS}.evil.example`, "null"]) {
      assert.equal(await stage.refusal({}, { origin }), UNAUTHORIZED, origin);
    }
    assert.equal(stage.beganMore, 0);
  });
}

serverTest("without it no page may, and the first that wanted to is a warning", undefined, async (stage) => {
  const [message, ...more] = await gatherWarnings(async () => {
    for (let n = 0; n < 3; n++) assert.equal(await stage.refusal({}, { origin: OURS }), UNAUTHORIZED);
    await stage.open();
  });
  assert.ok(message.includes(OURS) && message.includes("allowOrigin"), message);
  assert.deepEqual(more, []);
});

/** Answers of `allowOrigin` that are none. */
const NO_ANSWERS = {
  "throws an error": () => {
    throw new Error("no idea");
  },
  "gives a promise": async () => true,
  "gives no boolean": () => "yes",
};
for (const [what, allowOrigin] of Object.entries(NO_ANSWERS)) {
  serverTest(`a function that ${what} allows nobody, which is a warning, once`, { allowOrigin }, async (stage) => {
    const warnings = await gatherWarnings(async () => {
      for (let n = 0; n < 2; n++) assert.equal(await stage.refusal({}, { origin: OURS }), UNAUTHORIZED);
      await stage.open();
    });
    assert.equal(warnings.length, 1);
    assert.match(warnings[0], /allowOrigin/);
  });
}

serverTest("a session is resumed from its own origin only", { allowOrigin: [OURS, THEIRS] }, async (stage) => {
  const { probe } = await stage.open({}, { origin: OURS });
  const { token } = probe.welcome;
  for (const origin of [THEIRS, undefined]) {
    assert.equal((await stage.greet({ token, attempt: 2 }, { origin })).welcome.resumed, false);
  }
  assert.equal((await stage.greet({ token, attempt: 2 }, { origin: OURS })).welcome.resumed, true);
});

// authenticate

const whoAsks = (request) => new URL(request.url, "http://localhost").searchParams.get("who");
const as = (who) => ({ path: `/?who=${who}` });

/** What `authenticate` answers, by name. */
const ANSWERS = {
  anna: () => "anna",
  "anna in a while": async () => "anna",
  anybody: () => true,
  "anybody in a while": async () => true,
  nobody: () => undefined,
  "nobody in a while": async () => undefined,
  "": () => "",
  null: () => null,
  false: () => false,
  "a number": () => 7,
  "an object": () => ({ name: "anna" }),
  "an error": () => {
    throw new Error("no idea who");
  },
  "an error in a while": async () => {
    throw new Error("no idea who");
  },
};
const byName = { authenticate: (request) => ANSWERS[whoAsks(request)]() };

serverTest("`authenticate`: a name is the principal, true lets in, at once or in a while", byName, async (stage) => {
  for (const [who, principal] of [["anna", "anna"], ["anybody", undefined]]) {
    for (const answer of [who, `${who} in a while`]) {
      const { session, request } = await stage.open({}, as(answer));
      assert.equal(session.peer.principal, principal, answer);
      assert.equal(whoAsks(request), answer, "the request is that of the upgrade");
    }
  }
});

serverTest("anything else, an error and a rejection are 4401", byName, async (stage) => {
  const answers = Object.keys(ANSWERS).filter((answer) => !/^any|^anna/.test(answer));
  const warnings = await gatherWarnings(async () => {
    for (const answer of answers) assert.equal(await stage.refusal({}, as(answer)), UNAUTHORIZED, answer);
  });
  assert.equal(warnings.length, 1, "an error is told, once");
  assert.match(warnings[0], /authenticate.*no idea who/s);
  assert.equal(stage.beganMore, 0);
  assert.equal(stage.sessions.stats().sessions, 0);
});

serverTest("a session is resumed by its own principal only", { authenticate: whoAsks }, async (stage) => {
  const { probe, session } = await stage.open({}, as("anna"));
  const { token } = probe.welcome;
  probe.send(text(1, "1"));
  assert.deepEqual(await emitted(session, "message"), [1]);
  const thief = await stage.open({ token, attempt: 9 }, as("ben"));
  assert.deepEqual([thief.probe.welcome.resumed, thief.probe.welcome.taken], [false, 0]);
  assert.equal(thief.session.peer.principal, "ben");
  assert.equal(session.state, "attached");
  const back = await stage.greet({ token, attempt: 2 }, as("anna"));
  assert.deepEqual([back.welcome.resumed, back.welcome.taken], [true, 1]);
  assert.equal(stage.beganMore, 0);
});

/** Waits until `authenticate` is asked, and gives what answers it. */
function askSlowly() {
  const asked = new Arrivals();
  return {
    authenticate: () => new Promise((resolve) => asked.add(resolve)),
    asked: () => asked.next("a question"),
  };
}

const patient = askSlowly();
const { authenticate } = patient;
serverTest("who has left when it is known who it was leaves nothing", { authenticate }, async (stage) => {
  const leaving = new WebSocket(stage.url.replace("http", "ws"), "tautline.v1");
  const failed = once(leaving, "error");
  const give = await patient.asked();
  leaving.terminate();
  await failed;
  give("anna");
  const staying = stage.connect();
  (await patient.asked())("ben");
  (await staying).hello();
  assert.equal((await stage.began()).session.peer.principal, "ben");
  assert.deepEqual([stage.beganMore, stage.sessions.stats().connections], [0, 1]);
});

const hasty = { handshakeTimeout: 30, ...askSlowly() };
serverTest("an answer that takes longer than `handshakeTimeout` comes too late", hasty, async (stage) => {
  const warnings = await gatherWarnings(async () => {
    await assert.rejects(stage.connect(), { code: "ECONNRESET" });
    (await hasty.asked())("anna");
  });
  assert.equal(stage.sessions.stats().connections, 0);
  assert.match(warnings[0], /authenticate/);
});

// Room

/** A session that its client has used. */
async function openUsed(stage, options) {
  const opened = await stage.open({}, options);
  opened.probe.send(text(1, "1"));
  await emitted(opened.session, "message");
  return opened;
}

serverTest("`maxSessions`: where all are used new ones are 4429; leaving makes room", { maxSessions: 2 }, async (stage) => {
  const one = await openUsed(stage);
  const two = await openUsed(stage);
  for (let n = 0; n < 3; n++) assert.equal(await stage.refusal(), Code.OVERLOADED);
  two.probe.stop();
  const back = await stage.greet({ token: two.probe.welcome.token, attempt: 2, taken: 0 });
  assert.equal(back.welcome.resumed, true, "those that are there may come back");
  await one.probe.bye();
  await openUsed(stage);
  assert.equal(stage.sessions.stats().sessions, 2);
});

serverTest("those that were never used make room, the oldest first", { maxSessions: 3 }, async (stage) => {
  const used = await openUsed(stage);
  const oldest = await stage.open();
  const younger = await stage.open();
  await stage.open();
  assert.equal(await oldest.probe.code(), Code.OVERLOADED);
  assert.equal((await oldest.session.closed).code, Code.OVERLOADED);
  assert.deepEqual([used.session.state, younger.session.state], ["attached", "attached"]);
});

const perAddress = {
  maxSessionsPerAddress: 1,
  address: (request) => new URL(request.url, "http://localhost").searchParams.get("from") ?? undefined,
};
const from = (address) => ({ path: `/?from=${address}` });
serverTest("`maxSessionsPerAddress`: an address of IPv6 is a network, none has no quota", perAddress, async (stage) => {
  const first = await openUsed(stage, from("192.0.2.1"));
  assert.equal(first.session.peer.address, "192.0.2.1");
  assert.equal(await stage.refusal({}, from("192.0.2.1")), Code.OVERLOADED);
  await openUsed(stage, from("192.0.2.2"));
  await openUsed(stage, from("2001:db8::1"));
  assert.equal(await stage.refusal({}, from("2001:db8::2")), Code.OVERLOADED);
  await openUsed(stage, from("2001:db8:0:1::1"));
  for (let n = 0; n < 2; n++) assert.equal((await openUsed(stage)).session.peer.address, undefined);
  await first.probe.bye();
  await openUsed(stage, from("192.0.2.1"));
});

const lost = { address: ({ url }) => (url === "/late" ? Promise.resolve("192.0.2.1") : url.nonsense()) };
serverTest("where `address` throws or gives a promise, a client is refused, which is a warning", lost, async (stage) => {
  const warnings = await gatherWarnings(async () => {
    for (const path of ["/", "/late"]) assert.equal(await stage.refusal({}, { path }), UNAUTHORIZED);
  });
  assert.equal(warnings.length, 1);
  assert.match(warnings[0], /address/);
});

serverTest("without `address` it is the other end of the connection", { maxSessionsPerAddress: 1 }, async (stage) => {
  assert.equal((await openUsed(stage)).session.peer.address, "127.0.0.1");
  assert.equal(await stage.refusal(), Code.OVERLOADED);
});

const perPrincipal = { maxSessionsPerPrincipal: 1, authenticate: (request) => whoAsks(request) ?? true };
serverTest("`maxSessionsPerPrincipal`: one more of the same is 4429, of nobody is not", perPrincipal, async (stage) => {
  const first = await openUsed(stage, as("anna"));
  assert.equal(await stage.refusal({}, as("anna")), Code.OVERLOADED);
  await openUsed(stage, as("ben"));
  for (let n = 0; n < 2; n++) await openUsed(stage);
  await first.session.close();
  await openUsed(stage, as("anna"));
});
