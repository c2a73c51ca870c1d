// A channel over whatever has the browser's WebSocket interface, as an application that uses it directly would have it.

import { messagesOf } from "./messages.js";

/** Resolves once the socket is open; one that closes before is a failure, unless it says that it tries again. */
export function openEventSocket(socket, { payload, triesAgain = false }) {
  const { encode, decode } = messagesOf(payload);
  let end;
  let ended;
  const channel = {
    send: (message) => socket.send(encode(message)),
    receive(take) {
      return new Promise((resolve, reject) => {
        end = reject;
        // It may have, in the others' turns.
        if (ended) return reject(ended);
        socket.onmessage = ({ data }) => {
          try {
            if (!take(decode(data))) return;
            socket.onmessage = null;
            resolve();
          } catch (error) {
            reject(error);
          }
        };
      });
    },
    close() {
      socket.onclose = null;
      socket.close();
    },
  };
  return new Promise((resolve, reject) => {
    end = reject;
    socket.onopen = () => resolve(channel);
    if (triesAgain) return;
    socket.onclose = ({ code }) => {
      ended = new Error(`the socket closed with ${code}`);
      end(ended);
    };
  });
}
