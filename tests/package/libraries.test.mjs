// Libraries that take a WebSocket class, on tautline/websocket, against their own servers and through resets:
// graphql-ws and y-websocket. Both come back by themselves and keep state for each connection, so the class is one
// that does not.

import assert from "node:assert/strict";
import { EventEmitter, on } from "node:events";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { docs, setupWSConnection } from "@y/websocket-server/utils";
import { build } from "esbuild";
import { GraphQLObjectType, GraphQLSchema, GraphQLString } from "graphql";
import { useServer } from "graphql-ws/use/ws";
import { WebSocketServer } from "ws";
import { within } from "./conversation.mjs";
import { installPackage, launchBrowser } from "./project.mjs";
import { startProxy } from "./proxy.mjs";
import { serveFolder } from "./site.mjs";

const PATIENCE = 20_000;

const ENTRY = `
import { createClient } from "graphql-ws";
import TautSocket from "tautline/websocket";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";

Object.assign(globalThis, { createClient, TautSocket, WebsocketProvider, Y });
document.title = "ready";
`;
const PAGE = '<!doctype html><title>Libraries</title><script type="module" src="bundle.js"></script>';

let installed, site, browser, page, problems;

before(async () => {
  installed = installPackage("libraries");
  const { project } = installed;
  writeFileSync(path.join(project, "entry.js"), ENTRY);
  writeFileSync(path.join(project, "index.html"), PAGE);
  await build({
    absWorkingDir: project,
    entryPoints: ["entry.js"],
    outfile: "bundle.js",
    bundle: true,
    format: "esm",
    logLevel: "error",
  });
  site = await serveFolder(project);
  browser = await launchBrowser();
});

after(async () => {
  await browser?.close();
  site?.stop();
  installed?.remove();
});

beforeEach(async () => {
  problems = [];
  page = await browser.newPage();
  page.setDefaultTimeout(PATIENCE);
  page.on("pageerror", (error) => problems.push(error.stack));
  await page.goto(site.url);
  await page.waitForFunction(() => document.title === "ready");
});

afterEach(async () => {
  await page.close();
  assert.deepEqual(problems, [], "no uncaught error and no unhandled rejection");
});

/** A server of the library's own behind the proxy. */
async function startBehindProxy(serve) {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await new Promise((resolve) => server.once("listening", resolve));
  serve(server);
  const proxy = await startProxy(`ws://127.0.0.1:${server.address().port}`);
  return {
    proxy,
    async stop() {
      proxy.stop();
      for (const client of server.clients) client.terminate();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Resolves once something is so that an event of the emitter brings about. */
async function untilTrue(emitter, isTrue, what) {
  while (!isTrue()) await within(PATIENCE, what, new Promise((resolve) => emitter.once("change", resolve)));
}

test("graphql-ws: queries and a subscription go on after resets, by the client's own retries", async () => {
  const news = new EventEmitter();
  let subscribers = 0;
  let subscribed = 0;
  const count = (difference) => {
    subscribers += difference;
    if (difference > 0) subscribed++;
    news.emit("change");
  };
  const schema = new GraphQLSchema({
    query: new GraphQLObjectType({
      name: "Query",
      fields: {
        hello: {
          type: GraphQLString,
          args: { name: { type: GraphQLString } },
          resolve: (_, { name }) => `hello, ${name}`,
        },
      },
    }),
    subscription: new GraphQLObjectType({
      name: "Subscription",
      fields: {
        news: {
          type: GraphQLString,
          subscribe() {
            const items = on(news, "item");
            count(1);
            // Not a generator: one that waits for its next item does not end before it has come.
            return {
              next: () => items.next(),
              return() {
                count(-1);
                return items.return();
              },
              [Symbol.asyncIterator]() {
                return this;
              },
            };
          },
          resolve: ([item]) => item,
        },
      },
    }),
  });
  const { proxy, stop } = await startBehindProxy((server) => useServer({ schema }, server));
  try {
    await page.evaluate((url) => {
      globalThis.client = createClient({
        url,
        webSocketImpl: TautSocket.with({ reconnect: false }),
        retryAttempts: Infinity,
        // Of itself it gives up where an attempt fails, with any class.
        shouldRetry: () => true,
        retryWait: () => new Promise((resolve) => setTimeout(resolve, 20)),
      });
      globalThis.connections = 0;
      client.on("connected", (socket) => {
        connections++;
        Object.assign(globalThis, { connected: true, lastProtocol: socket.protocol, lastClose: undefined });
      });
      client.on("closed", ({ code, wasClean }) => {
        Object.assign(globalThis, { connected: false, lastClose: [code, wasClean] });
      });
      globalThis.query = (name) =>
        new Promise((resolve, reject) => {
          let result;
          const payload = { query: "query ($name: String) { hello(name: $name) }", variables: { name } };
          const next = (value) => (result = value);
          client.subscribe(payload, { next, error: reject, complete: () => resolve(result) });
        });
      globalThis.items = [];
      globalThis.failures = [];
      globalThis.unsubscribe = client.subscribe(
        { query: "subscription { news }" },
        {
          next: ({ data }) => items.push(data.news),
          error: (error) => failures.push(String(error)),
          complete: () => items.push("complete"),
        },
      );
    }, proxy.url);
    await untilTrue(news, () => subscribed === 1, "the first subscription");
    assert.deepEqual(await page.evaluate(() => query("wörld 🪢")), { data: { hello: "hello, wörld 🪢" } });
    news.emit("item", "one");
    await page.waitForFunction(() => items.length === 1);

    for (const round of [2, 3]) {
      proxy.cut();
      await page.waitForFunction(() => !connected);
      assert.deepEqual(await page.evaluate(() => lastClose), [1006, false]);
      // Asked while there is no connection; answered by the next one.
      await page.evaluate(() => void (globalThis.answer = query("patience")));
      proxy.mend();
      const isAgain = () => subscribed === round && subscribers === 1;
      await untilTrue(news, isAgain, `subscription ${round}, without the one before`);
      assert.deepEqual(await page.evaluate(() => answer), { data: { hello: "hello, patience" } });
      news.emit("item", `after reset ${round - 1}`);
      await page.waitForFunction((length) => items.length === length, round);
    }
    await page.evaluate(() => unsubscribe());
    await untilTrue(news, () => subscribers === 0, "the end of the subscription");
    const seen = await page.evaluate(async () => {
      await client.dispose();
      return { items, failures, connections, lastProtocol };
    });
    assert.deepEqual(seen, {
      items: ["one", "after reset 1", "after reset 2", "complete"],
      failures: [],
      connections: 3,
      lastProtocol: "graphql-transport-ws",
    });
  } finally {
    await stop();
  }
});

test("y-websocket: two documents converge through a reset, with what was written on both sides meanwhile", async () => {
  const { proxy, stop } = await startBehindProxy((server) => server.on("connection", setupWSConnection));
  try {
    await page.evaluate((url) => {
      globalThis.peers = ["a", "b"].map((name) => {
        const doc = new Y.Doc();
        const provider = new WebsocketProvider(url, "room", doc, {
          WebSocketPolyfill: TautSocket.with({ reconnect: false }),
          // Else two documents of one browser talk past the server.
          disableBc: true,
          maxBackoffTime: 50,
        });
        const peer = { name, doc, provider, text: doc.getText("text"), statuses: [] };
        provider.on("status", ({ status }) => peer.statuses.push(status));
        return peer;
      });
    }, proxy.url);
    const converged = (text) =>
      page.waitForFunction((text) => peers.every((it) => it.provider.synced && it.text.toString() === text), text);
    await page.waitForFunction(() => peers.every(({ provider }) => provider.synced));
    await page.evaluate(() => peers[0].text.insert(0, "hello"));
    await converged("hello");

    for (const round of [1, 2]) {
      proxy.cut();
      await page.waitForFunction(() => peers.every(({ provider }) => !provider.wsconnected));
      await page.evaluate((round) => {
        peers[0].text.insert(0, `a${round} `);
        peers[1].text.insert(peers[1].text.length, ` b${round}`);
      }, round);
      const texts = await page.evaluate(() => peers.map(({ text }) => text.toString()));
      assert.notEqual(texts[0], texts[1], "they differ while apart");
      proxy.mend();
      await converged(round === 1 ? "a1 hello b1" : "a2 a1 hello b1 b2");
    }
    // And after it the link carries on as before, awareness included.
    await page.evaluate(() => {
      peers[1].text.insert(0, "last: ");
      peers[1].provider.awareness.setLocalStateField("user", "b");
    });
    await converged("last: a2 a1 hello b1 b2");
    await page.waitForFunction(() =>
      [...peers[0].provider.awareness.getStates().values()].some(({ user }) => user === "b"),
    );
    assert.equal(docs.get("room").getText("text").toString(), "last: a2 a1 hello b1 b2", "the server's document");
    const statuses = await page.evaluate(() => {
      for (const { provider } of peers) provider.destroy();
      return peers.map(({ statuses }) => statuses.filter((status) => status === "connected").length);
    });
    assert.deepEqual(statuses, [3, 3]);
  } finally {
    await stop();
    // Else their awareness looks for the idle for ever.
    for (const doc of docs.values()) doc.destroy();
  }
});
