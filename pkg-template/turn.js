// The end of the present turn of the event loop, as a task of its own, and what may wait for it. Not a timer: browsers clamp
// those, and delay them in hidden tabs.

/** Messages that follow each other sooner than this, in ms, are a row. */
export const GATHER = 0.1;
/** Of those that come in so many are one at most, each below so many bytes, or code units. */
export const MOST = 64;
export const LONG = 8192;
/** And only where an inbox has room for at least so many. */
export const ROOMY = 1024;

const callbacks = [];
let channel;

export function endOfTurn(callback) {
  // Node, Deno and Bun, which an open channel would keep alive.
  if (typeof setImmediate === "function") setImmediate(callback);
  else if (typeof MessageChannel === "function") {
    callbacks.push(callback);
    if (!channel) {
      channel = new MessageChannel();
      channel.port1.onmessage = () => callbacks.shift()();
    }
    channel.port2.postMessage(0);
  } else setTimeout(callback);
}
