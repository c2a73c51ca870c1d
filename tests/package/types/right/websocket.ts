// A TautSocket is a WebSocket, and its class the class of one.

import TautSocket, { TautlineError, type TautSocketOptions } from "tautline/websocket";
import { WebsocketProvider } from "y-websocket";
import { Doc } from "yjs";

const options: TautSocketOptions = { reconnect: { maxDelay: 1 }, outbox: { messages: 1, overflow: "drop-oldest" } };
const Class: typeof WebSocket = TautSocket;
const Bound: typeof WebSocket = TautSocket.with(options);
const socket: WebSocket = new TautSocket("/", "chat", options);
const back: TautSocket = new Class("/");
new WebsocketProvider("/", "room", new Doc(), { WebSocketPolyfill: TautSocket.with({ reconnect: false }) });

class Loud extends TautSocket.with({ connectTimeout: 1 }) {
  override send(data: string) {
    super.send(`${data}!`);
  }
}
new Loud(async () => "/");

back.onmessage = (event: MessageEvent<string>) => event.data.length;
back.onclose = function (event) {
  const same: CloseEvent = event;
  console.log(this.url, same.code);
};
back.addEventListener("close", ({ code, wasClean }) => console.log(code, wasClean));
back.addEventListener("error", ({ error }) => error instanceof TautlineError && error.code === "refused");
back.binaryType = "arraybuffer";
for (const data of ["", new ArrayBuffer(1), new Uint8Array(1), new Blob()]) back.send(data);
if (back.readyState === TautSocket.OPEN || back.readyState === back.CLOSED) back.close(1000, "");
console.log(Bound, socket);
