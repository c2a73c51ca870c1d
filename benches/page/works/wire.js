// The work `wire`: the bytes on the TCP connection for each message of the echo, counted between the browser and the server. The
// handshake is left out.

import { openRelay } from "../runner.js";
import { echo } from "./echo.js";

export async function measure(client, { payload, count }) {
  const relay = await openRelay(client.server);
  try {
    const channel = await client.open(`${relay.url}/echo`, { payload });
    await echo(client, channel, payload, 1);
    const before = await relay.stats();
    await echo(client, channel, payload, count, 2);
    const after = await relay.stats();
    await channel.close();
    return { wire: { out: (after.bytesUp - before.bytesUp) / count, in: (after.bytesDown - before.bytesDown) / count } };
  } finally {
    await relay.stop();
  }
}
