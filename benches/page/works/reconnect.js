// The work `reconnect`: from the cut of the connection to the first reply after it. The server is there again at once, so this is
// the client's own delay.

import { messagesOf } from "../messages.js";
import { openRelay } from "../runner.js";
import { echo } from "./echo.js";

/** How often a message is sent meanwhile: those of the first moments may be lost. */
const PROBE_MS = 20;

export async function measure(client, { payload }) {
  const relay = await openRelay(client.server);
  try {
    const channel = await client.open(`${relay.url}/echo`, { payload, recovers: true });
    // Nothing is under way when it is cut: whatever comes has gone over the next connection.
    await echo(client, channel, payload, 1);
    const start = performance.now();
    await relay.cut();
    await (client.isRust ? channel.reach(PROBE_MS) : reach(channel, messagesOf(payload)));
    const ms = performance.now() - start;
    await channel.close();
    return { reconnect: { ms } };
  } finally {
    await relay.stop();
  }
}

/** Sends again and again, until a message is back. */
async function reach(channel, { make }) {
  let n = 1;
  const probing = setInterval(() => channel.send(make(++n)), PROBE_MS);
  try {
    await channel.receive(() => true);
  } finally {
    clearInterval(probing);
  }
}
