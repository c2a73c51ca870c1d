// What every application of these tests does: it greets an echo server, loses the link, sends all the same, and hangs
// up. It says each step in a line; conversation.mjs listens, cuts the link and mends it.

/** Soon back; and timers so long that one which outlived its socket would keep a program from ending. */
const OPTIONS = { connectTimeout: 600_000, reconnect: { minDelay: 20, maxDelay: 200, stableAfter: 600_000 } };

export async function talk(connect, url, say) {
  const socket = connect(url, OPTIONS);
  socket.addEventListener("error", ({ error }) => say(`error ${error.code}: ${error.message}`));
  const lost = new Promise((resolve) => socket.addEventListener("disconnect", resolve, { once: true }));
  const messages = socket[Symbol.asyncIterator]();
  const sayEcho = async () => say(`echo of ${JSON.stringify((await messages.next()).value)}`);

  await socket.send({ hello: "wörld 🪢" });
  // A message of a session is kept until it is taken; what stands for a socket in the page of streams does not tell.
  await socket.flush?.();
  await sayEcho();
  await lost;
  for (const n of [1, 2, 3]) await socket.send({ n });
  say(`${socket.state} with ${socket.stats().outbox.messages} messages`);
  for (let n = 0; n < 3; n++) await sayEcho();
  const { code } = await socket.close();
  say(`closed with ${code} after ${socket.stats().reconnects} reconnect`);
}
