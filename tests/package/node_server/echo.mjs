// The application of the programs of this folder: every message goes back once; and what `/health` says of it.

import { setTimeout as delay } from "node:timers/promises";

import { wishesOf } from "./flags.mjs";

/** Takes every message, as slowly as was asked for, and sends it back. Rejects where anything but an end comes of it. */
export async function echo(session, { url }) {
  const { takeMs, push, size } = wishesOf(url);
  try {
    await Promise.all([echoAll(session, takeMs), flood(session, push, size)]);
  } catch (error) {
    if (error.code !== "closed") throw error;
  }
}

async function echoAll(session, takeMs) {
  const messages = session[Symbol.asyncIterator]();
  for (;;) {
    if (takeMs > 0) await delay(takeMs);
    const { done, value } = await messages.next();
    if (done) return;
    try {
      await session.send(value);
    } catch (error) {
      if (error.code !== "too-big") throw error;
      await session.close(4413, error.message);
    }
  }
}

async function flood(session, count, size) {
  for (let n = 1; n <= count; n++) await session.send(`{"n":${n}}`.padEnd(size));
}

/** What `GET /health` answers; `accepted` and `plain` are connections so far and open plain ones. */
export function healthOf(sessions, accepted, plain) {
  const { sessions: count, attached, connections, heldBytes } = sessions.stats();
  return {
    status: "ok",
    connections: connections + plain,
    accepted,
    sessions: count,
    attached,
    heldBytes,
    uptimeMs: Math.floor(performance.now()),
  };
}

/** Forgets every session, as a process that ends does: what `POST /sessions/forget` answers. */
export function forgetAll(sessions) {
  const forgotten = sessions.stats().sessions;
  sessions.forget();
  return { forgotten };
}
