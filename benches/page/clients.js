// The clients that are measured, by their names. In JavaScript each is a file of clients/, which the runner bundles as a page's
// build would; those in Rust are wasm of benches/rust, which does its works itself.
//
// A client: `{ name, isRust, isDurable, server, open(url, { payload, recovers }) }`. `open` resolves with a channel that is
// connected; `recovers` is for works that cut connections, and turns on what a server has against losses where that is an option.
//
// A channel in JavaScript:
//   send(message)    the message, encoded; where the client has backpressure, a promise of room
//   receive(take)    hands each message, decoded, to `take`, until that returns true; rejects where the channel ends before
//   close()
//
// A channel in Rust: `echo(count, inFlight)`, `push(count)` and `out(count)` resolve with milliseconds, `round_trips(count)` and
// `round_trips_busy(count, perSecond)` with the microseconds of each; `reach(every)` sends a message every so many milliseconds
// until one is back, `endure(trial, every)` sends and takes what a trial of works/loss.js says; and `close()`.
//
// Tautline's in Rust have `fill_and_drain` and `come_back` in `wasm`, for growth/.

import { CLIENTS } from "./plan.js";

const loaded = new Map();

/** Loads a client, once in a page or frame. */
export function load(name) {
  if (!loaded.has(name)) loaded.set(name, imported(name));
  return loaded.get(name);
}

async function imported(name) {
  const { language, isDurable } = CLIENTS[name];
  if (language === "JavaScript") {
    const { open, server = "tautline" } = await import(`/clients/${name}.js`);
    return { name, isRust: false, isDurable, server, open };
  }
  const wasm = await import(`/rust/${name}/${name}.js`);
  await wasm.default();
  return { name, isRust: true, isDurable, server: "tautline", open: (url, { payload }) => wasm.open(url, payload), wasm };
}
