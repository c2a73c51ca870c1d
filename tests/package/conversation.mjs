// What an application in apps/ and a test say to each other: the application reports each step in a line, and the test
// answers by cutting and mending the link. The same for a page, a worker and a program.

import assert from "node:assert/strict";

const PATIENCE = 30_000;

/** What a promise gives, which must not take for ever. */
export async function within(ms, what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${ms / 1000} s for ${what}`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** The lines that an application says, one after the other. */
export class Transcript {
  #lines = [];
  #heard = 0;
  #wake = () => {};
  #fail;
  /** Rejects once something has gone wrong, or nothing more is to come. */
  failed = new Promise((_, reject) => (this.#fail = reject));

  constructor() {
    this.failed.catch(() => {});
  }

  say(line) {
    this.#lines.push(line);
    this.#wake();
  }

  fail(error) {
    this.#fail(new Error(`${error.message}\nafter ${JSON.stringify(this.#lines)}`, { cause: error }));
  }

  async next() {
    if (this.#heard === this.#lines.length) {
      const said = new Promise((resolve) => (this.#wake = resolve));
      const next = Promise.race([said, this.failed]);
      await within(PATIENCE, `what comes after ${JSON.stringify(this.#lines)}`, next);
    }
    return this.#lines[this.#heard++];
  }
}

/** Cuts the link, and mends it after these steps, whatever becomes of them. */
async function withoutLink(proxy, steps) {
  proxy.cut();
  try {
    await steps();
  } finally {
    proxy.mend();
  }
}

/** Listens to talk.js. */
export async function holdConversation(transcript, proxy) {
  assert.equal(await transcript.next(), 'echo of {"hello":"wörld 🪢"}');
  await withoutLink(proxy, async () => assert.equal(await transcript.next(), "waiting with 3 messages"));
  for (const n of [1, 2, 3]) assert.equal(await transcript.next(), `echo of {"n":${n}}`);
  assert.equal(await transcript.next(), "closed with 1000 after 1 reconnect");
}

/** Listens to talk_websocket.js. */
export async function holdWebSocketConversation(transcript, proxy) {
  assert.equal(await transcript.next(), "echo of hello");
  await withoutLink(proxy, async () => assert.equal(await transcript.next(), "connecting with 3 bytes"));
  assert.equal(await transcript.next(), "echoes of 1,22");
  assert.equal(await transcript.next(), "closed with 1000");
}

/** Looks at chat.js, and clicks. */
export async function holdChat(_transcript, proxy, page) {
  const shows = (text) => page.getByRole("button", { name: text }).waitFor({ timeout: PATIENCE });
  const click = () => page.getByRole("button").click();
  await shows("open: nothing yet");
  await click();
  await shows("open: hello 1");
  await withoutLink(proxy, async () => {
    await shows(/^(waiting|connecting): hello 1$/);
    await click();
  });
  await shows("open: hello 2");
}

/**
 * Opens a page whose application is told by its address where the server is, and hears what it says. Whatever goes wrong
 * in the page ends the `conversation`; that an attempt failed is what the browser itself says on the console.
 */
export async function visit(browser, address, proxy, conversation = holdConversation) {
  const page = await browser.newPage();
  const transcript = new Transcript();
  page.on("console", (message) => {
    const text = message.text();
    if (message.type() === "log") transcript.say(text);
    // The browser's own words on what it asks for by itself, and on each attempt that fails.
    const expected = /favicon\.ico$/.test(message.location().url) || /^WebSocket connection to .* failed/.test(text);
    if (message.type() === "error" && !expected) transcript.fail(new Error(text));
  });
  page.on("pageerror", (error) => transcript.fail(error));
  page.on("requestfailed", (request) => {
    transcript.fail(new Error(`${request.url()}: ${request.failure().errorText}`));
  });
  try {
    const url = new URL(address);
    url.searchParams.set("server", `${proxy.url}/echo`);
    await page.goto(url.href);
    await Promise.race([conversation(transcript, proxy, page), transcript.failed]);
  } finally {
    await page.close();
  }
}
