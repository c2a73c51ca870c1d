// The growth `outbox`: what it costs to accept one message while 10, 1,000 or 100,000 wait in the outbox, as there is no connection
// yet; and, once there is one, to send it and have it back.
//
// A few messages are too quick to be timed, so that is done again and again, each time with a socket of its own.

import { connect } from "/pkg/index.js";

import { check, messagesOf } from "../messages.js";

const STEPS = [
  { messages: 10, times: 200 },
  { messages: 1000, times: 20 },
  { messages: 100_000, times: 2 },
];

export async function grow(client, { urlOf, quick }) {
  const accept = [];
  const drain = [];
  await fillAndDrain(client, urlOf, 1000);
  for (const { messages, times } of STEPS) {
    const share = quick ? Math.ceil(times / 4) : times;
    let [accepting, draining] = [0, 0];
    for (let i = 0; i < share; i++) {
      const took = await fillAndDrain(client, urlOf, messages);
      accepting += took.accepting;
      draining += took.draining;
    }
    accept.push([messages, (accepting * 1000) / (messages * share)]);
    drain.push([messages, (draining * 1000) / (messages * share)]);
  }
  const series = { x: "messages in the outbox", unit: "µs/message" };
  return [{ ...series, part: "accept", points: accept }, { ...series, part: "drain", points: drain }];
}

async function fillAndDrain({ isRust, isDurable, wasm }, urlOf, count) {
  const url = urlOf({ server: "tautline" }, "/echo");
  if (isRust) {
    const [accepting, draining] = await wasm.fill_and_drain(url, count);
    return { accepting, draining };
  }
  const { make } = messagesOf("json");
  const socket = connect(url, {
    durable: isDurable,
    outbox: { messages: count },
    inbox: { messages: Math.max(count, 4096) },
  });
  // Nothing is open before this turn ends.
  const start = performance.now();
  let accepted;
  for (let n = 1; n <= count; n++) accepted = socket.send(make(n));
  const accepting = performance.now() - start;
  await accepted;
  if (socket.stats().outbox.messages !== count) throw new Error(`not all ${count} messages were in the outbox`);

  await socket.opened;
  const opened = performance.now();
  let due = 1;
  for await (const message of socket) {
    check(messagesOf("json"), message, due++);
    if (due > count) break;
  }
  const draining = performance.now() - opened;
  await socket.close();
  return { accepting, draining };
}
