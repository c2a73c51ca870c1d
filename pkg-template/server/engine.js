// An instance of the server's wasm, and its memory as JavaScript sees it. Should it trap, it is lost, and whoever owns it is
// told at once; what it is asked from then on has no effect.

import { Buffer } from "node:buffer";

import { wasmBytes } from "./bytes.js";

const encoder = new TextEncoder();
/** So many bytes has a UTF-16 unit in UTF-8, at most. */
const MOST_UNIT_BYTES = 3;
/** What it says of itself where it trapped in a call of somebody else's. */
const GONE = "tautline: the engine of the sessions is lost";

let module;

export class Engine {
  #wasm;
  #lost;
  #isLost = false;
  #numbersAt;
  /** Views of the memory, made anew when it has grown. */
  #bytes;
  #words;
  #floats;

  /** `lost(error)` is called when it traps. */
  constructor(rules, lost) {
    module ??= new WebAssembly.Module(wasmBytes());
    this.#lost = lost;
    this.#wasm = new WebAssembly.Instance(module).exports;
    this.#wasm.create(...rules);
    this.#numbersAt = this.#wasm.numbers() >>> 3;
    this.#look();
  }

  /** Tells what happened; src/js_server/mod.rs has the list. NaN where it is lost. */
  handle(input, now, who = 0, first = 0, second = 0) {
    if (this.#isLost) return NaN;
    try {
      const answer = this.#wasm.handle(input, now, who, first, second);
      if (Number.isNaN(answer)) this.#lose(new Error(GONE));
      return answer;
    } catch (error) {
      this.#lose(error);
      return NaN;
    }
  }

  /** The next thing to do; 0 where there is none. */
  poll() {
    if (this.#isLost) return 0;
    try {
      const output = this.#wasm.poll();
      if (output >= 0) return output;
      this.#lose(new Error(GONE));
    } catch (error) {
      this.#lose(error);
    }
    return 0;
  }

  /** One of the numbers that belong to the output, or to the answer. */
  number(index) {
    this.#look();
    return this.#floats[this.#numbersAt + index];
  }

  /** Writes bytes of the next input, one after the other; how many. */
  give(...parts) {
    const length = parts.reduce((sum, { length }) => sum + length, 0);
    let at = this.#room("bytes_in", length);
    if (at === undefined) return 0;
    for (const part of parts) {
      this.#bytes.set(part, at);
      at += part.length;
    }
    return length;
  }

  /** The same for words. */
  giveText(text) {
    const most = text.length * MOST_UNIT_BYTES;
    const at = this.#room("bytes_in", most);
    if (at === undefined) return 0;
    return encoder.encodeInto(text, this.#bytes.subarray(at, at + most)).written;
  }

  /** Where to write so many sizes of the next input. */
  giveSizes(count) {
    const at = this.#room("sizes_in", count);
    if (at === undefined) return new Uint32Array(count);
    return this.#words.subarray(at >>> 2, (at >>> 2) + count);
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

  /** Where to write; undefined where it is lost. */
  #room(what, count) {
    try {
      if (this.#isLost) return undefined;
      const at = this.#wasm[what](count) >>> 0;
      this.#look();
      return at;
    } catch (error) {
      this.#lose(error);
      return undefined;
    }
  }

  #lose(error) {
    this.#isLost = true;
    this.#lost(error);
  }

  #look() {
    const { buffer } = this.#wasm.memory;
    if (this.#bytes?.buffer === buffer) return;
    this.#bytes = new Uint8Array(buffer);
    this.#words = new Uint32Array(buffer);
    this.#floats = new Float64Array(buffer);
  }
}
