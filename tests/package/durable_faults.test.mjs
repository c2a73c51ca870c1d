// Servers that break the rules of `tautline.v1`, or don't speak it: what a durable socket makes of each.

import assert from "node:assert/strict";

import { WELCOME } from "./durable_peer.mjs";
import { durableTest, useDurableStage } from "./durable_stage.mjs";

const stage = useDurableStage();
const hex = (text) => Buffer.from(text.replaceAll(" ", ""), "hex");

/** Frames that are none, or may not come in a session in which one message of two positions is on its way. */
const FORBIDDEN = {
  "no type": hex(""),
  "a type that does not exist": hex("07 00"),
  "an ACK cut short": hex("03 01"),
  "a byte behind an ACK": hex("03 00 7F 00"),
  "a byte behind a PONG": hex("05 2A 00"),
  "a number that is not in its shortest form": hex("04 80 00"),
  "a number above 2^53 - 1": hex("04 80 80 80 80 80 80 80 10"),
  "a number that does not end": hex("04 80 80 80 80 80 80 80 80 01"),
  "a BATCH without a message": hex("00 01"),
  "a BATCH with less than it declares": hex("00 01 08 61"),
  "a BATCH that declares very much": hex("00 01 FE FF FF FF FF FF FF 1F"),
  "a BATCH at position 0": hex("00 00 00"),
  "a text in a BATCH that is not UTF-8": hex("00 01 02 FF"),
  "a BATCH that is right in its first message alone": hex("00 01 02 61 02 FF"),
  "a BYE whose reason is not UTF-8": hex("06 E8 07 01 FF"),
  "a BYE cut short": hex("06 E8 07 02 61"),
  "a BYE of 20,000 bytes": Buffer.concat([hex("06 E8 07 9A 9C 01"), Buffer.alloc(19_994, "x")]),
  "a text without a message": "7",
  "a text without a position": "\u001ex",
  "a position with a zero in front": "01\u001ex",
  "position 0": "0\u001ex",
  "a position that is no number": "1e0\u001ex",
  "a position with a space": " 1\u001ex",
  "a position above 2^53 - 1": "9007199254740992\u001ex",
  "an empty text": "",
  "a message after a gap": "2\u001ex",
  "a message past the limit": `1${"\u001ex".repeat(9)}`,
  "a message that follows beyond the last position": "9007199254740991\u001ex\u001ex",
  "an ACK of what was never sent": { type: "ack", taken: 3, limit: 9 },
  "an ACK that ends inside of a message": { type: "ack", taken: 1, limit: 9 },
  "a HELLO": { type: "hello", token: "", taken: 0, limit: 1, attempt: 1, maxMessage: 1, protocols: [] },
  "a second WELCOME": { type: "welcome", ...WELCOME },
};

durableTest(stage, "frames that may not come end the session with 4400, and nothing of them is taken", async (it) => {
  const { page, peers } = it;
  const message = "x".repeat(4096);
  for (const [what, frame] of Object.entries(FORBIDDEN)) {
    await it.open({ inbox: { messages: 8 } });
    const peer = await peers.greet();
    await page.evaluate((message) => void socket.send(message), message);
    await peer.until("text");
    peer.send(frame);
    assert.equal((await peer.end()).code, 4400, what);
    const seen = await page.evaluate(async () => {
      const { code, wasClean } = await socket.closed;
      const ends = log.filter(([type]) => type !== "open");
      const { inbox, received, attempts } = socket.stats();
      reset();
      return { code, wasClean, ends, inbox: inbox.messages, received, attempts };
    });
    const [error, [type, code, , , unacknowledged], ...more] = seen.ends;
    const expected = [["error", "protocol"], "close", 4400, [message], []];
    assert.deepEqual([error, type, code, unacknowledged, more], expected, what);
    assert.deepEqual([seen.code, seen.inbox, seen.received, seen.attempts], [4400, 0, 0, 1], what);
  }
  assert.equal(peers.count, Object.keys(FORBIDDEN).length, "nobody came back");
});

durableTest(stage, "before WELCOME nothing else may come but BYE", async ({ page, peers, open }) => {
  const early = {
    "a message": "1\u001ex",
    "a batch": hex("00 01 02 61"),
    "an ACK": { type: "ack", taken: 0, limit: 9 },
    "a PING": { type: "ping", nonce: 1 },
    "half a WELCOME": hex("02 00 01 61 00"),
    "a WELCOME whose max_message is 0": { type: "welcome", ...WELCOME, maxMessage: 0 },
    "a WELCOME with a token of 129 bytes": { type: "welcome", ...WELCOME, token: "x".repeat(129) },
  };
  for (const [what, frame] of Object.entries(early)) {
    await open();
    const peer = await peers.next();
    await peer.until("hello");
    peer.send(frame);
    assert.equal((await peer.end()).code, 4400, what);
    const seen = await page.evaluate(async () => {
      const code = await codeOf(socket.opened);
      await socket.closed;
      const types = log.map(([type]) => type);
      const { received } = socket.stats();
      reset();
      return { code, types, received };
    });
    assert.deepEqual(seen, { code: "protocol", types: ["error", "close"], received: 0 }, what);
  }
});

durableTest(stage, "bytes behind the known body of a WELCOME are room to grow", async ({ page, peers, open }) => {
  const { encode } = await import("./sessions/wire.mjs");
  await open();
  const peer = await peers.next();
  await peer.until("hello");
  peer.send(Buffer.concat([encode({ type: "welcome", ...WELCOME }), hex("FF 01 02")]));
  await page.evaluate(() => socket.opened);
});

durableTest(stage, "a message larger than HELLO said ends the session with 4413", async ({ page, peers, open }) => {
  await open({ inbox: { bytes: 100_000 } });
  const peer = await peers.greet();
  assert.equal(peer.hello.maxMessage, 100_000);
  peer.texts(1, "x".repeat(100_001));
  assert.equal((await peer.end()).code, 4413);
  const seen = await page.evaluate(async () => [(await socket.closed).code, log.at(-2), socket.stats().received]);
  assert.deepEqual(seen, [4413, ["error", "too-big"], 0]);
});

durableTest(stage, "a message larger than WELCOME said is refused by `send`, and the session goes on", async (it) => {
  const { page, peers } = it;
  await it.open();
  const peer = await peers.greet({ maxMessage: 10 });
  const codes = await page.evaluate(async () => {
    await socket.opened;
    return [await codeOf(socket.send("€€€€")), await codeOf(socket.send("€€€."))];
  });
  assert.deepEqual(codes, ["too-big", ""], "twelve bytes, and ten");
  assert.deepEqual((await peer.until("text")).messages, ["€€€."]);
});

durableTest(stage, "one that was accepted before there was a WELCOME is handed back with the reason", async (it) => {
  const { page, peers } = it;
  await it.open();
  await page.evaluate(() => {
    for (const message of ["small", "x".repeat(11), "later"]) socket.send(message);
  });
  const peer = await peers.greet({ maxMessage: 10 });
  assert.equal((await peer.end()).code, 4413);
  const ends = await page.evaluate(async () => {
    await socket.closed;
    return log.filter(([type]) => type !== "open");
  });
  assert.deepEqual(ends[0], ["error", "too-big"]);
  assert.deepEqual(ends[1].slice(0, 2), ["close", 4413]);
  assert.deepEqual(ends[1][4], ["small", "x".repeat(11), "later"]);
});

durableTest(stage, "one that selects nothing is tried again; each failure names that cause", async (it) => {
  const { page, peers, open } = it;
  await page.evaluate((url) => {
    globalThis.causes = [];
    open(url, { reconnect: { maxAttempts: 5 } });
    socket.addEventListener("statechange", ({ cause }) => cause && causes.push([cause.code, cause.message]));
  }, peers.url);
  const { causes, last } = await page.evaluate(async () => {
    await socket.closed;
    return { causes, last: log.map(([type]) => type) };
  });
  // Chromium fails the connection, which can't be told from a network that does.
  assert.deepEqual(causes.map(([code]) => code), ["refused", "refused", "refused", "refused", "attempts"]);
  for (const [, message] of causes.slice(0, 4)) assert.match(message, /tautline\.v1/);
  assert.deepEqual(last, ["error", "close"]);
  assert.equal(peers.offers.length, 5);
}, { select: () => false });

durableTest(stage, "one that a browser shows as open with another subprotocol is given up after three", async (it) => {
  const { page, peers } = it;
  await page.evaluate((url) => {
    // Firefox opens it, and says so by an empty `protocol`.
    globalThis.Own = WebSocket;
    globalThis.WebSocket = class extends Own {
      get protocol() {
        return "";
      }
    };
    open(url);
    socket.send("kept");
  }, peers.url);
  const seen = await page.evaluate(async () => {
    await socket.closed;
    globalThis.WebSocket = Own;
    return { log, code: await codeOf(socket.opened), words };
  });
  assert.deepEqual(seen.log, [["error", "unsupported"], ["close", 1006, "", false, ["kept"]]]);
  assert.equal(seen.code, "unsupported");
  assert.match(seen.words[0], /does not speak tautline\.v1/);
  assert.equal(peers.count, 3);
  for (let n = 0; n < 3; n++) assert.deepEqual((await (await peers.next()).end()).frames, [], "not even a HELLO");
});

durableTest(stage, "one that never answers HELLO is given up after three tries", async ({ page, peers, open }) => {
  await open({ connectTimeout: 60 });
  const { code, log } = await page.evaluate(async () => ({ code: await codeOf(socket.opened), log }));
  assert.equal(code, "unsupported");
  assert.deepEqual(log, [["error", "unsupported"], ["close", 1006, "", false, []]]);
  assert.equal(peers.count, 3);
});

durableTest(stage, "one that has answered once is never given up for silence", async ({ page, peers, open }) => {
  await open({ connectTimeout: 60 });
  (await peers.greet()).cut();
  for (let n = 0; n < 4; n++) await (await peers.next()).until("hello");
  const last = await peers.greet({ resumed: true });
  await page.evaluate(() => seen("open", 2));
  assert.equal(last.hello.attempt, 6);
});
