// A channel over a socket of Tautline.

/** Resolves once it is connected. */
export async function openTautline(connect, url, { payload, durable }) {
  const socket = connect(url, { codec: payload === "json" ? "json" : "text", durable });
  await socket.opened;
  return {
    send: (message) => socket.send(message),
    async receive(take) {
      for await (const message of socket) if (take(message)) return;
      const { code, reason } = await socket.closed;
      throw new Error(`the socket closed with ${code} ${reason}`);
    },
    close: () => socket.close(),
  };
}
