// A TautSocket is a WebSocket, and its class the class of one.

import TautSocket, { TautlineError, type TautSocketOptions } from "tautline/websocket";
import { WebsocketProvider } from "y-websocket";
import { Doc } from "yjs";

const options: TautSocketOptions = { reconnect: { maxDelay: 1 }, outbox: { messages: 1, overflow: "drop-oldest" } };
const Class: typeof WebSocket = TautSocket;
const Bound: typeof WebSocket = TautSocket.with(options);
const socket: WebSocket = new TautSocket("/", "chat", options);
const own = new TautSocket("/");
new WebsocketProvider("/", "room", new Doc(), { WebSocketPolyfill: TautSocket.with({ reconnect: false }) });
new WebsocketProvider("/", "room", new Doc(), { WebSocketPolyfill: TautSocket.with({ durable: true }) });
new TautSocket("/", [], { durable: true, heartbeat: { interval: 1, timeout: 1 }, outbox: { messages: 1 } });

class Loud extends TautSocket.with({ connectTimeout: 1 }) {
  override send(data: string) {
    super.send(`${data}!`);
  }
}
new Loud(async () => "/");

own.onmessage = (event: MessageEvent<string>) => event.data.length;
own.onclose = function (event) {
  const same: CloseEvent = event;
  console.log(this.url, same.code);
};
own.addEventListener("close", ({ code, wasClean }) => console.log(code, wasClean));
own.addEventListener("error", ({ error }) => error instanceof TautlineError && error.code === "refused");
own.binaryType = "arraybuffer";
for (const data of ["", new ArrayBuffer(1), new Uint8Array(1), new Blob()]) own.send(data);
if (own.readyState === TautSocket.OPEN || own.readyState === own.CLOSED) own.close(1000, "");
console.log(Bound, socket);
