// Counts what the package asks of a page: crossings to the wasm, frames, timers, turns; and keeps the wasm's memory for tests to
// look at. Runs before the page's own scripts, so that everything the package finds there counts.

globalThis.costs = (() => {
  let counts = {};
  const memories = [];
  const bytes = { in: 0, out: 0 };
  const add = (name) => {
    counts[name] = (counts[name] ?? 0) + 1;
  };

  /** The name of a call of an export: inputs by their number, of which src/js/mod.rs has the list. */
  const nameOf = (name, [, input]) => (name === "handle" ? `input ${input}` : name);
  const { Instance } = WebAssembly;
  WebAssembly.Instance = function (...values) {
    const counted = ([name, value]) => {
      if (typeof value !== "function") return [name, value];
      const call = (...values) => {
        add(nameOf(name, values));
        return value(...values);
      };
      return [name, call];
    };
    const { exports } = new Instance(...values);
    memories.push(exports.memory);
    return { exports: Object.fromEntries(Object.entries(exports).map(counted)) };
  };

  const addFrame = (data, direction) => {
    const isText = typeof data === "string";
    // Bytes of a session bring messages where the first is 0.
    const hasMessages = isText || new Uint8Array(data)[0] === 0;
    add(`${hasMessages ? "frame" : "control"} ${direction}`);
    // Texts of these tests are ASCII.
    bytes[direction] += isText ? data.length : data.byteLength;
  };
  globalThis.WebSocket = class extends WebSocket {
    constructor(...values) {
      super(...values);
      this.addEventListener("message", ({ data }) => addFrame(data, "in"));
    }
    send(data) {
      addFrame(data, "out");
      super.send(data);
    }
  };

  const count = (object, method, name) => {
    const call = object[method];
    object[method] = function (...values) {
      add(name);
      return call.apply(this, values);
    };
  };
  count(globalThis, "setTimeout", "timer");
  count(globalThis, "queueMicrotask", "microtask");
  count(MessagePort.prototype, "postMessage", "turn");

  return {
    /** Of all frames so far. */
    bytes,
    /** Of the wasm. */
    memories,
    /** The counts since the last call. */
    take() {
      const taken = counts;
      counts = {};
      return taken;
    },
  };
})();
