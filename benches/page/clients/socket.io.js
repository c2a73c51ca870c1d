// socket.io-client, over WebSocket alone, with a server of its own. It encodes messages itself.

import { io } from "socket.io-client";

export const server = "socket.io";

/** With `recovers` the server keeps messages for those whose connection was cut. */
export function open(url, { recovers = false }) {
  const { origin, pathname, searchParams } = new URL(url);
  const query = { work: pathname.slice(1), ...Object.fromEntries(searchParams) };
  const path = recovers ? "/recovering/" : "/socket.io/";
  const socket = io(origin, { path, transports: ["websocket"], forceNew: true, query });
  const channel = {
    send: (message) => socket.emit("message", message),
    receive(take) {
      return new Promise((resolve, reject) => {
        const listener = (message) => {
          try {
            if (!take(message)) return;
            socket.off("message", listener);
            resolve();
          } catch (error) {
            reject(error);
          }
        };
        socket.on("message", listener);
      });
    },
    close: () => socket.close(),
  };
  return new Promise((resolve, reject) => {
    socket.once("connect", () => resolve(channel));
    socket.once("connect_error", reject);
  });
}
