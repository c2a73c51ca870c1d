// The growth `sockets`: what one message of the echo costs with one socket, and with 10, 100 and 1,000 that are open at once. The
// messages are as many each time, spread over the sockets, which all send at once. A durable one has 800 at least: with fewer
// its frames would be smaller, and that is what would be measured.
//
// Chromium opens no more than 255 WebSockets at a time, in all its pages together, and has no documented switch for it: there the
// last step is 250. Firefox is told by a preference how many it may open; what it tells is a work of its own, `sockets-firefox`.
//
// The browser's own socket costs more where the same frames go over more of them. So what a durable client costs is seen beside
// as many bytes in frames as large as its own, over as many of the browser's sockets: the client `websocket-frames`.

import { load } from "../clients.js";
import { check, messagesOf } from "../messages.js";
import { echo } from "../works/echo.js";

const MESSAGES = { once: 20_000, durable: 200_000 };
/** Of a socket, at least. */
const LEAST = { once: 20, durable: 800 };
/** Each step is measured so often, and the median counts. */
const TURNS = 5;
const IS_CHROMIUM = "userAgentData" in navigator;
const STEPS = [1, 10, 100, IS_CHROMIUM ? 250 : 1000];
const WORK = IS_CHROMIUM ? "sockets" : "sockets-firefox";

/** A durable client's frames are about so long, and it has about so many on their way: its outbox has room for 1,024 messages. */
const FRAME = 16 * 1024;
const FRAMES_IN_FLIGHT = 6;

export async function grow(client, { urlOf, quick }) {
  const kind = client.isDurable ? "durable" : "once";
  const share = quick ? 0.25 : 1;
  const countOf = (sockets) => Math.max(MESSAGES[kind], LEAST[kind] * sockets) * share;
  const over = (channel, count) => echo(client, channel, "json", count);
  const series = [seriesOf(client.name, await costs(client, "json", urlOf, countOf, over))];
  if (client.isDurable) {
    const perFrame = FRAME / messagesOf("json").bytes;
    const points = await costs(await load("websocket"), FRAME, urlOf, (sockets) => countOf(sockets) / perFrame, echoFrames);
    series.push(seriesOf("websocket-frames", points.map(([sockets, cost]) => [sockets, cost / perFrame])));
  }
  return series;
}

const seriesOf = (client, points) => ({ work: WORK, client, x: "sockets", unit: "µs/message", points });

/** At each step the microseconds of one message, of as many as `countOf` says. */
async function costs(client, payload, urlOf, countOf, over) {
  const channels = [];
  const points = [];
  for (const sockets of STEPS) {
    // One after the other: Chromium makes those wait for seconds that are opened beside many others.
    while (channels.length < sockets) channels.push(await client.open(urlOf(client, "/echo"), { payload }));
    const took = [];
    const messages = countOf(sockets);
    await echoOverAll(channels, messages / 4, over);
    for (let turn = 0; turn < TURNS; turn++) took.push(await echoOverAll(channels, messages, over));
    points.push([sockets, took.sort((a, b) => a - b)[TURNS >> 1]]);
  }
  await Promise.all(channels.map((channel) => channel.close()));
  return points;
}

/** The microseconds of one message. */
async function echoOverAll(channels, messages, over) {
  const each = Math.ceil(messages / channels.length);
  const start = performance.now();
  await Promise.all(channels.map((channel) => over(channel, each)));
  const ms = performance.now() - start;
  return (ms * 1000) / (each * channels.length);
}

/** Fewer are on their way than `echo` has, which would fill the memory with frames. */
async function echoFrames(channel, count) {
  const messages = messagesOf(FRAME);
  let [sent, due] = [0, 1];
  const fill = () => {
    while (sent < count && sent - due + 1 < FRAMES_IN_FLIGHT) channel.send(messages.make(++sent));
  };
  const receiving = channel.receive((message) => {
    check(messages, message, due++);
    fill();
    return due > count;
  });
  fill();
  await receiving;
}
