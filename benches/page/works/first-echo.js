// The work `first-echo`: from the import of a client to the first reply. In a fresh frame.

import { load } from "../clients.js";
import { echo } from "./echo.js";

export async function measure(name, { payload, urlOf }) {
  const start = performance.now();
  const client = await load(name);
  const channel = await client.open(urlOf(client, "/echo"), { payload });
  await echo(client, channel, payload, 1);
  const ms = performance.now() - start;
  await channel.close();
  return { "first-echo": { ms } };
}
