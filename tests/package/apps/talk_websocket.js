// The same steps through the interface of the browser's own WebSocket, as code written for that takes them.

export async function talkWebSocket(WebSocket, url, say) {
  const socket = new WebSocket(url, [], { reconnect: { minDelay: 20, maxDelay: 200 } });
  const event = (type) => new Promise((resolve) => socket.addEventListener(type, resolve, { once: true }));

  await event("open");
  socket.send("hello");
  say(`echo of ${(await event("message")).data}`);
  await event("close");
  socket.send("1");
  socket.send("22");
  const state = socket.readyState === WebSocket.CONNECTING ? "connecting" : socket.readyState;
  say(`${state} with ${socket.bufferedAmount} bytes`);
  const echoes = [];
  const both = new Promise((resolve) => (socket.onmessage = ({ data }) => echoes.push(data) === 2 && resolve()));
  await event("open");
  await both;
  say(`echoes of ${echoes}`);
  socket.close(1000);
  say(`closed with ${(await event("close")).code}`);
}
