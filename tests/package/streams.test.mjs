// `tautline/streams` in a plain page of a real browser, against the real server: both directions, with backpressure.

import assert from "node:assert/strict";
import { test } from "node:test";

import { useStage } from "./stage.mjs";

const PATIENCE = 20_000;
const PAGE = `<!doctype html>
<meta charset="utf-8">
<script type="importmap">
  { "imports": {
    "tautline": "/node_modules/tautline/index.js",
    "tautline/streams": "/node_modules/tautline/streams.js"
  } }
</script>
<script type="module">
  import { connect, TautlineError } from "tautline";
  import { streams } from "tautline/streams";
  /** Waits until it is so. */
  const until = async (isSo) => {
    while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  /** The code of the error that it throws or rejects with; "" where it does not. */
  const codeOf = async (act) => {
    try {
      await act();
      return "";
    } catch (error) {
      return error instanceof TautlineError ? error.code : String(error);
    }
  };
  const collect = async (readable, count) => {
    const reader = readable.getReader();
    const values = [];
    while (values.length < count) values.push((await reader.read()).value);
    reader.releaseLock();
    return values;
  };
  Object.assign(globalThis, { connect, streams, until, codeOf, collect });
  document.title = "ready";
</script>`;

const stage = useStage({ html: PAGE });

/** A test in the page, which must end within its time, with this. */
const inPage = (name, run, expected) =>
  test(name, { timeout: PATIENCE }, async () => assert.deepEqual(await stage.page.evaluate(run), expected));

inPage("what is written comes back to be read, and the socket's end is the end of both", async () => {
  const socket = connect("/echo");
  const { readable, writable } = streams(socket);
  const writer = writable.getWriter();
  for (const message of ["a", "b", "c"]) await writer.write(message);
  const echoes = await collect(readable, 3);
  await socket.close();
  const { done } = await readable.getReader().read();
  return [echoes, done, await codeOf(() => writer.closed)];
}, [["a", "b", "c"], true, "closed"]);

inPage("what arrived before the end is read before it", async () => {
  const socket = connect("/echo", { codec: "text" });
  const { readable, writable } = streams(socket);
  const writer = writable.getWriter();
  await writer.write("1");
  await writer.write("2");
  await until(() => socket.stats().inbox.messages === 2);
  await socket.close();
  const messages = await collect(readable, 2);
  return [messages, (await readable.getReader().read()).done];
}, [["1", "2"], true]);

inPage("a read that waits ends with the socket", async () => {
  const socket = connect("/echo");
  const read = streams(socket).readable.getReader().read();
  await socket.opened;
  await socket.close();
  return (await read).done;
}, true);

inPage("nothing is read ahead: a message is taken when it is read", async () => {
  const socket = connect("/echo?flood=3");
  const { readable } = streams(socket);
  const waiting = () => socket.stats().inbox.messages;
  await until(() => waiting() === 3);
  const loads = [waiting()];
  const numbers = [];
  const reader = readable.getReader();
  for (let n = 0; n < 3; n++) {
    numbers.push((await reader.read()).value.n);
    loads.push(waiting());
    if (n === 1) {
      // Neither does time.
      await new Promise((resolve) => requestAnimationFrame(resolve));
      loads.push(waiting());
    }
  }
  await socket.close();
  return [loads, numbers];
}, [[3, 2, 1, 1, 0], [1, 2, 3]]);

inPage("a slow reader leaves the messages in the inbox, within its bounds", async () => {
  const socket = connect("/echo?flood=100", { inbox: { messages: 10 }, reconnect: false });
  const { readable } = streams(socket);
  let code;
  socket.addEventListener("error", ({ error }) => ({ code } = error));
  await socket.closed;
  const messages = [];
  for await (const message of readable) messages.push(message);
  return [code, messages.length, messages.every(({ n }, index) => n === index + 1)];
}, ["overflow", 10, true]);

inPage("through a pipe, only what the slowest part asks for is taken", async () => {
  const socket = connect("/echo?flood=50");
  await until(() => socket.stats().inbox.messages === 50);
  let written = 0;
  let ahead = 0;
  const abort = new AbortController();
  const slow = new WritableStream({
    async write() {
      written++;
      await new Promise((resolve) => setTimeout(resolve));
      ahead = Math.max(ahead, 50 - socket.stats().inbox.messages - written);
      if (written === 50) abort.abort();
    },
  });
  await streams(socket).readable.pipeTo(slow, { signal: abort.signal }).catch(() => {});
  await socket.close();
  return [ahead <= 1, written];
}, [true, 50]);

test("while there is no link a writer is held back as soon as the outbox is full", { timeout: PATIENCE }, async () => {
  stage.proxy.cut();
  const held = await stage.page.evaluate(async (url) => {
    globalThis.socket = connect(url, { outbox: { messages: 4 }, reconnect: { minDelay: 10, maxDelay: 50 } });
    globalThis.pulled = 0;
    const source = new ReadableStream(
      { pull: (controller) => (++pulled === 20 ? controller.close() : controller.enqueue(pulled)) },
      { highWaterMark: 0 },
    );
    const { writable } = streams(socket);
    globalThis.echoes = [];
    socket.addEventListener("message", ({ data }) => echoes.push(data));
    globalThis.piped = source.pipeTo(writable);
    await until(() => socket.stats().outbox.messages === 4);
    await until(() => socket.state === "waiting");
    await until(() => socket.state === "connecting");
    return pulled;
  }, `${stage.proxy.url}/echo`);
  assert.equal(held, 5, "four are accepted, one waits");
  stage.proxy.mend();
  const [pulled, state, echoes] = await stage.page.evaluate(async () => {
    await piped;
    await until(() => echoes.length === 19);
    return [globalThis.pulled, socket.state, echoes];
  });
  assert.deepEqual([pulled, state], [20, "open"]);
  assert.deepEqual(echoes, Array.from({ length: 19 }, (_, index) => index + 1));
});

test("a server that does not read holds a writer back; the next connection goes on", { timeout: 60_000 }, async () => {
  const CHUNKS = 160;
  const { held, desired } = await stage.page.evaluate(async (chunks) => {
    const options = { codec: "bytes", outbox: { messages: 4 }, reconnect: { minDelay: 10, maxDelay: 50 } };
    globalThis.socket = connect("/echo?name=deaf&silent=1&times=1", options);
    await socket.opened;
    // The echoes are not the matter here.
    socket.addEventListener("message", () => {});
    globalThis.writer = streams(socket).writable.getWriter();
    globalThis.written = 0;
    globalThis.all = (async () => {
      for (let n = 0; n < chunks; n++) {
        await writer.ready;
        writer.write(new Uint8Array(256 * 1024)).then(() => written++);
      }
      await writer.close();
    })();
    // It stands still when for a while nothing more is accepted.
    for (let before = -1, still = 0; still < 20; await new Promise((resolve) => setTimeout(resolve, 20))) {
      still = written === before && socket.stats().outbox.messages === 4 ? still + 1 : 0;
      before = written;
    }
    return { held: written, desired: writer.desiredSize };
  }, CHUNKS);
  assert.ok(held < CHUNKS / 2, `${held} messages of 256 KiB are more than the system's buffers hold`);
  assert.equal(desired, 0);
  await fetch(`${stage.server.url}/faults/deaf?reset=1`, { method: "POST" });
  const { written, waiting, state } = await stage.page.evaluate(async () => {
    await all;
    return { written: globalThis.written, waiting: socket.stats().outbox.messages, state: socket.state };
  });
  assert.deepEqual({ written, waiting, state }, { written: CHUNKS, waiting: 0, state: "open" });
});

test("closing `writable` waits for what is queued, and leaves the socket open", { timeout: PATIENCE }, async () => {
  stage.proxy.cut();
  const early = await stage.page.evaluate(async (url) => {
    globalThis.socket = connect(url, { reconnect: { minDelay: 10, maxDelay: 50 } });
    globalThis.halves = streams(socket);
    const writer = halves.writable.getWriter();
    await writer.write("queued");
    globalThis.closed = false;
    globalThis.closing = writer.close().then(() => (closed = true));
    await until(() => socket.state === "waiting");
    return closed;
  }, `${stage.proxy.url}/echo`);
  assert.equal(early, false);
  stage.proxy.mend();
  const seen = await stage.page.evaluate(async () => {
    await closing;
    const atClose = [socket.stats().outbox.messages, socket.state];
    await socket.send("later");
    return [...atClose, await collect(halves.readable, 2)];
  });
  assert.deepEqual(seen, [0, "open", ["queued", "later"]]);
});

test("reading and writing go on over a cut", { timeout: PATIENCE }, async () => {
  await stage.page.evaluate(async (url) => {
    globalThis.socket = connect(url, { reconnect: { minDelay: 10, maxDelay: 50 } });
    globalThis.halves = streams(socket);
    globalThis.writer = halves.writable.getWriter();
    await writer.write("before");
    await collect(halves.readable, 1);
  }, `${stage.proxy.url}/echo`);
  stage.proxy.cut();
  await stage.page.evaluate(async () => {
    await until(() => socket.state !== "open");
    globalThis.next = collect(halves.readable, 1);
    await writer.write("meanwhile");
  });
  stage.proxy.mend();
  assert.deepEqual(await stage.page.evaluate(() => next), ["meanwhile"]);
});

inPage("one consumer: a listener or an iterator, or `readable`, and whoever only writes is none", async () => {
  const socket = connect("/echo");
  const listener = () => {};
  const first = streams(socket);
  const codes = [];
  // Both halves are there, and nobody has asked for `readable` yet.
  socket.addEventListener("message", listener);
  codes.push(await codeOf(() => first.readable));
  socket.removeEventListener("message", listener);
  const iterator = socket[Symbol.asyncIterator]();
  codes.push(await codeOf(() => first.readable));
  await iterator.return();
  codes.push(await codeOf(() => first.readable));
  codes.push(await codeOf(() => socket.addEventListener("message", listener)));
  await first.readable.cancel();
  codes.push(await codeOf(() => socket.addEventListener("message", listener)));
  await socket.close();
  return codes;
}, ["consumer", "consumer", "", "consumer", ""]);

inPage("cancelling and aborting leave the socket open, and its messages to the next", async () => {
  const socket = connect("/echo");
  const first = streams(socket);
  const reader = first.readable.getReader();
  await first.writable.getWriter().write("one");
  const waiting = reader.read();
  const one = (await waiting).value;
  const never = reader.read();
  await reader.cancel("enough");
  await never;
  const state = socket.state;
  await socket.send("two");
  await until(() => socket.stats().inbox.messages === 1);
  const second = streams(socket);
  const two = await collect(second.readable, 1);
  await second.writable.abort("enough");
  await socket.send("sent");
  const [sent] = await collect(second.readable, 1);
  return [state, [one], two, sent, socket.state];
}, ["open", ["one"], ["two"], "sent", "open"]);

inPage("bytes go through a TextDecoderStream, characters cut in two among them", async () => {
  const socket = connect("/echo", { codec: "bytes" });
  const { readable, writable } = streams(socket);
  const bytes = new TextEncoder().encode("wörld 🪢");
  const writer = writable.getWriter();
  for (const byte of bytes) await writer.write(new Uint8Array([byte]));
  await until(() => socket.stats().inbox.messages === bytes.length);
  await socket.close();
  let text = "";
  for await (const part of readable.pipeThrough(new TextDecoderStream())) text += part;
  return [text];
}, ["wörld 🪢"]);

inPage("a socket pipes into another, and ends it no more than itself", async () => {
  const from = connect("/echo");
  const to = connect("/echo");
  const abort = new AbortController();
  const piped = streams(from).readable.pipeTo(streams(to).writable, { signal: abort.signal }).catch(() => {});
  await from.send("a");
  await from.send("b");
  const echoes = await collect(streams(to).readable, 2);
  abort.abort();
  await piped;
  const states = [from.state, to.state];
  await Promise.all([from.close(), to.close()]);
  return [echoes, ...states];
}, [["a", "b"], "open", "open"]);

inPage("a pipe into a socket that closes for good fails with `closed`, and its source is let go", async () => {
  const socket = connect("/echo?close=4000&after=1", { reconnect: false });
  let cancelled;
  const source = new ReadableStream({
    pull: async (controller) => {
      await new Promise((resolve) => setTimeout(resolve));
      controller.enqueue("again");
    },
    cancel: (reason) => (cancelled = reason.code),
  });
  const { writable } = streams(socket);
  const code = await codeOf(() => source.pipeTo(writable));
  return [code, cancelled, await codeOf(() => writable.getWriter().write("late"))];
}, ["closed", "closed", "closed"]);

inPage("a message that can't be decoded is an error event, and the next one is read", async () => {
  const socket = connect("/echo?greet=%7Bno");
  const codes = [];
  socket.addEventListener("error", ({ error }) => codes.push(error.code));
  const { readable } = streams(socket);
  await socket.send("fine");
  const [message] = await collect(readable, 1);
  await socket.close();
  return [codes, message];
}, [["decode"], "fine"]);

inPage("a message that can't be encoded fails its write, and the stream", async () => {
  const socket = connect("/echo");
  const writer = streams(socket).writable.getWriter();
  await socket.opened;
  const codes = [await codeOf(() => writer.write(() => {})), await codeOf(() => writer.closed)];
  return [...codes, socket.state];
}, ["encode", "encode", "open"]);

inPage("streams that nobody uses disturb nobody", async () => {
  const socket = connect("/echo");
  streams(socket);
  streams(socket);
  await socket.opened;
  return socket.close();
}, { code: 1000, reason: "", wasClean: true });

inPage("a read and a cancel in one turn lose nothing", async () => {
  const socket = connect("/echo?greet=1");
  await until(() => socket.stats().inbox.messages === 1);
  const reader = streams(socket).readable.getReader();
  const read = reader.read();
  await reader.cancel();
  const seen = [(await read).done];
  for await (const message of socket) {
    seen.push(message);
    break;
  }
  await socket.close();
  return seen;
}, [true, 1]);
