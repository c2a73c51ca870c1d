// The end of the present turn of the event loop, as a task of its own. Not a timer: browsers clamp those, and delay them in
// hidden tabs.

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
