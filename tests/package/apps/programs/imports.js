// Imports every entry, and says what was called meanwhile of all that could be noticed from outside.

import process from "node:process";

const called = new Set();

function trap(owner, name) {
  const notice = () => called.add(name);
  const trapped = new Proxy(owner[name], {
    apply: (target, self, args) => (notice(), Reflect.apply(target, self, args)),
    construct: (target, args) => (notice(), Reflect.construct(target, args)),
  });
  Object.defineProperty(owner, name, { value: trapped });
}

for (const name of ["Module", "Instance", "compile", "compileStreaming", "instantiate", "instantiateStreaming"]) {
  trap(WebAssembly, name);
}
for (const name of ["fetch", "WebSocket", "setTimeout", "setInterval", "setImmediate", "queueMicrotask"]) {
  trap(globalThis, name);
}
trap(EventTarget.prototype, "addEventListener");
trap(process, "on");

// That the traps are set; some call each other.
new AbortController().signal.addEventListener("abort", () => {});
new WebAssembly.Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0));
process.on("exit", () => {});
console.log(["addEventListener", "Module", "on"].every((name) => called.has(name)));
called.clear();

const pages = ["tautline", "tautline/slim", "tautline/streams", "tautline/websocket"];
const servers = ["tautline/server", "tautline/server/deno", "tautline/server/bun"];
for (const entry of [...pages, ...servers]) await import(entry);
console.log([...called].join() || "nothing");
