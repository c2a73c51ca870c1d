// The examples of the README's chapter about the server, run as they are printed: on a free port, for the origin that the
// test names, and together with what they leave out.

import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";
import WebSocket from "ws";
import { within } from "./conversation.mjs";
import { freePort, read } from "./project.mjs";
import { startProxy } from "./proxy.mjs";
import { PATIENCE, useExamples } from "./server_examples_stage.mjs";
import { connect } from "./sessions/client.mjs";
import { leave, takeFrom } from "./sessions/kit.mjs";
import { Probe } from "./sessions/probe.mjs";
import { PROTOCOL } from "./sessions/wire.mjs";

const OPTIONS = { timeout: 60_000 };
const MODULES = path.join(import.meta.dirname, "node_modules");

const stage = useExamples();

/** The chapter's examples in order. */
const chapter = /\n## The server\n([\s\S]*?)\n## /.exec(read("pkg-template/README.md"))[1];
const examples = Array.from(chapter.matchAll(/```js\n([\s\S]*?)```/g), ([, code]) => code);
const [first, library, access, deno, bun, end, ...more] = examples;
/** What the others go on from. */
const [imports] = first.split("\nconst sessions");

/** Runs a program of examples, and has a client talk to it, through a link that can be cut. */
async function run(name, code, act, command) {
  const port = await freePort();
  const onPort = code.replace("port: 8080", `port: ${port}, ${/Deno|Bun/.test(code) ? "hostname" : "host"}: "127.0.0.1"`);
  assert.notEqual(onPort, code);
  stage.write(name, onPort);
  const proxy = await startProxy(`ws://127.0.0.1:${port}`);
  const program = stage.run(name, {}, command);
  const clients = [];
  const join = (options, query = "") => {
    const client = connect(`${proxy.url}${query}`, { origin: "https://example.com", maxDelay: 100, ...options });
    clients.push(client);
    return client;
  };
  try {
    await act({ join, program, proxy });
  } finally {
    for (const client of clients) await leave(client);
    proxy.stop();
    await program.kill();
  }
}

const inJson = (messages) => messages.map((message) => JSON.stringify(message));

/** Messages go there and come back, and none is lost where the link is cut. */
async function talk({ join, proxy }) {
  const client = join();
  await client.opened;
  const wanted = [];
  for (let n = 0; n < 30; n++) {
    await client.send(JSON.stringify({ n }));
    wanted.push({ received: { n } });
    if (n % 10 !== 9) continue;
    proxy.cut();
    proxy.mend();
  }
  assert.deepEqual(await takeFrom(client, 30), inJson(wanted));
  assert.deepEqual([client.stats.reconnects > 0, client.stats.lost], [true, 0]);
  return client;
}

test("all of the chapter's examples are run here", () => {
  assert.equal(examples.length, 6);
  assert.deepEqual(more, []);
});

test("the first, which is the one of the project's README, too", OPTIONS, async () => {
  await run("first.js", first, async (around) => {
    const client = await talk(around);
    const { lines } = around.program;
    assert.equal(await lines.next(), "cut off");
    await client.close();
    let line = await lines.next();
    while (line === "cut off") line = await lines.next();
    assert.equal(line, "ended with 1000, 0 messages not taken");
  });
  const other = /```js\n(import \{ durable \}[\s\S]*?)```/.exec(read("README.md"))[1];
  await run("other.js", other, talk);
});

const SCHEMA = `
import { GraphQLInt, GraphQLObjectType, GraphQLSchema } from "graphql";

async function* count() {
  for (let ticks = 1; ticks <= 50; ticks++) {
    yield { ticks };
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
const fields = { ticks: { type: GraphQLInt } };
const schema = new GraphQLSchema({
  query: new GraphQLObjectType({ name: "Query", fields }),
  subscription: new GraphQLObjectType({ name: "Subscription", fields: { ticks: { ...fields.ticks, subscribe: count } } }),
});
`;

test("a library on it: a subscription of graphql-ws outlives its connections", OPTIONS, async () => {
  await run("library.js", imports + SCHEMA + library, async ({ join, proxy }) => {
    const client = join({ protocols: ["graphql-transport-ws"] });
    const say = (message) => client.send(JSON.stringify(message));
    const hear = async () => JSON.parse((await takeFrom(client, 1))[0]);
    await say({ type: "connection_init" });
    assert.equal((await hear()).type, "connection_ack");
    await say({ id: "1", type: "subscribe", payload: { query: "subscription { ticks }" } });
    for (let ticks = 1; ticks <= 50; ticks++) {
      assert.deepEqual(await hear(), { id: "1", type: "next", payload: { data: { ticks } } });
      if (ticks % 10 !== 0) continue;
      proxy.cut();
      proxy.mend();
    }
    assert.deepEqual(await hear(), { id: "1", type: "complete" });
    assert.ok(client.stats.reconnects > 0);
  });
});

const USERS = `
const userOf = async (cookie) => (cookie === "user=ada" ? { id: "Ada Lovelace" } : undefined);
`;
const GREET = `
sessions.on("session", (session) => session.send(session.peer));
`;

test("who may connect: pages of the listed origins, with the right cookie, and no other", OPTIONS, async () => {
  await run("access.js", imports + USERS + access + GREET, async ({ join, proxy }) => {
    // Until it listens.
    const refused = join({ origin: "https://example.com" });
    assert.equal((await within(PATIENCE, "an end", refused.closed)).code, 4401, "no cookie");

    const open = (origin, cookie) => new Probe(new WebSocket(proxy.url, PROTOCOL, { origin, headers: { cookie } }));
    for (const [origin, cookie] of [["https://example.com", "user=eve"], ["https://evil.example", "user=ada"]]) {
      assert.equal(await open(origin, cookie).code(), 4401, `${origin}, ${cookie}`);
    }
    for (const origin of ["https://example.com", "https://www.example.com", undefined]) {
      const probe = open(origin, "user=ada");
      await within(PATIENCE, "a connection", new Promise((resolve) => probe.ws.once("open", resolve)));
      probe.hello();
      const [peer] = await probe.messages(1);
      assert.deepEqual(JSON.parse(peer), { ...(origin && { origin }), principal: "Ada Lovelace", address: "127.0.0.1" });
      probe.stop();
    }
  });
});

const DENO_FLAGS = ["--quiet", "--no-remote", "--allow-net=127.0.0.1", "--allow-read=."];
const RUNTIMES = {
  Deno: [deno, path.join(MODULES, ".bin/deno"), "run", ...DENO_FLAGS],
  Bun: [bun, path.join(MODULES, ".bin/bun"), "run"],
};

for (const [runtime, [code, ...command]] of Object.entries(RUNTIMES)) {
  test(`${runtime}: sessions, and all other requests as before`, OPTIONS, async () => {
    const act = async (around) => {
      await talk(around);
      const response = await fetch(around.proxy.url.replace(/^ws/, "http"));
      assert.equal(await response.text(), "hello");
    };
    await run(`${runtime}.js`, code, act, command);
  });
}

test("the end of the process: what was sent goes out, and the clients are told that it is over", OPTIONS, async () => {
  await run("end.js", first + end, async ({ join, program }) => {
    const client = join();
    await client.send('"last words"');
    assert.deepEqual(await takeFrom(client, 1), ['{"received":"last words"}']);
    await program.stop();
    const { code, reason, unacknowledged } = await within(PATIENCE, "an end", client.closed);
    const goodbye = { code: 1001, reason: "the server is going away", unacknowledged: [] };
    assert.deepEqual({ code, reason, unacknowledged }, goodbye);
    assert.equal(await program.lines.next(), "ended with 1001, 0 messages not taken");
  });
});
