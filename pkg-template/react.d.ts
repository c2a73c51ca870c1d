// The entry `tautline/react`: a socket as long as a component is there. React 18 or later.

import type { TautlineError } from "./errors.js";
import type { Bytes, BytesSource, Codec, Options, UrlSource } from "./options.js";
import type { Socket, State } from "./socket.js";

/** The options of `connect`, read when it connects, and what is for a component alone. */
export interface UseSocketOptions<In = unknown, Out = In> extends Options<In, Out> {
  /**
   * Called with each message, in order, exactly once: for a component that must not miss one. `message` alone can:
   * React renders once for several messages that arrive together, and two equal strings are no change to an effect.
   * It may be a new function on every render; the newest is called.
   *
   * @default none
   * @example
   * ```ts
   * const [lines, setLines] = useState<string[]>([]);
   * useSocket("/log", { codec: "text", onMessage: (line) => setLines((lines) => [...lines, line]) });
   * ```
   */
  onMessage?(message: NoInfer<In>): void;
}

/** What a component has of its socket. */
export interface UseSocket<In = unknown, Out = In> {
  /** Where it stands; `closed` without a URL, `connecting` before the first render is on the page and on a server. */
  readonly state: State;
  /** The last message; undefined before the first. The one of the URL before is gone once the URL is another. */
  readonly message: In | undefined;
  /**
   * What went wrong last: why the state is `waiting` or `closed`, or a message that can't be decoded. Undefined again
   * once it is open.
   */
  readonly error: TautlineError | undefined;
  /**
   * As `socket.send`, and the same function on every render. It may be called before the socket is open, from an
   * effect of this component or of a child, and keeps the message until it is. Without a URL, and once the component
   * is gone, it rejects with the code `closed`. Not for calls while rendering.
   */
  readonly send: (message: Out) => Promise<void>;
  /**
   * The socket itself, for `flush`, `stats` and events, `sessionlost` of a durable one among them; undefined before the
   * first render is on the page, and without a URL. The hook takes its messages: a `for await` over them throws with
   * the code `consumer`.
   */
  readonly socket: Socket<In, Out> | undefined;
}

/** A URL, or nothing yet. */
export type MaybeUrl = UrlSource | null | undefined | false;

/**
 * Connects once the component is on the page, StrictMode or not with one connection, and closes when it is gone: what
 * was sent before still goes out.
 *
 * Another URL closes the socket and connects anew; without one (null, undefined, false) there is no socket. A URL
 * that is a function is asked before every attempt, the newest function each time; another function is no other URL.
 * The options are those of the render that connected: new ones, which an object written in place is on every render,
 * change nothing. To connect anew with other options, give the component another `key`.
 *
 * URLs and options that can't be used throw as in `connect`, from an effect, so to the nearest error boundary.
 *
 * @example
 * ```tsx
 * import { useSocket } from "tautline/react";
 *
 * function Chat({ room }: { room: string }) {
 *   const { state, message, send } = useSocket<{ text: string }>(`wss://example.com/${room}`);
 *   return <button onClick={() => send({ text: "hello" })}>{state}: {message?.text}</button>;
 * }
 * ```
 */
export function useSocket<In extends string = string, Out extends string = In>(
  url: MaybeUrl,
  options: UseSocketOptions<In, Out> & { codec: "text" },
): UseSocket<In, Out>;
export function useSocket(
  url: MaybeUrl,
  options: UseSocketOptions<Bytes, BytesSource> & { codec: "bytes" },
): UseSocket<Bytes, BytesSource>;
export function useSocket<In, Out = In>(
  url: MaybeUrl,
  options: UseSocketOptions<In, Out> & { codec: Codec<In, Out> },
): UseSocket<In, Out>;
export function useSocket<In = unknown, Out = In>(
  url: MaybeUrl,
  options?: UseSocketOptions<In, Out>,
): UseSocket<In, Out>;
