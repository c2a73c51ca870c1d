// The browser's WebSocket interface over a link that comes back. Where there is a choice, it does what the browser's own
// class does, in the same order; tests hold the two side by side. What differs is listed in websocket.d.ts.

import { bytesOf, tagOf } from "./codecs.js";
import { failure } from "./errors.js";
import { utf8Length } from "./frames.js";
import { broken, Link } from "./link.js";
import { checkClose, readOptions, readUrl } from "./options.js";

const CONNECTING = 0;
const OPEN = 1;
const CLOSING = 2;
const CLOSED = 3;
/** The close code of an end that has none: what `close()` without arguments asks for. */
const NO_STATUS = 1005;
/** How long `close` may take, in ms: what is queued goes out before. */
const CLOSE_TIMEOUT = 5000;
/** Payloads go through as they are: the interface has conversions of its own. */
const RAW = { encode: (payload) => payload, decode: (payload) => payload };

/** The class, for an entry that gets its wasm by `load`. */
export function tautSocketClass(load) {
  class TautSocket extends EventTarget {
    #link;
    #url;
    #origin;
    /** It comes back. */
    #returns;
    /** It stays open as long as its session lives. */
    #durable;
    /** Bounds of the outbox. */
    #bounds;
    /** What waits for a Blob that is being read, or is one, and when all of it is sent. */
    #late = { messages: 0, bytes: 0, sent: Promise.resolve() };
    #binaryType = "blob";
    /** The on… attributes by type: { handler, listener }. */
    #attributes = {};
    /** A connection was open. */
    #opened = false;
    #closing = false;
    #closed = false;
    /** The browser's socket reported an error. */
    #erred = false;
    /** What the URL provider failed with, in this attempt. */
    #reason;
    /** What was sent too late, in bytes: it counts, and goes nowhere. */
    #lost = 0;

    constructor(url, protocols = [], options = {}) {
      super();
      if (arguments.length === 0) throw new TypeError("tautline: a WebSocket takes a URL");
      checkNames(options);
      const asks = typeof url === "function";
      const address = asks ? url : `${url}`;
      const read = readOptions(options, url, { protocols: listOf(protocols), codec: RAW, ends: true });
      const { heartbeat } = read;
      if (heartbeat) read.heartbeat = () => payloadOf(heartbeat());
      this.#returns = options.reconnect !== false;
      this.#durable = read.durable;
      this.#bounds = read.outbox;
      this.#url = asks ? "" : readUrl(address);
      if (isMixed(this.#url)) throw new DOMException("tautline: a secure page may only use wss:", "SecurityError");
      this.#link = new Link(load, asks ? url : this.#url, read, {
        connecting: (raw) => {
          this.#url = raw.url;
          this.#origin = new URL(raw.url).origin;
          this.#erred = false;
          raw.addEventListener("error", () => {
            // Not what an abandoned one says while the next is waited for.
            if (raw === this.#link.raw && !this.#lives && /^(connecting|open)$/.test(this.#link.state)) this.#erred = true;
          });
        },
        opened: () => {
          const goesOn = this.#lives;
          this.#opened = true;
          // Whatever kept it from coming back is over.
          this.#reason = undefined;
          if (!this.#closing && !goesOn) this.dispatchEvent(new Event("open"));
        },
        received: (messages) => messages.forEach((data) => this.#receive(data)),
        // After `close` it only goes on to send what was queued; there is one end to tell, the last.
        stateChanged: ({ state, previous, cause }) => {
          const failed = state === "waiting" && previous === "connecting";
          if (failed && !this.#closing && !this.#lives) this.#tellError(cause);
        },
        disconnected: (end) => this.#closing || this.#lives || this.#tellEnd(end),
        failed: (error) => {
          // The end of the attempt is what tells it.
          if (error.code === "url") this.#reason = error;
          else this.#tellError(error);
        },
        closed: (end, error) => {
          // An end from inside `close` is told in a turn of its own.
          if (this.#closing) setTimeout(() => this.#finish(end, error));
          else this.#finish(end, error);
        },
      });
    }

    static with(options) {
      checkNames(options);
      readOptions(options);
      return class TautSocket extends this {
        constructor(url, protocols = [], more = {}) {
          // Without arguments it is to fail as the class itself.
          super(...(arguments.length === 0 ? [] : [url, protocols, { ...options, ...more }]));
        }
      };
    }

    get url() {
      return this.#url;
    }

    get readyState() {
      if (this.#closed) return CLOSED;
      // Where it comes back, what the server has begun to close is no end.
      if (this.#closing || (!this.#returns && this.#link.raw?.readyState === CLOSING)) return CLOSING;
      return this.#link.state === "open" || this.#lives ? OPEN : CONNECTING;
    }

    get bufferedAmount() {
      // What a session has handed to the browser it still has itself.
      const handed = this.#durable ? this.#late.bytes : this.#link.raw?.bufferedAmount;
      return this.#lost + this.#link.stats().outbox.bytes + (handed ?? 0);
    }

    get extensions() {
      return this.#link.raw?.extensions ?? "";
    }

    get protocol() {
      return this.#link.protocol;
    }

    get binaryType() {
      return this.#binaryType;
    }

    set binaryType(value) {
      const type = `${value}`;
      this.#binaryType = type === "blob" || type === "arraybuffer" ? type : this.#binaryType;
    }

    get onopen() {
      return this.#attribute("open");
    }

    set onopen(handler) {
      this.#setAttribute("open", handler);
    }

    get onmessage() {
      return this.#attribute("message");
    }

    set onmessage(handler) {
      this.#setAttribute("message", handler);
    }

    get onerror() {
      return this.#attribute("error");
    }

    set onerror(handler) {
      this.#setAttribute("error", handler);
    }

    get onclose() {
      return this.#attribute("close");
    }

    set onclose(handler) {
      this.#setAttribute("close", handler);
    }

    send(data) {
      if (arguments.length === 0) throw new TypeError("tautline: send takes a message");
      const payload = payloadOf(data);
      const state = this.readyState;
      if (state === CONNECTING && !this.#opened) {
        throw new DOMException("tautline: the socket was not open yet", "InvalidStateError");
      }
      if (state > OPEN) {
        this.#lost += sizeOf(payload);
      } else if (this.#durable && (payload.size !== undefined || this.#late.messages > 0)) {
        this.#sendLate(payload);
      } else {
        const refused = this.#link.offer(payload);
        if (refused) throw full(refused);
      }
    }

    /** A session needs the bytes of a Blob, and what comes after it waits for them. */
    #sendLate(payload) {
      const late = this.#late;
      const size = sizeOf(payload);
      if (late.messages >= this.#bounds.messages || late.bytes + size > this.#bounds.bytes) throw full("overflow");
      late.messages++;
      late.bytes += size;
      // Whoever sent it may use its memory for something else.
      const content = payload.size === undefined ? (payload.slice?.() ?? payload) : payload.arrayBuffer();
      late.sent = late.sent.then(async () => {
        try {
          const data = await content;
          await this.#link.send(typeof data === "string" ? data : bytesOf(data));
        } catch (cause) {
          if (!this.#closed) this.#tellError(cause.code === "too-big" ? cause : failure("encode", { cause }));
        }
        late.messages--;
        late.bytes -= size;
      });
    }

    close(code = undefined, reason = undefined) {
      const closeCode = code === undefined ? NO_STATUS : clamp(code);
      const closeReason = reason === undefined ? "" : `${reason}`;
      if (code !== undefined || reason !== undefined) checkClose(closeCode, closeReason, refuse);
      if (this.readyState > OPEN) return;
      this.#closing = true;
      const by = performance.now() + CLOSE_TIMEOUT;
      const end = () => {
        clearTimeout(timer);
        this.#link.close(closeCode, closeReason, Math.max(by - performance.now(), 0));
      };
      const timer = this.#late.messages > 0 && setTimeout(end, CLOSE_TIMEOUT);
      if (timer) this.#late.sent.then(end);
      else end();
    }

    /** There is a session, and it is this socket's life. */
    get #lives() {
      return this.#durable && this.#opened && !this.#closed;
    }

    #attribute(type) {
      return this.#attributes[type]?.handler ?? null;
    }

    /** Its place among the listeners is where it became something. */
    #setAttribute(type, value) {
      const handler = typeof value === "function" || typeof value === "object" ? value : null;
      const attribute = (this.#attributes[type] ??= {
        handler: null,
        // Only a function is ever called.
        listener: (event) =>
          typeof attribute.handler === "function" && !platformCalls() && attribute.handler.call(this, event),
      });
      const had = attribute.handler !== null;
      attribute.handler = handler;
      if (!had && handler !== null) this.addEventListener(type, attribute.listener);
      if (had && handler === null) this.removeEventListener(type, attribute.listener);
    }

    #receive(data) {
      // What arrives after `close` is not told. In a session it counts as not taken, then.
      const isOpen = this.readyState === OPEN;
      if (isOpen || !this.#durable) this.#link.taken();
      if (!isOpen) return;
      const isBlob = this.#binaryType === "blob" && typeof data !== "string";
      this.dispatchEvent(new MessageEvent("message", { data: isBlob ? new Blob([data]) : data, origin: this.#origin }));
    }

    #finish(end, error) {
      this.#closed = true;
      // What ends a session is more than an end.
      if (this.#opened) return this.#tellEnd(end, error, this.#erred || (this.#durable && error !== undefined));
      // A connection that never was is a failure, whatever `close` said; one that the server ended in the same breath as it
      // opened it has an end of its own, and not every browser tells that it was open.
      const failed = this.#closing || end.code === 1006;
      this.#tellEnd(failed ? broken() : end, error, failed || this.#erred);
    }

    #tellEnd(end, error, erred = this.#erred) {
      this.#erred = false;
      if (!erred) return this.dispatchEvent(closeEvent(end));
      this.#tellError(error);
      // Whoever awaits the error goes on before the end is told. A `close` in between has an end of its own.
      queueMicrotask(() => (this.#closing && !this.#closed) || this.dispatchEvent(closeEvent(end)));
    }

    #tellError(cause) {
      const error = this.#reason ?? cause;
      this.#reason = undefined;
      this.#erred = false;
      this.dispatchEvent(Object.assign(new Event("error"), error && { error }));
    }
  }

  const { prototype } = TautSocket;
  for (const name of Object.getOwnPropertyNames(prototype)) {
    if (name !== "constructor") Object.defineProperty(prototype, name, { enumerable: true });
  }
  for (const [name, value] of Object.entries({ CONNECTING, OPEN, CLOSING, CLOSED })) {
    for (const holder of [TautSocket, prototype]) Object.defineProperty(holder, name, { value, enumerable: true });
  }
  Object.defineProperty(prototype, Symbol.toStringTag, { value: "WebSocket", configurable: true });
  return TautSocket;
}

const sizeOf = (payload) => payload.size ?? payload.byteLength ?? utf8Length(payload);

const full = (code) => new DOMException(`tautline: ${failure(code).message}`, "QuotaExceededError");

/** A sequence of strings, or one string. */
function listOf(protocols) {
  const isSequence = typeof protocols === "object" && protocols?.[Symbol.iterator] != null;
  return [...(isSequence ? protocols : [protocols])].map((name) => `${name}`);
}

/** Refuses those of `connect` that the interface has its own ways for. */
function checkNames(options) {
  for (const name of ["codec", "protocols"]) {
    if (options?.[name] !== undefined) {
      throw new TypeError(
        `tautline: the option \`${name}\` takes nothing here: a TautSocket has conversions and an argument of its own for that`,
      );
    }
  }
}

/** A string, a Blob or bytes. */
function payloadOf(data) {
  if (/^(Blob|File)$/.test(tagOf(data))) return data;
  const buffer = ArrayBuffer.isView(data) ? data.buffer : data;
  if (tagOf(buffer) === "SharedArrayBuffer" || buffer?.resizable) {
    throw new TypeError("tautline: send takes no memory that is shared or may change its size");
  }
  // What was transferred away has no bytes.
  return data?.byteLength === 0 ? new Uint8Array() : (bytesOf(data) ?? `${data}`);
}

/** As the interface's type of a close code has it: `[Clamp] unsigned short`. */
function clamp(code) {
  return Math.trunc(Math.min(Math.max(+code, 0), 65535)) || 0;
}

/** Whether the browser's own class refuses it at once: from a secure page, anything else than wss: or this machine. */
function isMixed(url) {
  const isOurs = /^ws:\/\/([^/]*@)?(localhost|[^/]*\.localhost|127\.\d+\.\d+\.\d+|\[::1\])[:/]/;
  return /^https:/.test(globalThis.origin) && /^ws:/.test(url) && !isOurs.test(url);
}

function refuse(message, isCode) {
  throw new DOMException(message, isCode ? "InvalidAccessError" : "SyntaxError");
}

let calls;

/** Whether `dispatchEvent` itself calls what stands in `on…` properties, as that of workerd does. */
function platformCalls() {
  if (calls === undefined) {
    calls = false;
    const target = Object.assign(new EventTarget(), { onprobe: () => (calls = true) });
    target.dispatchEvent(new Event("probe"));
  }
  return calls;
}

/** Not every runtime has the class. */
function closeEvent(end) {
  return typeof CloseEvent === "function" ? new CloseEvent("close", end) : Object.assign(new Event("close"), end);
}
