// Typed messages, events and options.

import { connect, TautlineError, type ErrorCode, type Socket, type UrlSource } from "tautline";

type In = { type: "pong"; at: number };
type Out = { type: "ping" };

const socket: Socket<In, Out> = connect<In, Out>((attempt) => `wss://example.com/?n=${attempt.number}`, {
  protocols: ["chat"],
  durable: true,
  onSessionLost: "resend",
  reconnect: { maxDelay: 1000, retry: ({ code }) => code !== 4000 },
  heartbeat: { interval: 1000, timeout: 1000, message: () => ({ type: "ping" }) },
  outbox: { messages: 10, overflow: "reject" },
  inbox: { bytes: 10, overflow: "drop-oldest" },
  signal: AbortSignal.timeout(1000),
});
await socket.send({ type: "ping" });
await socket.flush();
for await (const message of socket) {
  const at: number = message.at;
  console.log(at);
}

socket.addEventListener("open", ({ resumed }) => resumed satisfies boolean);
socket.addEventListener("message", ({ data }) => data satisfies In, { once: true });
socket.addEventListener("disconnect", ({ code, wasClean }) => [code, wasClean] satisfies [number, boolean]);
socket.addEventListener("disconnect", ({ retryIn }) => retryIn satisfies number | null);
socket.addEventListener("statechange", ({ state, previous, cause }) => state === previous || cause?.code === "refused");
socket.addEventListener("sessionlost", ({ unacknowledged }) => unacknowledged satisfies Out[]);
socket.addEventListener("sessionlost", ({ resent }) => resent satisfies number);
socket.addEventListener("error", { handleEvent: ({ error }) => console.log(error.code, error.cause, error.data) });
socket.addEventListener("close", ({ code, unacknowledged }) => [code, unacknowledged] satisfies [number, Out[]]);
socket.addEventListener("anything", (event) => event.type);

// Handlers that are written for the platform's own types.
const handler = (event: MessageEvent<In>) => event.data.at;
socket.addEventListener("message", handler);
socket.removeEventListener("message", handler);
for (const [type, listener] of new Map<string, EventListener>()) socket.addEventListener(type, listener);
const target: EventTarget = socket;
target.dispatchEvent(new Event("anything"));

const { code } = await socket.close(4000, "bye", { timeout: 100 });
try {
  await socket.send({ type: "ping" });
} catch (error) {
  if (error instanceof TautlineError && error.code === "closed") console.log(code);
}
socket.stats().rtt satisfies number | null;
socket.stats().unacknowledged satisfies number;
socket.stats().outbox.bytes satisfies number;

// Durable or not as it comes; where it is, PINGs are the protocol's.
const durable: boolean = code === 1000;
connect("/", { durable });
connect("/", { durable: true, heartbeat: { interval: 1, timeout: 1 } });
connect("/", { durable: true, heartbeat: false, onSessionLost: "return" });

// `await using`, and iteration by hand.
await using other = connect<string>("/");
const iterator = other[Symbol.asyncIterator]();
const { value, done } = await iterator.next();
if (!done) console.log(value.length);
await iterator.return?.();

const urls: UrlSource[] = [
  "/",
  new URL("wss://example.com"),
  () => "/",
  async () => new URL("wss://example.com"),
  async ({ signal, lastClose }) => (await fetch(`/url?code=${lastClose?.code}`, { signal })).text(),
];
for (const url of urls) connect(url);

// It compiles only while every error code has its case.
export function words(code: ErrorCode): string {
  switch (code) {
    case "closed":
    case "aborted":
    case "overflow":
    case "decode":
    case "encode":
    case "too-big":
    case "url":
    case "timeout":
    case "attempts":
    case "refused":
    case "protocol":
    case "unsupported":
    case "session-lost":
    case "superseded":
    case "unauthorized":
    case "consumer":
    case "wasm":
      return code;
  }
}
