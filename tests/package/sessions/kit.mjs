// What the conformance suites stand on: a server for the tests of a suite, whatever program it is, conditions to wait
// for, a session that must not notice anything, and what a server's memory has come to.

import assert from "node:assert/strict";
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { after, before } from "node:test";

import { within } from "../conversation.mjs";
import { connect } from "./client.mjs";

export const PATIENCE = 60_000;

/**
 * Starts a server for the tests that follow, which must end with 0. `serve(...flags)` starts one: { url, stop }. Its
 * `url` is the result's once a test runs.
 */
export function useServer(serve, ...flags) {
  const stage = { url: "", neighbour: null };
  let server;
  before(async () => {
    server = await serve(...flags);
    stage.url = server.url;
  });
  after(async () => {
    await stage.neighbour?.leave();
    if (server) assert.equal(await server.stop(), 0, "the server ends with 0 on SIGTERM");
  });
  return stage;
}

/** The same, with a session on it that must not notice anything: `neighbour`. */
export function useInhabitedServer(serve, ...flags) {
  const stage = useServer(serve, ...flags);
  before(async () => {
    const neighbour = new Neighbour(stage.url);
    await neighbour.goesOn();
    stage.neighbour = neighbour;
  });
  return stage;
}

/** Waits until it is so. */
export async function until(isSo, what, patience = PATIENCE) {
  const end = performance.now() + patience;
  while (!(await isSo())) {
    assert.ok(performance.now() < end, `waited ${patience / 1000} s until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Takes the next `count` messages. */
export async function takeFrom(session, count) {
  const messages = [];
  while (messages.length < count) {
    const next = session.next();
    const { done, value } = await within(PATIENCE, `message ${messages.length + 1} of ${count}`, next);
    if (done) {
      const { code, reason } = session.ended;
      throw new Error(`ended with ${code} ${reason} after ${messages.length} of ${count} messages`);
    }
    messages.push(value);
  }
  return messages;
}

/** Ends a client and its session; whatever state it is in. */
export async function leave(client) {
  await client.close(1000, "", { timeout: 1000 });
}

/** Waits until a client that does not read has brought everything to a halt: it stands at a limit that stays. */
export async function untilHeld(client) {
  let limit = -1;
  let still = 0;
  const isStill = () => {
    const isHeld = client.outbox.standsAtLimit && client.outbox.limit === limit;
    limit = client.outbox.limit;
    still = isHeld ? still + 1 : 0;
    return still === 100;
  };
  await until(isStill, "the server stopped at the limit");
}

/** A session of somebody else, for whom nothing may change. */
class Neighbour {
  #client;
  #count = 0;
  #disconnects = 0;

  constructor(url) {
    this.#client = connect(`${url}/echo`);
    this.#client.on("disconnect", () => this.#disconnects++);
  }

  /** Sends one message and has it back; no connection of it may have been lost. */
  async goesOn() {
    const message = `neighbour ${++this.#count}`;
    await this.#client.send(message);
    assert.deepEqual(await takeFrom(this.#client, 1), [message]);
    assert.equal(this.#disconnects, 0, "the neighbour keeps its connection");
  }

  async leave() {
    const { code, unacknowledged } = await this.#client.close();
    assert.deepEqual({ code, unacknowledged }, { code: 1000, unacknowledged: [] });
  }
}

/** That the server still answers. */
export async function isHealthy(url) {
  const { status } = await fetch(`${url}/health`);
  assert.equal(status, 200);
}

/** The process that listens on a port of this machine, as the system knows it. */
function listenerOf(url) {
  const port = Number(new URL(url).port).toString(16).toUpperCase().padStart(4, "0");
  const LISTEN = "0A";
  for (const line of readFileSync("/proc/net/tcp", "utf8").split("\n").slice(1)) {
    const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
    if (state !== LISTEN || !local.endsWith(`:${port}`)) continue;
    for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
      if (holds(pid, `socket:[${inode}]`)) return pid;
    }
  }
  throw new Error(`nothing listens on ${url}`);
}

function holds(pid, target) {
  const folder = `/proc/${pid}/fd`;
  const leadsTo = (fd) => orElse("", () => readlinkSync(`${folder}/${fd}`));
  return orElse([], () => readdirSync(folder)).some((fd) => leadsTo(fd) === target);
}

/** What may be somebody else's, or just gone. */
function orElse(fallback, read) {
  try {
    return read();
  } catch {
    return fallback;
  }
}

/** Runs `act`, in which the resident memory of the server's process must not grow by more than `bound` bytes. */
export async function boundedMemory(url, bound, act) {
  const process = `/proc/${listenerOf(url)}`;
  const peak = () => Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`${process}/status`, "utf8"))[1]) * 1024;
  // The peak is from now on.
  writeFileSync(`${process}/clear_refs`, "5");
  const before = peak();
  const result = await act();
  const grown = peak() - before;
  assert.ok(grown <= bound, `the server's memory grew by ${(grown / 2 ** 20).toFixed()} MiB`);
  return result;
}
