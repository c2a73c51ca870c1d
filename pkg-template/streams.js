// The entry `tautline/streams`: a socket as Web Streams, with backpressure in both directions.

import { TautlineError } from "./errors.js";

export function streams(socket) {
  let readable;
  return {
    /** Claims the messages when it is first asked for: whoever only writes leaves them to another consumer. */
    get readable() {
      return (readable ??= readableOf(socket));
    },
    writable: writableOf(socket),
  };
}

function readableOf(socket) {
  const messages = socket[Symbol.asyncIterator]();
  return new ReadableStream(
    {
      async pull(controller) {
        let taken;
        do {
          if ((await messages.ready()).done) return controller.close();
          taken = messages.take();
        } while (!taken);
        controller.enqueue(taken.value);
      },
      cancel: () => messages.return(),
    },
    // Nothing is read ahead: a message counts as taken when the application reads it.
    { highWaterMark: 0 },
  );
}

function writableOf(socket) {
  return new WritableStream({
    start(controller) {
      socket.closed.then(({ code }) =>
        controller.error(new TautlineError("closed", `the socket is closed for good (code ${code})`)),
      );
    },
    write: (message) => socket.send(message),
    close: () => socket.flush(),
  });
}
