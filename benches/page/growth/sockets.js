// The growth `sockets`: what one message of the echo costs with one socket, and with 10, 100 and 1,000 that are open at once. The
// messages are as many each time, spread over the sockets, which all send at once.
//
// Chromium opens no more than 255 WebSockets at a time, in all its pages together, and has no documented switch for it: there the
// last step is 250. Firefox is told by a preference how many it may open.

import { echo } from "../works/echo.js";

const MESSAGES = { once: 20_000, durable: 200_000 };
/** Each step is measured so often, and the median counts. */
const TURNS = 5;
const MOST_IN_CHROMIUM = 250;

export async function grow(client, { urlOf, quick }) {
  const messages = MESSAGES[client.isDurable ? "durable" : "once"] / (quick ? 4 : 1);
  const channels = [];
  const points = [];
  for (const sockets of [1, 10, 100, "userAgentData" in navigator ? MOST_IN_CHROMIUM : 1000]) {
    // One after the other: Chromium makes those wait for seconds that are opened beside many others.
    while (channels.length < sockets) channels.push(await client.open(urlOf(client, "/echo"), { payload: "json" }));
    const took = [];
    await echoOverAll(client, channels, messages / 4);
    for (let turn = 0; turn < TURNS; turn++) took.push(await echoOverAll(client, channels, messages));
    points.push([sockets, took.sort((a, b) => a - b)[TURNS >> 1]]);
  }
  await Promise.all(channels.map((channel) => channel.close()));
  return [{ x: "sockets", unit: "µs/message", points }];
}

/** The microseconds of one message. */
async function echoOverAll(client, channels, messages) {
  const each = Math.ceil(messages / channels.length);
  const start = performance.now();
  await Promise.all(channels.map((channel) => echo(client, channel, "json", each)));
  const ms = performance.now() - start;
  return (ms * 1000) / (each * channels.length);
}
