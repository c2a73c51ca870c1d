// A session with the interface of a socket of `ws`. Where there is a choice, it does what that does; what differs is listed
// in socket.d.ts.

import { Blob, Buffer } from "node:buffer";
import { EventEmitter } from "node:events";
import process from "node:process";

import { report } from "./hub.js";
import { beforeMessageListeners, END, payloadOf, RECEIVE } from "./mailbox.js";

const CONNECTING = 0;
const OPEN = 1;
const CLOSING = 2;
const CLOSED = 3;
const STATES = ["CONNECTING", "OPEN", "CLOSING", "CLOSED"];
const BINARY_TYPES = ["nodebuffer", "arraybuffer", "fragments", "blob"];
const ENUMERABLE = [
  "binaryType", "bufferedAmount", "extensions", "isPaused", "protocol", "readyState", "url", "addEventListener",
  "removeEventListener",
];
const EMPTY = Buffer.alloc(0);
/** What a ping and a close reason have room for, in bytes. */
const MOST_PING = 125;
const MOST_REASON = 123;

// On a listener's wrapper: the listener, and whether it stands in an on… property.
const LISTENER = Symbol("listener");
const IS_ATTRIBUTE = Symbol("is attribute");

export class SessionSocket extends EventEmitter {
  #mailbox;
  #readyState = OPEN;
  #binaryType = "nodebuffer";
  #isPaused = false;
  /** Parts of a message whose last is not there yet. */
  #parts;
  /** What waits for a Blob that is being read, or is one: { count, bytes, done }, once there was one. */
  #late;
  /** What was sent too late, in bytes: it counts, and goes nowhere. */
  #lost = 0;
  /** What stands for the socket of the network, once somebody asked. */
  #network;

  static {
    beforeMessageListeners(this.prototype, (emitter) => emitter.#dispatchLater());
    for (const [name, value] of Object.entries({ CONNECTING, OPEN, CLOSING, CLOSED })) {
      for (const holder of [this, this.prototype]) Object.defineProperty(holder, name, { value, enumerable: true });
    }
    for (const name of ENUMERABLE) Object.defineProperty(this.prototype, name, { enumerable: true });
    for (const type of ["open", "message", "error", "close"]) {
      Object.defineProperty(this.prototype, `on${type}`, {
        configurable: true,
        enumerable: true,
        get() {
          return attributeOf(this, type)?.[LISTENER] ?? null;
        },
        set(handler) {
          const attribute = attributeOf(this, type);
          if (attribute) this.removeListener(type, attribute);
          if (typeof handler === "function") this.on(type, wrapperOf(type, handler, true));
        },
      });
    }
  }

  constructor(mailbox) {
    super();
    this.#mailbox = mailbox;
    if (mailbox.end) this.#readyState = CLOSED;
  }

  get readyState() {
    return this.#readyState;
  }

  get protocol() {
    return this.#mailbox.protocol;
  }

  get extensions() {
    return "";
  }

  get url() {
    return undefined;
  }

  get isPaused() {
    return this.#isPaused;
  }

  get bufferedAmount() {
    return this.#lost + this.#mailbox.untaken + (this.#late?.bytes ?? 0);
  }

  /** No socket, but what `createWebSocketStream` of `ws` looks at. */
  get _socket() {
    return (this.#network ??= Object.assign(new EventEmitter(), {
      remoteAddress: this.#mailbox.peer.address,
      _writableState: { finished: this.#readyState === CLOSED },
    }));
  }

  get binaryType() {
    return this.#binaryType;
  }

  set binaryType(type) {
    if (BINARY_TYPES.includes(type)) this.#binaryType = type;
  }

  send(data, options, callback) {
    if (typeof options === "function") [options, callback] = [undefined, options];
    if (typeof data === "number") data = data.toString();
    if (this.#readyState !== OPEN) return this.#sendAfterClose(data, callback);
    const binary = options && "binary" in options ? options.binary : typeof data !== "string";
    const fin = options && "fin" in options ? options.fin : true;
    if (this.#parts || !fin) this.#sendPart(data || EMPTY, binary, fin, callback);
    else this.#sendWhole(data || EMPTY, binary, callback);
  }

  ping(data, mask, callback) {
    const content = this.#control(data, mask, callback);
    if (content) setImmediate(() => this.#readyState === CLOSED || this.emit("pong", content));
  }

  pong(data, mask, callback) {
    this.#control(data, mask, callback);
  }

  pause() {
    if (this.#readyState !== CLOSED) this.#isPaused = true;
  }

  resume() {
    if (this.#readyState === CLOSED) return;
    this.#isPaused = false;
    if (this.#mailbox.end) queueMicrotask(() => this.#tellEnd());
    else this.#dispatchLater();
  }

  close(code, data) {
    if (this.#readyState > OPEN) return;
    const reason = checkClose(code, data);
    this.#readyState = CLOSING;
    const end = () => this.#mailbox.failLater(code ?? 1000, reason);
    if (this.#late?.count > 0) this.#late.done.then(end);
    else end();
  }

  terminate() {
    if (this.#readyState === CLOSED) return;
    this.#readyState = CLOSING;
    this.#mailbox.terminate();
    // Nothing is held back any more.
    this.resume();
  }

  addEventListener(type, handler, options = {}) {
    const isThere = this.listeners(type).some((wrapper) => wrapper[LISTENER] === handler && !wrapper[IS_ATTRIBUTE]);
    const wrapper = isThere ? undefined : wrapperOf(type, handler, false);
    if (!wrapper) return;
    if (options.once) this.once(type, wrapper);
    else this.on(type, wrapper);
  }

  removeEventListener(type, handler) {
    const wrapper = this.listeners(type).find((it) => it[LISTENER] === handler && !it[IS_ATTRIBUTE]);
    if (wrapper) this.removeListener(type, wrapper);
  }

  // Out

  #sendWhole(data, binary, callback) {
    if (data instanceof Blob || this.#late?.count > 0) return this.#sendLate(data, binary, callback);
    this.#mailbox.post(payloadFor(data, binary), callback);
  }

  /** What comes after a Blob waits until that is read. */
  #sendLate(data, binary, callback) {
    const late = (this.#late ??= { count: 0, bytes: 0, done: Promise.resolve() });
    const isBlob = data instanceof Blob;
    const content = isBlob ? data.arrayBuffer() : payloadFor(data, binary);
    // It may fail before its turn has come.
    if (isBlob) content.catch(() => {});
    const size = isBlob ? data.size : Buffer.byteLength(content);
    late.count++;
    late.bytes += size;
    late.done = late.done.then(async () => {
      try {
        const read = await content;
        this.#mailbox.post(isBlob ? payloadFor(read, binary) : read, callback);
      } catch (error) {
        if (callback) process.nextTick(callback, error);
        else this.#mailbox.fail(1011, "a Blob can't be read");
      }
      late.count--;
      late.bytes -= size;
    });
  }

  #sendPart(data, binary, fin, callback) {
    // What is no data throws here.
    const part = data instanceof Blob ? data : Buffer.from(bufferOf(data));
    this.#parts ??= { binary, all: [] };
    const { all } = this.#parts;
    all.push(part);
    if (!fin) {
      if (callback) process.nextTick(callback);
      return;
    }
    const whole = all.some((part) => part instanceof Blob) ? new Blob(all) : Buffer.concat(all);
    const { binary: isBinary } = this.#parts;
    this.#parts = undefined;
    this.#sendWhole(whole, isBinary, callback);
  }

  #sendAfterClose(data, callback) {
    if (data) this.#lost += data instanceof Blob ? data.size : bufferOf(data).length;
    if (!callback) return;
    const state = `readyState ${this.#readyState} (${STATES[this.#readyState]})`;
    process.nextTick(callback, new Error(`WebSocket is not open: ${state}`));
  }

  /** What a ping or a pong says, which goes nowhere; undefined where the socket was not open for it. */
  #control(data, mask, callback) {
    if (typeof data === "function") [data, callback] = [undefined, data];
    else if (typeof mask === "function") callback = mask;
    if (typeof data === "number") data = data.toString();
    if (this.#readyState !== OPEN) {
      this.#sendAfterClose(data, callback);
      return undefined;
    }
    const content = Buffer.from(bufferOf(data || EMPTY));
    if (content.length > MOST_PING) throw new RangeError("The data size must not be greater than 125 bytes");
    if (callback) process.nextTick(callback);
    return content;
  }

  // In

  #dispatchLater() {
    if (this.#mailbox.arrived > 0) queueMicrotask(() => this.#dispatchAll());
  }

  #dispatchAll() {
    while (this.#mailbox.arrived > 0 && !this.#isPaused && this.listenerCount("message") > 0) {
      try {
        this.#dispatch(this.#mailbox.take());
      } catch (error) {
        report(error);
      }
    }
  }

  #dispatch(payload) {
    if (typeof payload === "string") this.emit("message", Buffer.from(payload), false);
    else this.emit("message", this.#received(payload), true);
  }

  #received(bytes) {
    const buffer = bufferOf(bytes);
    switch (this.#binaryType) {
      case "nodebuffer":
        return buffer;
      case "arraybuffer":
        return isWhole(bytes) ? bytes.buffer : bytes.slice().buffer;
      case "blob":
        return new Blob([bytes]);
      default:
        return buffer.length > 0 ? [buffer] : [];
    }
  }

  // What the mailbox calls

  [RECEIVE](payload) {
    if (this.#isPaused || this.listenerCount("message") === 0) return false;
    this.#mailbox.taken();
    // What a listener throws the hub reports.
    this.#dispatch(payload);
    return true;
  }

  [END]() {
    this.#tellEnd();
  }

  /** Behind what came before; as with `ws`, a socket that is paused hears of it when it is resumed. */
  #tellEnd() {
    this.#dispatchAll();
    if (this.#isPaused || this.#readyState === CLOSED) return;
    const { code, reason } = this.#mailbox.end;
    this.#readyState = CLOSED;
    if (this.#network) {
      this.#network._writableState.finished = true;
      this.#network.emit("finish");
    }
    // A connection that broke has no words for it.
    this.emit("close", code, Buffer.from(code === 1006 ? "" : reason));
  }
}

const isWhole = (bytes) => bytes.byteLength === bytes.buffer.byteLength;

/** Bytes of whatever `ws` takes for some, as a Buffer, without a copy where it can be. */
function bufferOf(data) {
  if (Buffer.isBuffer(data)) return data;
  if (data instanceof ArrayBuffer) return Buffer.from(data);
  if (ArrayBuffer.isView(data)) return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return Buffer.from(data);
}

/** A string or bytes of its own. */
function payloadFor(data, binary) {
  if (typeof data === "string") return binary ? payloadOf(Buffer.from(data)) : data;
  const buffer = bufferOf(data);
  return binary ? payloadOf(buffer) : buffer.toString();
}

/** The reason as a string. Throws what `ws` throws. */
function checkClose(code, data) {
  if (code === undefined) return "";
  const isOfProtocol = code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code);
  if (typeof code !== "number" || !(isOfProtocol || (code >= 3000 && code <= 4999))) {
    throw new TypeError("First argument must be a valid error code number");
  }
  if (data === undefined || !data.length) return "";
  if (Buffer.byteLength(data) > MOST_REASON) throw new RangeError("The message must not be greater than 123 bytes");
  if (typeof data === "string") return data;
  if (data instanceof Uint8Array) return bufferOf(data).toString();
  throw new TypeError("Second argument must be a string or a Uint8Array");
}

const attributeOf = (socket, type) => socket.listeners(type).find((listener) => listener[IS_ATTRIBUTE]);

/** What is called in the place of a listener that wants an event object; undefined where there is no such event. */
function wrapperOf(type, handler, isAttribute) {
  const make = EVENTS[type];
  if (!make) return undefined;
  const wrapper = function (...values) {
    const event = { type, target: this, ...make(...values) };
    if (typeof handler === "object" && handler.handleEvent) handler.handleEvent(event);
    else handler.call(this, event);
  };
  return Object.assign(wrapper, { [LISTENER]: handler, [IS_ATTRIBUTE]: isAttribute });
}

const EVENTS = {
  open: () => ({}),
  message: (data, isBinary) => ({ data: isBinary ? data : data.toString() }),
  error: (error) => ({ error, message: error.message }),
  close: (code, reason) => ({ code, reason: reason.toString(), wasClean: code !== 1006 }),
};
