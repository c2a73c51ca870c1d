// A worker of workerd, where only modules compiled beforehand may run: it holds the conversation within a request,
// through the entry that the path names, and answers with what it says.

import { connect } from "tautline";
import TautSocket from "tautline/websocket";
import { talk } from "../talk.js";
import { talkWebSocket } from "../talk_websocket.js";

const TALKS = {
  "/tautline": (...args) => talk(connect, ...args),
  "/websocket": (...args) => talkWebSocket(TautSocket, ...args),
};

export default {
  fetch(request, _env, context) {
    const { pathname, searchParams } = new URL(request.url);
    const { readable, writable } = new TextEncoderStream();
    const writer = writable.getWriter();
    const talking = TALKS[pathname](searchParams.get("server"), (line) => writer.write(`${line}\n`))
      .catch((error) => writer.write(`${error.stack}\n`))
      .finally(() => writer.close());
    context.waitUntil(talking);
    // Compressed it would wait for more.
    return new Response(readable, { headers: { "content-encoding": "identity" } });
  },
};
