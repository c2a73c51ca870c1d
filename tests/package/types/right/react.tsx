// `useSocket` has the types of `connect`.

import { useEffect } from "react";
import { useSocket, type UseSocket } from "tautline/react";

type Chat = { text: string };

export function Component({ url }: { url: string | undefined }) {
  const { state, message, error, send, socket } = useSocket<Chat>(url, { onMessage: ({ text }) => console.log(text) });
  useEffect(() => {
    send({ text: state }).catch(console.error);
  }, [send]);
  useEffect(() => socket?.addEventListener("open", () => {}), [socket]);

  const orders = useSocket<Chat>("/orders", { durable: true, onSessionLost: "return" }).socket;
  useEffect(() => orders?.addEventListener("sessionlost", ({ unacknowledged }) => unacknowledged[0]?.text), [orders]);

  useSocket(null) satisfies UseSocket<unknown>;
  useSocket(async () => "/", { codec: "text", onMessage: (line) => line.trim() }) satisfies UseSocket<string>;
  useSocket(url ? new URL(url) : false, { codec: "bytes" }).message?.byteLength;
  useSocket("/", { codec: { encode: (n: number) => `${n}`, decode: Number } }).send(1);

  return <p title={error?.code}>{message?.text}</p>;
}
