// y-websocket, its provider in a page and its server utilities on `ws`, over durable sockets and unchanged: through cuts
// and resets documents stay the same, awareness carries on, and neither end notices anything.

import assert from "node:assert/strict";
import { test } from "node:test";
import { docs, setupWSConnection } from "@y/websocket-server/utils";
import { cut, startSlowNetwork, useLibraries } from "./durable_libraries.mjs";
import { startProxy } from "./proxy.mjs";
import { until } from "./sessions/kit.mjs";

const PATIENCE = { timeout: 60_000 };
const ROOM = "room";
/** What a provider noticed of its connection where all went well. */
const QUIET = ["connecting", "connected", "synced"];

const stage = useLibraries();

/** A test with the library's server, and a network in front of it. */
function libraryTest(name, startNetwork, run) {
  test(name, PATIENCE, async () => {
    const server = await stage.startServer((sessions) => sessions.on("connection", setupWSConnection));
    const network = await startNetwork(server.url);
    try {
      await run({ page: stage.page, server, network });
    } finally {
      // They would call themselves for ever.
      await stage.page.evaluate(() => Object.values(globalThis.peers ?? {}).forEach(({ provider }) => provider.destroy()));
      await network.stop();
      await server.stop();
      for (const doc of docs.values()) doc.destroy();
      docs.clear();
    }
  });
}

/** Opens documents of the page, by name, each of its kind; resolves when all are in step with the server. */
async function open(page, url, kinds) {
  await page.evaluate(([url, room, kinds]) => {
    globalThis.peers = {};
    for (const [name, kind] of Object.entries(kinds)) peers[name] = openDocument(url, room, kind, name);
  }, [url, ROOM, kinds]);
  await page.waitForFunction(() => Object.values(peers).every(({ provider }) => provider.synced));
}

/** Resolves when all documents of the page, and that of the server, have the same content. */
async function converged(page) {
  const look = () => page.evaluate(() => Object.values(peers).map(({ text, map }) => [text.toString(), map.toJSON()]));
  let contents;
  const isSame = async () => {
    const doc = docs.get(ROOM);
    const expected = JSON.stringify([doc.getText("text").toString(), sorted(doc.getMap("map").toJSON())]);
    contents = (await look()).map(([text, map]) => [text, sorted(map)]);
    return contents.every((it) => JSON.stringify(it) === expected);
  };
  await until(isSame, "all documents are the same", 20_000);
  return contents[0];
}

const sorted = (object) => Object.entries(object).sort();

/** Resolves when everybody sees everybody at these places. */
const everybodySees = (page, places) =>
  page.waitForFunction(
    (places) => Object.values(peers).every(({ others }) => JSON.stringify(others) === JSON.stringify(places)),
    places,
  );

const noticed = (page) =>
  page.evaluate(() => Object.fromEntries(Object.entries(peers).map(([name, it]) => [name, [it.events, it.lost]])));

libraryTest("cuts: edits of both sides meet, awareness goes on, and nobody notices", startProxy, async (it) => {
  const { page, server, network } = it;
  await open(page, network.url, { a: "durable", b: "durable" });
  await page.evaluate(() => peers.a.text.insert(0, "hello"));
  assert.equal((await converged(page))[0], "hello");
  await everybodySees(page, { a: null, b: null });

  for (let round = 1; round <= 3; round++) {
    await cut(network, server);
    await page.evaluate((round) => {
      peers.a.text.insert(0, `a${round} `);
      peers.a.at(`a ${round}`);
      peers.b.text.insert(peers.b.text.length, ` b${round}`);
      peers.b.at(`b ${round}`);
    }, round);
    docs.get(ROOM).getText("text").insert(0, `s${round} `);
    const apart = await page.evaluate(() => [peers.a.text.toString(), peers.b.text.toString()]);
    assert.equal(new Set([...apart, docs.get(ROOM).getText("text").toString()]).size, 3, "all differ while apart");
    // What the library does every 30 s, and takes its clients for dead where it is not answered.
    const pongs = server.pongs + server.sockets.length;
    for (const socket of server.sockets) socket.ping();
    await until(() => server.pongs === pongs, "the server has had its pings answered");
    assert.equal(server.sessions.stats().attached, 0, "all of that without a connection");

    network.mend();
    await everybodySees(page, { a: `a ${round}`, b: `b ${round}` });
    const [text] = await converged(page);
    assert.match(text, new RegExp(`a${round}.* hello .*b${round}$`));
    assert.ok(text.includes(`s${round} `));
  }
  assert.deepEqual(await noticed(page), { a: [QUIET, []], b: [QUIET, []] });
  assert.deepEqual(server.seen, ["connection", "connection"]);
  assert.equal(docs.get(ROOM).conns.size, 2);

  await page.evaluate(() => peers.b.provider.destroy());
  await page.waitForFunction(() => JSON.stringify(Object.keys(peers.a.others)) === '["a"]');
  await until(() => docs.get(ROOM).conns.size === 1, "the server has let go of it");
  assert.deepEqual(server.seen.length, 3);
  assert.match(server.seen[2], /^close /);
});

libraryTest("20 ms each way and a reset every 250 ms: no document diverges", startSlowNetwork, async (it) => {
  const { page, server, network } = it;
  const EDITS = 400;
  const DURATION_MS = 3000;
  await open(page, network.url, { a: "durable", b: "durable", c: "durable" });
  network.shake();
  await page.evaluate(async ([count, duration]) => {
    const move = async () => {
      for (let step = 1; step <= 100; step++) {
        for (const peer of Object.values(peers)) peer.at(step);
        await new Promise((resolve) => setTimeout(resolve, duration / 100));
      }
    };
    const scribbles = Object.values(peers).map((peer, index) => scribble(peer, index + 1, count, duration));
    await Promise.all([move(), ...scribbles]);
  }, [EDITS, DURATION_MS]);
  const [text, map] = await converged(page);
  network.calm();
  assert.ok(text.length > EDITS && map.length === 10, "they have a content");
  await everybodySees(page, { a: 100, b: 100, c: 100 });
  assert.deepEqual(await noticed(page), { a: [QUIET, []], b: [QUIET, []], c: [QUIET, []] });
  assert.deepEqual(server.seen, Array(3).fill("connection"));
  assert.ok(network.resets >= 8, `${network.resets} resets are fewer than there were to be`);
});

libraryTest("a plain and a durable client share a document; the plain one notices its cuts", startProxy, async (it) => {
  const { page, server, network } = it;
  await open(page, network.url, { durable: "durable", plain: "plain" });
  await page.evaluate(() => peers.plain.text.insert(0, "hello"));
  assert.equal((await converged(page))[0], "hello");

  await cut(network, server);
  await page.waitForFunction(() => !peers.plain.provider.wsconnected);
  await page.evaluate(() => {
    peers.plain.text.insert(0, "plain ");
    peers.durable.text.insert(peers.durable.text.length, " durable");
    peers.durable.at("work");
  });
  network.mend();
  await page.waitForFunction(() => peers.plain.provider.synced);
  assert.equal((await converged(page))[0], "plain hello durable");
  // The others have forgotten it, until it says something new of itself.
  await page.evaluate(() => peers.plain.at("back"));
  await everybodySees(page, { durable: "work", plain: "back" });

  const { durable, plain } = await noticed(page);
  assert.deepEqual(durable[0], QUIET);
  assert.deepEqual(plain[0].slice(0, 3), QUIET);
  assert.ok(plain[0].includes("disconnected") && plain[0].at(-1) === "synced", `${plain[0]}`);
  assert.deepEqual(server.seen.filter((line) => line !== "connection"), ["close 1006 "], "the plain client's alone");
});
