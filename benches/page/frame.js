// What runs in a fresh frame: one measurement of one client, which nothing has loaded before. It sees the memory of all wasm that
// the client brings.

import { load } from "./clients.js";

const memories = new Set();

/** Notes the memories that an instance exports: its own, as no client here is given one. */
function note(instance) {
  for (const value of Object.values(instance.exports)) if (value instanceof WebAssembly.Memory) memories.add(value);
  return instance;
}

const { Instance, instantiate, instantiateStreaming } = WebAssembly;
WebAssembly.Instance = new Proxy(Instance, { construct: (target, args) => note(new target(...args)) });
WebAssembly.instantiate = async (source, imports) => {
  const result = await instantiate(source, imports);
  note(result.instance ?? result);
  return result;
};
WebAssembly.instantiateStreaming = async (source, imports) => {
  const result = await instantiateStreaming(source, imports);
  note(result.instance);
  return result;
};

function wasmBytes() {
  let bytes = 0;
  for (const { buffer } of memories) bytes += buffer.byteLength;
  return bytes;
}

/** Called by the page. */
globalThis.measure = async (client, job) => {
  const { measure } = await import(`./works/${job.work}.js`);
  return measure(client, job, wasmBytes);
};

/** The same, of a cost that must not grow. */
globalThis.grow = async (client, job) => {
  const { grow } = await import(`./growth/${job.work}.js`);
  return grow(await load(client), job, wasmBytes);
};
