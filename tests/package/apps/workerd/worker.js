// A worker of workerd, where only modules compiled beforehand may run: it holds the conversation within a request,
// through the entry that the path names, and answers with what it says.

import { connect } from "tautline";
import TautSocket from "tautline/websocket";
import { talk } from "../talk.js";
import { talkWebSocket } from "../talk_websocket.js";

const TALKS = {
  "/tautline": (...args) => talk(connect, ...args),
  "/websocket": (...args) => talkWebSocket(TautSocket, ...args),
  "/throwing": talkThrowing,
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

/** What a listener throws comes out of `dispatchEvent` here, through the engine, and ends the connection. */
async function talkThrowing(url, say) {
  const socket = connect(url, { reconnect: { minDelay: 20, maxDelay: 200 } });
  const lost = new Promise((resolve) => socket.addEventListener("disconnect", resolve, { once: true }));
  const heard = new Promise((resolve) => {
    socket.addEventListener("message", ({ data }) => {
      if (data === "first") throw new Error("of a listener");
      resolve(data);
    });
  });
  await socket.send("first");
  await lost;
  await socket.send("second");
  await say(`heard ${await heard}`);
  const { code } = await socket.close();
  await say(`closed with ${code} after ${socket.stats().reconnects} reconnect`);
}
