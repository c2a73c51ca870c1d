// The growth `sockets`: what one message of the echo costs with one socket, and with 10, 100 and 1,000 that are open at once. The
// messages are as many each time, or more where there are many sockets, as they go over each of them: in bouts, ten at a time, so
// that from ten sockets on as many messages are on their way.
//
// Where all sockets are busy at once, something else is measured. All their outboxes together are more than any cache holds, and
// Chromium takes a thousand bytes at a time from a socket that brings less than a megabyte a second, as each of 250 does: it reads
// fifty times as often then, for the same frames, whoever the client is.
//
// Chromium opens no more than 255 WebSockets at a time, in all its pages together, and has no documented switch for it: there the
// last step is 250. Firefox is told by a preference how many it may open; what it tells is a work of its own, `sockets-firefox`.
//
// Firefox polls all sockets that it has open, whoever's they are, for each piece that it reads: ten durable ones cost half as much
// again beside a thousand of the browser's own that rest. So there are about as many at each step, and those that the client has
// not opened yet are the browser's.

import { echo } from "../works/echo.js";

const IS_CHROMIUM = "userAgentData" in navigator;
const MESSAGES = { once: 20_000, durable: IS_CHROMIUM ? 320_000 : 200_000 };
/**
 * A durable one's fills its outbox several times: fewer would leave all at once, in a burst. In Chromium there are more: where a
 * socket has rested, its bouts take some 2 to 4 ms longer there, as it reads in small pieces until it has seen that much comes.
 */
const BOUT = { once: 200, durable: IS_CHROMIUM ? 16_000 : 4_000 };
const BUSY = 10;
/** Each step is measured so often, and the median counts; once in a quick run. */
const TURNS = 3;
const STEPS = [1, 10, 100, IS_CHROMIUM ? 250 : 1000];
const WORK = IS_CHROMIUM ? "sockets" : "sockets-firefox";
/**
 * How many of the browser's own are open before the first of the client's. Beyond a thousand in all Firefox opens no other, whatever
 * it is told: room is left for one more while they are exchanged.
 */
const FILLED = IS_CHROMIUM ? 0 : 950;

export async function grow(client, { urlOf, quick }) {
  const kind = client.isDurable ? "durable" : "once";
  const channels = [];
  const fillers = [];
  const points = [];
  try {
    // One after the other: Chromium makes those wait for seconds that are opened beside many others.
    while (fillers.length < FILLED) fillers.push(await openFiller(urlOf({ server: "tautline" }, "/echo")));
    for (const sockets of STEPS) {
      while (channels.length < sockets) {
        channels.push(await client.open(urlOf(client, "/echo"), { payload: "json" }));
        if (fillers.length > 0) await closeFiller(fillers.pop());
      }
      const bouts = Math.max(MESSAGES[kind] / BOUT[kind], sockets);
      await echoInBouts(client, channels, bouts / 4, BOUT[kind]);
      const took = [];
      for (let turn = 0; turn < (quick ? 1 : TURNS); turn++) took.push(await echoInBouts(client, channels, bouts, BOUT[kind]));
      points.push([sockets, took.sort((a, b) => a - b)[took.length >> 1]]);
    }
  } finally {
    // The next client needs the room.
    await Promise.allSettled([...channels.map((channel) => channel.close()), ...fillers.map(closeFiller)]);
  }
  return [{ work: WORK, client: client.name, x: "sockets", unit: "µs/message", points }];
}

/** One that rests. */
async function openFiller(url) {
  const socket = new WebSocket(url);
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onclose = ({ code }) => reject(new Error(`a WebSocket that was to rest closed with ${code}`));
  });
  return socket;
}

async function closeFiller(socket) {
  if (socket.readyState !== WebSocket.OPEN) throw new Error("a WebSocket that was to rest is closed");
  const closed = new Promise((resolve) => (socket.onclose = resolve));
  socket.close();
  await closed;
}

/** So many bouts, on each channel in turn; the microseconds of one message. */
async function echoInBouts(client, channels, bouts, messages) {
  const resting = [...channels];
  let begun = 0;
  const echoing = async () => {
    while (begun < bouts) {
      begun++;
      const channel = resting.shift();
      await echo(client, channel, "json", messages);
      resting.push(channel);
    }
  };
  const start = performance.now();
  await Promise.all(Array.from({ length: Math.min(BUSY, channels.length) }, echoing));
  return ((performance.now() - start) * 1000) / (begun * messages);
}
