// The end of the present turn of the event loop, as a task of its own. Not a timer: browsers clamp those, and delay them in
// hidden tabs.

const callbacks = [];
let port;

export function endOfTurn(callback) {
  // Node, Deno and Bun, which an open channel would keep alive.
  if (typeof setImmediate === "function") setImmediate(callback);
  else if (typeof MessageChannel === "function") {
    callbacks.push(callback);
    (port ??= openPort()).postMessage(0);
  } else setTimeout(callback);
}

/** Whatever comes in at one end runs the oldest callback at the other. */
function openPort() {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => callbacks.shift()();
  return port2;
}
