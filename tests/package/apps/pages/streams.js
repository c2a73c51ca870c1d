// The same conversation, in and out through `tautline/streams`.

import { connect } from "../node_modules/tautline/index.js";
import { streams } from "../node_modules/tautline/streams.js";
import { talk } from "../talk.js";

function connectStreams(url, options) {
  const socket = connect(url, options);
  const { readable, writable } = streams(socket);
  const writer = writable.getWriter();
  return {
    addEventListener: (...args) => socket.addEventListener(...args),
    send: (message) => writer.write(message),
    [Symbol.asyncIterator]: () => readable[Symbol.asyncIterator](),
    close: () => socket.close(),
    stats: () => socket.stats(),
    get state() {
      return socket.state;
    },
  };
}

talk(connectStreams, new URLSearchParams(location.search).get("server"), console.log);
