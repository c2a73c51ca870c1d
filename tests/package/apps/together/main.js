// Every entry that opens sockets, in one application: it says how often the wasm was instantiated for all of them.

import { connect, TautlineError } from "tautline";
import * as slim from "tautline/slim";
import { streams } from "tautline/streams";
import TautSocket from "tautline/websocket";

let instances = 0;
const count = (make) => new Proxy(make, {
  apply: (target, self, args) => (instances++, Reflect.apply(target, self, args)),
  construct: (target, args) => (instances++, Reflect.construct(target, args)),
});
// Nothing is done at import, so that this comes in time.
for (const name of ["Instance", "instantiate", "instantiateStreaming"]) WebAssembly[name] = count(WebAssembly[name]);

const url = new URLSearchParams(location.search).get("server");

const first = connect(url);
const { readable, writable } = streams(first);
await writable.getWriter().write("by streams");
console.log((await readable.getReader().read()).value);

const second = new TautSocket(url);
second.onopen = () => second.send("by the WebSocket interface");
console.log(await new Promise((resolve) => (second.onmessage = ({ data }) => resolve(data))));

const third = slim.connect(url);
await third.send("by slim");
for await (const message of third) {
  console.log(message);
  break;
}

second.close();
await Promise.all([first.close(), third.close()]);
const errors = await Promise.all([first, third].map((socket) => socket.send("too late").catch((error) => error)));
console.log(errors.every((error) => error instanceof TautlineError), slim.TautlineError === TautlineError);
console.log(`${instances} instance`);
