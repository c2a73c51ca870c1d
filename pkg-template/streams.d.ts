// The entry `tautline/streams`: a socket as a pair of Web Streams, with backpressure both ways.

import type { Socket } from "./socket.js";

/** A socket's messages as Web Streams. Neither stream ends the socket: `socket.close()` does. */
export interface SocketStreams<In = unknown, Out = In> {
  /**
   * The messages that arrive, from the oldest that nobody has taken. It becomes the one consumer when this property
   * is first read, and throws then with the code `consumer` where messages go elsewhere.
   *
   * It reads nothing ahead (high water mark 0): a message counts as taken when it is read, and until then is in the
   * socket's inbox, within its bounds. (With `durable`, a slow reader slows the writer at the other end.) What was
   * asked for by a reader that let go meanwhile is the stream's, for its next reader. It closes when the socket is
   * closed for good and all of it is read. Cancelling it lets the messages go to another consumer, for one to the next
   * `streams(socket)`, and leaves the socket open.
   */
  readonly readable: ReadableStream<In>;
  /**
   * Sends what is written to it. A write ends when the message is accepted, so `ready` and `desiredSize` hold a writer
   * back while the outbox is full. Closing it is a `flush`: it ends when everything is handed to the browser, with
   * `durable` when the other application has taken it, and rejects with `session-lost` where nobody knows that any
   * more. Closing and aborting leave the socket open. Once the socket is closed for good the stream fails with the code
   * `closed`; and as any stream it fails for good where one write does (code `encode`, `too-big`, or `overflow` of an
   * outbox that rejects): ask for another with `streams(socket)`.
   */
  readonly writable: WritableStream<Out>;
}

/**
 * A socket as Web Streams.
 *
 * @example
 * ```ts
 * import { connect } from "tautline";
 * import { streams } from "tautline/streams";
 *
 * const socket = connect("/upload", { codec: "bytes" });
 * const { writable } = streams(socket);
 * await file.stream().pipeTo(writable); // no faster than the server takes it
 * await socket.close();
 * ```
 */
export function streams<In, Out>(socket: Socket<In, Out>): SocketStreams<In, Out>;
