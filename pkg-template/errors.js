// The error that everything in the package rejects with, fires or throws, argument errors excepted.

export class TautlineError extends Error {
  constructor(code, message, details) {
    super(message, details);
    this.name = "TautlineError";
    this.code = code;
    if (details?.data !== undefined) this.data = details.data;
  }
}

const MESSAGES = {
  aborted: "the caller ended the socket",
  refused: "there is no WebSocket here; Node has one from version 22",
  closed: "the socket is closing or closed; the message was not accepted",
  overflow: "the outbox is full: await send(), or raise the bounds of `outbox`",
  "too-big": "the message is larger than the whole outbox may be, or than the server takes: split it, or raise the bound",
  consumer: "the messages go to another consumer: one takes them, `for await`, `readable` or `message` listeners",
  encode: "the message can't be encoded",
  decode: "a message can't be decoded",
  "session-lost": "the server has lost the session: what became of messages that had gone out is unknown",
  wasm: "WebAssembly can't run here; under a Content-Security-Policy, allow 'wasm-unsafe-eval' in script-src",
};

/** Why there is no wasm: what was thrown, or that with words. */
export function wasmFailure(cause) {
  return cause instanceof TautlineError ? cause : failure("wasm", { cause });
}

/** An error of this package's own making, with its words. */
export function failure(code, details) {
  return new TautlineError(code, MESSAGES[code], details);
}
