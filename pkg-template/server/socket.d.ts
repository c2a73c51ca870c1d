import type { Buffer } from "node:buffer";
import type { EventEmitter } from "node:events";

/** What a message is given as: text always as a Buffer, bytes as `binaryType` says. */
export type RawData = Buffer | ArrayBuffer | Buffer[];

/** What `send` takes, as a socket of `ws` does. */
export type SocketPayload =
  | string
  | number
  | Blob
  | ArrayBufferLike
  | ArrayBufferView
  | readonly any[]
  | { valueOf(): ArrayBufferLike }
  | { valueOf(): Uint8Array }
  | { valueOf(): readonly number[] }
  | { valueOf(): string }
  | { [Symbol.toPrimitive](hint: string): string };

/** The events that listeners of `addEventListener` are given, as those of `ws`. */
export interface SessionSocketEventMap {
  open: { readonly type: string; readonly target: SessionSocket };
  message: { readonly type: string; readonly target: SessionSocket; readonly data: string | RawData };
  error: { readonly type: string; readonly target: SessionSocket; readonly error: any; readonly message: string };
  close: {
    readonly type: string;
    readonly target: SessionSocket;
    readonly code: number;
    readonly reason: string;
    readonly wasClean: boolean;
  };
}

/** What is called when a message is accepted, or is not going to be. */
export type SendCallback = (error?: Error) => void;

type Listener<Type> = ((event: Type) => void) | { handleEvent(event: Type): void };

/**
 * A session with the interface of a socket of `ws`, for libraries that sit on a `ws` server. It is OPEN as long as the
 * session lives: connections come and go, and nobody notices. It is assignable to the `WebSocket` of `ws`.
 *
 * What differs from a socket of `ws`, because a session stands behind it:
 *
 * - `close` tells of the session's end. Until then messages are delivered exactly once and in order, both ways.
 * - The callback of `send` is called when the message is accepted; `bufferedAmount` counts what the client's application
 *   has not taken. There is no bound to what `send` takes, as with `ws`: look at `bufferedAmount`, or wait for the
 *   callback, which past the option `outbox` is called when there is room.
 * - `close()` waits until what stands before a full outbox is in it, and then until the client's application has taken what
 *   was sent, for the option `closeTimeout` each. `terminate()` waits for nothing: what was not taken may be lost, and the
 *   client is told that its session is.
 * - `ping()` is answered with a `pong` as long as the session lives, whether there is a connection or not: dead links are
 *   the session's own to notice. There is no `ping` event, and `pong()` sends nothing. A ping can't be a Blob.
 * - Messages wait for the first listener. While it is paused, they are not taken, so that the client is held back; and the
 *   end, too, waits for `resume()`.
 * - A client that sends a larger message than the option `maxMessage` says ends its session with 4413; there is no `error`
 *   event for that.
 * - Bytes that are sent as text and are no UTF-8 arrive with U+FFFD in their place.
 * - Fragments are put together, as the session has only whole messages: with `fin: false`, `send` waits for the last.
 * - There is no socket of the network: `_socket` has the client's `remoteAddress`, and what `createWebSocketStream` of `ws`
 *   needs. There is no `upgrade` event, and `url` is undefined, as for every socket of a server.
 *
 * @example
 * ```ts
 * sessions.on("connection", (socket) => {
 *   socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary })); // an echo
 * });
 * ```
 */
export interface SessionSocket extends EventEmitter {
  readonly CONNECTING: 0;
  readonly OPEN: 1;
  readonly CLOSING: 2;
  readonly CLOSED: 3;
  /** OPEN as long as the session lives and nobody closes it; never CONNECTING. */
  readonly readyState: 0 | 1 | 2 | 3;
  /** The application's subprotocol; "": none. */
  readonly protocol: string;
  /** "": a session has none. */
  readonly extensions: string;
  /** Undefined, as for every socket of a server; `ws` has it in its types, too. */
  readonly url: string;
  /** How many bytes of what was sent the client's application has not taken; a text counts its bytes in UTF-8. */
  readonly bufferedAmount: number;
  /** Whether `pause` holds the messages back. */
  readonly isPaused: boolean;
  /**
   * What messages are given as. (`"blob"` is known as well. The types of `ws` leave it out, and so it is here.)
   *
   * @default "nodebuffer"
   */
  binaryType: "nodebuffer" | "arraybuffer" | "fragments";

  onopen: ((event: SessionSocketEventMap["open"]) => void) | null;
  onmessage: ((event: SessionSocketEventMap["message"]) => void) | null;
  onerror: ((event: SessionSocketEventMap["error"]) => void) | null;
  onclose: ((event: SessionSocketEventMap["close"]) => void) | null;

  /**
   * Sends a message, or keeps it until there is a connection. For a session that has ended the callback is given an
   * error. So it is for a message that is larger than the client takes or than the outbox, and the session goes on; where
   * there is no callback, it ends with 1009, so that nothing is lost in silence.
   */
  send(data: SocketPayload, callback?: SendCallback): void;
  send(
    data: SocketPayload,
    options: {
      /** Whether it is bytes. Default: everything but strings and numbers is. */
      binary?: boolean | undefined;
      /** Whether it is the last part of the message. Default: true. */
      fin?: boolean | undefined;
      /** It has no effect. */
      compress?: boolean | undefined;
      /** It has no effect. */
      mask?: boolean | undefined;
    },
    callback?: SendCallback,
  ): void;
  /**
   * Ends the session as a WebSocket is closed. Throws as `ws` does for codes and reasons that a close frame can't have.
   * Without a code the client is told 1000.
   */
  close(code?: number, data?: string | Uint8Array): void;
  /** Ends the session at once: nothing more is sent. */
  terminate(): void;
  ping(data?: any, mask?: boolean, callback?: (error: Error) => void): void;
  pong(data?: any, mask?: boolean, callback?: (error: Error) => void): void;
  pause(): void;
  resume(): void;

  addEventListener<K extends keyof SessionSocketEventMap>(
    type: K,
    listener: Listener<SessionSocketEventMap[K]>,
    options?: { once?: boolean | undefined },
  ): void;
  removeEventListener<K extends keyof SessionSocketEventMap>(type: K, listener: Listener<SessionSocketEventMap[K]>): void;

  on(event: "close", listener: (this: SessionSocket, code: number, reason: Buffer) => void): this;
  on(event: "error", listener: (this: SessionSocket, error: Error) => void): this;
  on(event: "message", listener: (this: SessionSocket, data: RawData, isBinary: boolean) => void): this;
  on(event: "open", listener: (this: SessionSocket) => void): this;
  on(event: "ping" | "pong", listener: (this: SessionSocket, data: Buffer) => void): this;
  on(event: string | symbol, listener: (this: SessionSocket, ...args: any[]) => void): this;

  once(event: "close", listener: (this: SessionSocket, code: number, reason: Buffer) => void): this;
  once(event: "error", listener: (this: SessionSocket, error: Error) => void): this;
  once(event: "message", listener: (this: SessionSocket, data: RawData, isBinary: boolean) => void): this;
  once(event: "open", listener: (this: SessionSocket) => void): this;
  once(event: "ping" | "pong", listener: (this: SessionSocket, data: Buffer) => void): this;
  once(event: string | symbol, listener: (this: SessionSocket, ...args: any[]) => void): this;

  off(event: "close", listener: (this: SessionSocket, code: number, reason: Buffer) => void): this;
  off(event: "error", listener: (this: SessionSocket, error: Error) => void): this;
  off(event: "message", listener: (this: SessionSocket, data: RawData, isBinary: boolean) => void): this;
  off(event: "open", listener: (this: SessionSocket) => void): this;
  off(event: "ping" | "pong", listener: (this: SessionSocket, data: Buffer) => void): this;
  off(event: string | symbol, listener: (this: SessionSocket, ...args: any[]) => void): this;

  addListener(event: "close", listener: (this: SessionSocket, code: number, reason: Buffer) => void): this;
  addListener(event: "error", listener: (this: SessionSocket, error: Error) => void): this;
  addListener(event: "message", listener: (this: SessionSocket, data: RawData, isBinary: boolean) => void): this;
  addListener(event: "open", listener: (this: SessionSocket) => void): this;
  addListener(event: "ping" | "pong", listener: (this: SessionSocket, data: Buffer) => void): this;
  addListener(event: string | symbol, listener: (this: SessionSocket, ...args: any[]) => void): this;

  removeListener(event: "close", listener: (this: SessionSocket, code: number, reason: Buffer) => void): this;
  removeListener(event: "error", listener: (this: SessionSocket, error: Error) => void): this;
  removeListener(event: "message", listener: (this: SessionSocket, data: RawData, isBinary: boolean) => void): this;
  removeListener(event: "open", listener: (this: SessionSocket) => void): this;
  removeListener(event: "ping" | "pong", listener: (this: SessionSocket, data: Buffer) => void): this;
  removeListener(event: string | symbol, listener: (this: SessionSocket, ...args: any[]) => void): this;

  prependListener(event: "close", listener: (this: SessionSocket, code: number, reason: Buffer) => void): this;
  prependListener(event: "error", listener: (this: SessionSocket, error: Error) => void): this;
  prependListener(event: "message", listener: (this: SessionSocket, data: RawData, isBinary: boolean) => void): this;
  prependListener(event: "open", listener: (this: SessionSocket) => void): this;
  prependListener(event: "ping" | "pong", listener: (this: SessionSocket, data: Buffer) => void): this;
  prependListener(event: string | symbol, listener: (this: SessionSocket, ...args: any[]) => void): this;

  prependOnceListener(event: "close", listener: (this: SessionSocket, code: number, reason: Buffer) => void): this;
  prependOnceListener(event: "error", listener: (this: SessionSocket, error: Error) => void): this;
  prependOnceListener(event: "message", listener: (this: SessionSocket, data: RawData, isBinary: boolean) => void): this;
  prependOnceListener(event: "open", listener: (this: SessionSocket) => void): this;
  prependOnceListener(event: "ping" | "pong", listener: (this: SessionSocket, data: Buffer) => void): this;
  prependOnceListener(event: string | symbol, listener: (this: SessionSocket, ...args: any[]) => void): this;
}
