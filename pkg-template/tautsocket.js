// The browser's WebSocket interface over a link that comes back. Where there is a choice, it does what the browser's own
// class does, in the same order; tests hold the two side by side. What differs is listed in websocket.d.ts.

import { bytesOf } from "./codecs.js";
import { Link, REFUSED } from "./link.js";
import { checkClose, readOptions, readUrl } from "./options.js";

const STATES = { CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 };
const EVENTS = ["open", "message", "error", "close"];
/** The close code of an end that has none: what `close()` without arguments asks for. */
const NO_STATUS = 1005;
/** Payloads go through as they are; the interface itself makes them. */
const RAW = { encode: (payload) => payload, decode: (payload) => payload };
/** Longer than any socket lives: like the browser's own, it waits for what is queued. */
const CLOSE_TIMEOUT = 5000;

/** A class of the entry that gets its wasm by `load`. */
export function tautSocketClass(load) {
  class TautSocket extends EventTarget {
    #link;
    #url;
    /** Reconnects by itself. */
    #returns;
    #binaryType = "blob";
    #handlers = {};
    /** There was a connection. */
    #opened = false;
    #closing = false;
    #closed = false;
    /** The browser's socket reported an error. */
    #erred = false;
    /** What was sent too late, in bytes: it counts, and goes nowhere. */
    #lost = 0;

    constructor(url, protocols = [], options = {}) {
      super();
      if (arguments.length === 0) throw new TypeError("tautline: a WebSocket takes a URL");
      const list = isIterable(protocols) ? [...protocols] : [protocols];
      const read = readOptions({ ...options, protocols: list.map(String), codec: RAW }, url);
      if (read.heartbeat) {
        const { heartbeat } = read;
        read.heartbeat = () => payloadOf(heartbeat());
      }
      this.#returns = options.reconnect !== false;
      this.#url = typeof url === "function" ? "" : readUrl(url);
      this.#link = new Link(load, typeof url === "function" ? url : this.#url, read, {
        connecting: (raw) => {
          this.#url = raw.url;
          raw.addEventListener("error", () => {
            if (raw === this.#link.raw) this.#erred = true;
          });
        },
        opened: () => {
          this.#opened = true;
          this.#fire(new Event("open"));
        },
        received: (data) => this.#receive(data),
        stateChanged: ({ state, previous }) => {
          if (state === "waiting" && previous === "connecting") this.#fireError();
        },
        disconnected: (end) => this.#fireClose(end),
        failed: (error) => this.#fireError(error),
        closed: (end, error) => this.#end(end, error),
      });
    }

    static with(options) {
      return class TautSocket extends this {
        constructor(url, protocols, more) {
          // A call without arguments is to fail as one.
          super(...(arguments.length === 0 ? [] : [url, protocols, { ...options, ...more }]));
        }
      };
    }

    get url() {
      return this.#url;
    }

    get readyState() {
      if (this.#closed) return STATES.CLOSED;
      if (this.#closing) return STATES.CLOSING;
      return this.#link.state === "open" ? STATES.OPEN : STATES.CONNECTING;
    }

    get bufferedAmount() {
      return this.#lost + this.#link.stats().outbox.bytes + (this.#link.raw?.bufferedAmount ?? 0);
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

    set binaryType(type) {
      if (`${type}` === "blob" || `${type}` === "arraybuffer") this.#binaryType = `${type}`;
    }

    send(data) {
      if (arguments.length === 0) throw new TypeError("tautline: send takes a message");
      const payload = payloadOf(data);
      if (this.readyState === STATES.CONNECTING && !this.#opened) {
        throw new DOMException("tautline: the socket is not open yet", "InvalidStateError");
      }
      if (this.readyState > STATES.OPEN) {
        this.#lost += typeof payload === "string" ? new TextEncoder().encode(payload).length : (payload.size ?? payload.length);
        return;
      }
      const answer = this.#link.offer(payload);
      if (answer > 0) {
        throw new DOMException(`tautline: the outbox is full (${REFUSED[answer] ?? "overflow"})`, "QuotaExceededError");
      }
    }

    close(code, reason) {
      const closeCode = code === undefined ? NO_STATUS : clamp(code);
      const closeReason = reason === undefined ? "" : `${reason}`;
      checkClose(code === undefined ? 1000 : closeCode, closeReason, refuse);
      if (this.readyState > STATES.OPEN) return;
      this.#closing = true;
      this.#link.close(closeCode, closeReason, CLOSE_TIMEOUT);
    }

    #receive(data) {
      this.#link.taken(1);
      // As the browser: what arrives after `close` is not told.
      if (this.readyState !== STATES.OPEN) return;
      const { origin } = new URL(this.#url);
      const isBlob = typeof data !== "string" && this.#binaryType === "blob";
      this.#fire(new MessageEvent("message", { data: isBlob ? new Blob([data]) : data, origin }));
    }

    #end(end, error) {
      const last = () => {
        this.#closed = true;
        // Ended before it was open, or by its own decision: to the browser's class both are failures.
        if (!this.#opened) end = { code: 1006, reason: "", wasClean: false };
        this.#fireClose(end, error);
      };
      // An end from inside `close` is told in a turn of its own.
      if (this.#closing) setTimeout(last);
      else last();
    }

    #fireClose(end, error) {
      if (this.#erred || !(this.#opened || this.#returns)) this.#fireError(error);
      this.#fire(closeEvent(end));
    }

    #fireError(error) {
      this.#erred = false;
      this.#fire(Object.assign(new Event("error"), error && { error }));
    }

    #fire(event) {
      this.dispatchEvent(event);
    }

    static {
      for (const [name, value] of Object.entries(STATES)) {
        for (const holder of [this, this.prototype]) Object.defineProperty(holder, name, { value, enumerable: true });
      }
      for (const type of EVENTS) {
        const listeners = new WeakMap();
        Object.defineProperty(this.prototype, `on${type}`, {
          enumerable: true,
          configurable: true,
          get() {
            return this.#handlers[type] ?? null;
          },
          set(handler) {
            const had = this.#handlers[type];
            this.#handlers[type] = typeof handler === "function" || typeof handler === "object" ? handler : null;
            if (!listeners.has(this)) {
              listeners.set(this, (event) => {
                if (typeof this.#handlers[type] === "function") this.#handlers[type](event);
              });
            }
            if (this.#handlers[type] && !had) this.addEventListener(type, listeners.get(this));
            if (!this.#handlers[type] && had) this.removeEventListener(type, listeners.get(this));
          },
        });
      }
      Object.defineProperty(this.prototype, Symbol.toStringTag, { value: "WebSocket", configurable: true });
    }
  }
  return TautSocket;
}

const isIterable = (value) => typeof value === "object" && value !== null && Symbol.iterator in value;

/** A string, a Blob or bytes, as the interface's conversions make them. */
function payloadOf(data) {
  if (typeof Blob !== "undefined" && data instanceof Blob) return data;
  return bytesOf(data) ?? `${data}`;
}

/** As WebIDL makes an unsigned short of it, clamped. */
function clamp(code) {
  const number = Math.min(Math.max(Number(code), 0), 65535);
  return Number.isNaN(number) ? 0 : Math.round(number);
}

function refuse(message, isCode) {
  throw new DOMException(message, isCode ? "InvalidAccessError" : "SyntaxError");
}

/** Not every runtime has the class. */
function closeEvent(end) {
  return typeof CloseEvent === "undefined" ? Object.assign(new Event("close"), end) : new CloseEvent("close", end);
}
