// An instance of the server's wasm, and its memory as JavaScript sees it.

import { Buffer } from "node:buffer";

import { wasmBytes } from "./bytes.js";

const encoder = new TextEncoder();
/** So many bytes has a UTF-16 unit in UTF-8, at most. */
const MOST_UNIT_BYTES = 3;

let module;

export class Engine {
  #wasm;
  #numbersAt;
  /** Views of the memory, made anew when it has grown. */
  #bytes;
  #words;
  #floats;

  constructor(rules) {
    module ??= new WebAssembly.Module(wasmBytes());
    this.#wasm = new WebAssembly.Instance(module).exports;
    this.#wasm.create(...rules);
    this.#numbersAt = this.#wasm.numbers() >>> 3;
    this.#look();
  }

  /** Tells what happened; src/js_server/mod.rs has the list. */
  handle(input, now, who = 0, first = 0, second = 0) {
    return this.#wasm.handle(input, now, who, first, second);
  }

  /** The next thing to do; 0 where there is none. */
  poll() {
    return this.#wasm.poll();
  }

  /** One of the numbers that belong to the output, or to the answer. */
  number(index) {
    this.#look();
    return this.#floats[this.#numbersAt + index];
  }

  /** Writes bytes of the next input, one after the other; how many. */
  give(...parts) {
    const length = parts.reduce((sum, { length }) => sum + length, 0);
    let at = this.#wasm.bytes_in(length) >>> 0;
    this.#look();
    for (const part of parts) {
      this.#bytes.set(part, at);
      at += part.length;
    }
    return length;
  }

  /** The same for words. */
  giveText(text) {
    const most = text.length * MOST_UNIT_BYTES;
    const at = this.#wasm.bytes_in(most) >>> 0;
    this.#look();
    return encoder.encodeInto(text, this.#bytes.subarray(at, at + most)).written;
  }

  /** Where to write so many sizes of the next input. */
  giveSizes(count) {
    const at = this.#wasm.sizes_in(count) >>> 2;
    this.#look();
    return this.#words.subarray(at, at + count);
  }

  /** The bytes of the output, as a copy. */
  bytes() {
    const at = this.number(4);
    return this.#bytes.slice(at, at + this.#floats[this.#numbersAt + 5]);
  }

  text() {
    const at = this.number(4);
    return Buffer.from(this.#bytes.buffer, at, this.#floats[this.#numbersAt + 5]).toString();
  }

  /** So many 32-bit numbers from an address on; to be read at once. */
  words(address, count) {
    this.#look();
    return this.#words.subarray(address >>> 2, (address >>> 2) + count);
  }

  #look() {
    const { buffer } = this.#wasm.memory;
    if (this.#bytes?.buffer === buffer) return;
    this.#bytes = new Uint8Array(buffer);
    this.#words = new Uint32Array(buffer);
    this.#floats = new Float64Array(buffer);
  }
}
