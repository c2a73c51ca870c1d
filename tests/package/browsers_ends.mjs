// How connections end, for both classes side by side in Firefox and WebKit, and the list of what differs there. The
// scenarios run in sides_page.js; websocket_ends.test.mjs has many more, in Chromium.

/** One connection with one class, watched to its end. */
const watch = (address, act = "") => `async (Socket, kit) => {
  const socket = kit.watch(new Socket(${address}));
  ${act}
  await kit.until("close");
}`;
const whenOpen = (act) => `await kit.until("open"); ${act}`;

/**
 * How connections end. What breaks breaks after a message: where that comes right behind the opening, Firefox may tell
 * the end alone, without an `open`.
 */
export const ENDS = {
  "the server closes with a code and a reason": watch(
    `kit.echo("close=4000&reason=enough%20%C3%BC&after=1")`, whenOpen(`socket.send("one");`),
  ),
  "the server closes without a code": watch(`kit.odd({ send: "8800", answer: "", then: "fin" })`),
  "the server resets": watch(`kit.echo("reset=1&after=1")`, whenOpen(`socket.send("one");`)),
  "the stream ends": watch(`kit.echo("drop=1&after=1")`, whenOpen(`socket.send("one");`)),
  "the server breaks the protocol": watch(`kit.echo("malformed=rsv&after=1")`, whenOpen(`socket.send("one");`)),
  "the server refuses": watch(`kit.echo("refuse=503")`),
  "nobody listens": watch(`"ws://127.0.0.1:1025/"`),
  "close() while connecting": watch(`kit.echo("delay=1000")`, `
    kit.note(kit.attempt(() => socket.close(4001, "mine")), socket.readyState);
    await Promise.resolve();
    kit.note("a microtask later", socket.readyState);`),
  "close() when open": watch(`kit.echo()`, whenOpen(`
    kit.note(kit.attempt(() => socket.close(4001, "mine")), socket.readyState);
    socket.send("too late");
    kit.note(socket.bufferedAmount);`)),
  "close() with a reason alone": watch(`kit.echo()`, whenOpen(`
    kit.note(kit.attempt(() => socket.close(undefined, "mine")), socket.readyState);
    socket.close();`)),
  "a port that browsers block": `async (Socket, kit) => {
    kit.watch(new Socket("ws://127.0.0.1:25/"));
    await kit.until("error");
    await kit.lap();
  }`,
};

const OPEN = "open, state 1, 0 bytes left";
const BROKEN = 'close 1006 "" unclean, state 3, 0 bytes left';
const REFUSED = '[{"threw":"InvalidAccessError","class":"DOMException","code":15},1]';

/** Where a browser's own class differs from tautline's, which does as Chromium's does, and from Chromium's. */
export const DIFFERENCES = {
  Firefox: {
    // Chromium refuses it, as a close frame has no reason without a code; this one drops the reason.
    "close() with a reason alone": {
      own: [OPEN, '["undefined",2]', 'close 1005 "" clean, state 3, 0 bytes left'],
      taut: [OPEN, REFUSED, 'close 1005 "" clean, state 3, 0 bytes left'],
    },
  },
  WebKit: {
    // As in Firefox.
    "close() with a reason alone": {
      own: [OPEN, '["undefined",2]', 'close 1005 "" clean, state 3, 0 bytes left'],
      taut: [OPEN, REFUSED, 'close 1005 "" clean, state 3, 0 bytes left'],
    },
    // What is sent too late counts with its frame: six bytes more.
    "close() when open": {
      own: [OPEN, '["undefined",2]', "14", 'close 4001 "mine" clean, state 3, 14 bytes left'],
      taut: [OPEN, '["undefined",2]', "8", 'close 4001 "mine" clean, state 3, 8 bytes left'],
    },
    // It stays CONNECTING, without an end.
    "a port that browsers block": {
      own: ["error, state 0, 0 bytes left"],
      taut: ["error, state 3, 0 bytes left", BROKEN],
    },
  },
};

/** What a scenario saw, a line for each entry. */
export function linesOf({ log, uncaught }) {
  const line = (entry) => {
    if (!entry.type) return JSON.stringify(entry);
    const { type, data, code, reason, wasClean, readyState, bufferedAmount } = entry;
    const end = type === "close" ? ` ${code} "${reason}" ${wasClean ? "clean" : "unclean"}` : "";
    return `${type}${data ? ` ${data}` : ""}${end}, state ${readyState}, ${bufferedAmount ?? 0} bytes left`;
  };
  return [...log.map(line), ...uncaught];
}
