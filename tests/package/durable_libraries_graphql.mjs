// graphql-ws, its client in a page and its server on `ws`, over durable sockets and unchanged: through cuts, resets and
// its own keepalive it notices nothing, no subscription ends, and what it asks for is answered once.

import assert from "node:assert/strict";
import { EventEmitter, on } from "node:events";
import { test } from "node:test";
import { GraphQLInt, GraphQLObjectType, GraphQLSchema, GraphQLString } from "graphql";
import { useServer } from "graphql-ws/use/ws";
import { cut, startSlowNetwork, useLibraries } from "./durable_libraries.mjs";
import { startProxy } from "./proxy.mjs";
import { until } from "./sessions/kit.mjs";

const PATIENCE = { timeout: 60_000 };
/** How often the server asks with a ping, and how long it waits for the pong before it terminates, in ms. */
const KEEP_ALIVE = 50;

const stage = useLibraries();

/** A schema and what moves it: `news` to subscribe to, `count` to change, and answers that wait for `release`. */
class Newsroom {
  subscribers = 0;
  subscribed = 0;
  count = 0;
  /** Queries that wait for `release`. */
  waiting = [];
  #events = new EventEmitter().setMaxListeners(0);

  publish(item) {
    this.#events.emit("item", item);
  }

  release() {
    for (const answer of this.waiting.splice(0)) answer("at last");
  }

  get schema() {
    const field = (type, resolve, args) => ({ type, resolve, args });
    return new GraphQLSchema({
      query: new GraphQLObjectType({
        name: "Query",
        fields: {
          hello: field(GraphQLString, (_, { name }) => `hello, ${name}`, { name: { type: GraphQLString } }),
          slow: field(GraphQLString, () => new Promise((resolve) => this.waiting.push(resolve))),
        },
      }),
      mutation: new GraphQLObjectType({
        name: "Mutation",
        fields: { count: field(GraphQLInt, () => ++this.count) },
      }),
      subscription: new GraphQLObjectType({
        name: "Subscription",
        fields: { news: { type: GraphQLInt, subscribe: () => this.#subscribe(), resolve: ([item]) => item } },
      }),
    });
  }

  #subscribe() {
    const items = on(this.#events, "item");
    this.subscribers++;
    this.subscribed++;
    // Not a generator: one that waits for its next item does not end before it has come.
    return {
      next: () => items.next(),
      return: () => {
        this.subscribers--;
        return items.return();
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }
}

/** What the client noticed of its connection where all went well. */
const QUIET = ["connecting", "opened", "connected"];

/** A test with a newsroom, its server, and a network in front of it; `keepAlive` is the server's. */
function libraryTest(name, { startNetwork = startProxy, keepAlive }, run) {
  test(name, PATIENCE, async () => {
    const newsroom = new Newsroom();
    const { schema } = newsroom;
    const server = await stage.startServer((sessions) => useServer({ schema }, sessions, keepAlive));
    const network = await startNetwork(server.url);
    try {
      await run({ page: stage.page, newsroom, server, network });
    } finally {
      await network.stop();
      await server.stop();
    }
  });
}

/** Opens a client of the page under this name, with a subscription to the news. */
function open(page, name, url, kind, options) {
  return page.evaluate(([name, url, kind, options]) => {
    const graph = openGraph(url, kind, options);
    globalThis[name] = Object.assign(graph, { news: graph.subscribe("subscription { news }", "news") });
  }, [name, url, kind, options]);
}

const numbers = (count, first = 1) => Array.from({ length: count }, (_, index) => first + index);

libraryTest("cuts, pings through them, and not a sign of either", { keepAlive: KEEP_ALIVE }, async (it) => {
  const { page, newsroom, server, network } = it;
  await open(page, "graph", network.url, "durable", { keepAlive: KEEP_ALIVE });
  await until(() => newsroom.subscribed === 1, "the subscription");
  let item = 0;
  const publish = () => newsroom.publish(++item);
  const ROUNDS = 3;
  for (let round = 1; round <= ROUNDS; round++) {
    publish();
    await page.evaluate(() => void (globalThis.slow = graph.ask("{ slow }")));
    await until(() => newsroom.waiting.length === 1, "the slow query is under way");

    await cut(network, server);
    publish();
    newsroom.release();
    await page.evaluate(() => {
      globalThis.hello = graph.ask("query ($name: String) { hello(name: $name) }", { name: "wörld 🪢" });
      globalThis.count = graph.ask("mutation { count }");
      globalThis.pongsBefore = graph.pongs;
    });
    // Longer than the server waits for a pong.
    const pongs = server.pongs + 3;
    await until(() => server.pongs >= pongs, "the server has had its pings answered");
    assert.equal(server.sessions.stats().attached, 0, "all of that without a connection");
    assert.equal(newsroom.count, round - 1, "nothing came through the cut");

    network.mend();
    const answers = await page.evaluate(() => Promise.all([slow, hello, count]));
    assert.deepEqual(answers, ["at last", "hello, wörld 🪢", round]);
    publish();
    await page.waitForFunction((length) => graph.news.items.length === length, item);
    await page.waitForFunction(() => graph.pongs > pongsBefore + 1);
  }
  assert.deepEqual(await page.evaluate(() => graph.news.items), numbers(item));
  assert.deepEqual(await page.evaluate(() => graph.events), QUIET);
  assert.deepEqual([newsroom.subscribed, newsroom.subscribers, newsroom.count], [1, 1, ROUNDS]);
  assert.deepEqual(server.seen, ["connection"]);

  await page.evaluate(() => graph.news.stop());
  await until(() => newsroom.subscribers === 0, "the end of the subscription");
  await page.evaluate(() => graph.client.dispose());
  await until(() => server.seen.length > 1, "the end of the connection");
  assert.deepEqual(server.seen, ["connection", "close 1000 Normal Closure"]);
  await page.waitForFunction(() => graph.events.length === 4);
  const [events, items] = await page.evaluate(() => [graph.events, graph.news.items]);
  assert.deepEqual(events, [...QUIET, ["closed", 1000, "Normal Closure", true]]);
  assert.deepEqual(items, [...numbers(item), "complete"]);
});

const SLOW = { startNetwork: startSlowNetwork, keepAlive: KEEP_ALIVE };

libraryTest("20 ms each way and a reset every 250 ms: each item and each answer comes once", SLOW, async (it) => {
  const { page, newsroom, server, network } = it;
  const ITEMS = 600;
  const QUESTIONS = 200;
  await open(page, "graph", network.url, "durable", { keepAlive: KEEP_ALIVE });
  await until(() => newsroom.subscribed === 1, "the subscription");
  network.shake();
  // As many as there are, spread over some resets.
  const asked = page.evaluate(async (count) => {
    const answers = [];
    for (let number = 1; number <= count; number++) {
      answers.push(graph.ask("mutation { count }"));
      answers.push(graph.ask("query ($name: String) { hello(name: $name) }", { name: `${number}` }));
      await new Promise((resolve) => setTimeout(resolve, 15));
    }
    return Promise.all(answers);
  }, QUESTIONS);
  let item = 0;
  await new Promise((resolve) => {
    const timer = setInterval(() => {
      newsroom.publish(++item);
      if (item < ITEMS) return;
      clearInterval(timer);
      resolve();
    }, 5);
  });
  assert.deepEqual(await asked, numbers(QUESTIONS).flatMap((number) => [number, `hello, ${number}`]));
  await page.waitForFunction((length) => graph.news.items.length >= length, ITEMS);
  network.calm();
  assert.deepEqual(await page.evaluate(() => graph.news.items), numbers(ITEMS));
  assert.deepEqual(await page.evaluate(() => graph.events), QUIET);
  assert.deepEqual([newsroom.subscribed, newsroom.subscribers, newsroom.count], [1, 1, QUESTIONS]);
  assert.deepEqual(server.seen, ["connection"]);
  assert.ok(server.pongs > 20, `${server.pongs} of the server's pings were answered`);
  assert.ok(network.resets >= 8, `${network.resets} resets are fewer than there were to be`);
});

libraryTest("a plain client of the same server is served as ever, and notices its cuts", {}, async (it) => {
  const { page, newsroom, server, network } = it;
  await open(page, "plain", network.url, "plain");
  await open(page, "durable", network.url, "durable");
  await until(() => newsroom.subscribed === 2, "both subscriptions");
  newsroom.publish(1);
  await page.waitForFunction(() => plain.news.items.length === 1 && durable.news.items.length === 1);

  await cut(network, server);
  await page.waitForFunction(() => plain.events.length > 3);
  newsroom.publish(2);
  await page.evaluate(() => {
    const ask = (graph) => graph.ask("query ($name: String) { hello(name: $name) }", { name: "both" });
    globalThis.answers = Promise.all([ask(plain), ask(durable)]);
  });
  network.mend();
  assert.deepEqual(await page.evaluate(() => answers), ["hello, both", "hello, both"]);
  await until(() => newsroom.subscribed === 3, "the plain client's second subscription");
  newsroom.publish(3);
  await page.waitForFunction(() => plain.news.items.at(-1) === 3 && durable.news.items.at(-1) === 3);

  const seen = await page.evaluate(() => [plain, durable].map(({ events, news }) => [events, news.items]));
  const [[plainEvents, plainItems], [durableEvents, durableItems]] = seen;
  assert.deepEqual([durableEvents, durableItems], [QUIET, [1, 2, 3]]);
  assert.deepEqual(plainItems, [1, 3], "what was published meanwhile is lost without sessions");
  assert.deepEqual(plainEvents.slice(0, 4), [...QUIET, ["closed", 1006, "", false]]);
  assert.deepEqual(plainEvents.slice(-3), QUIET);
  assert.deepEqual(server.seen.filter((line) => line !== "connection"), ["close 1006 "], "the plain client's alone");
  assert.equal(newsroom.subscribers, 2);
});

libraryTest("what the server closes with reaches a durable client as it does a plain one", {}, async (it) => {
  const { page, network } = it;
  const subscribe = { id: "1", type: "subscribe", payload: { query: "subscription { news }" } };
  const init = { type: "connection_init" };
  const mistakes = {
    "not its language": ["nonsense"],
    "not let in yet": [subscribe],
    "twice let in": [init, init],
    "the same name twice": [init, subscribe, subscribe],
  };
  const codes = [];
  for (const [mistake, messages] of Object.entries(mistakes)) {
    const endOf = (kind) =>
      page.evaluate((args) => endOf(...args), [network.url, kind, "graphql-transport-ws", messages]);
    const plain = await endOf("plain");
    assert.deepEqual(await endOf("durable"), plain, mistake);
    codes.push(plain[0]);
  }
  assert.deepEqual(codes, [4400, 4401, 4429, 4409]);
});

libraryTest("the library's own dispose closes plain and durable clients, and the server", {}, async (it) => {
  const { page, newsroom, server, network } = it;
  await open(page, "plain", network.url, "plain");
  await open(page, "durable", network.url, "durable");
  await until(() => newsroom.subscribed === 2, "both subscriptions");
  assert.equal(server.sessions.clients.size, 2);
  await server.served.dispose();
  await page.waitForFunction(() => [plain, durable].every(({ events }) => events.some(([type]) => type === "closed")));
  const ends = await page.evaluate(() => [plain, durable].map(({ events }) => events.find(([type]) => type === "closed")));
  assert.deepEqual(ends, Array(2).fill(["closed", 1001, "Going away", true]));
  assert.deepEqual([newsroom.subscribers, server.sessions.clients.size], [0, 0]);
});
