// A WebSocket server that says what its URL tells it to, for answers that no well-behaved server gives. Without any
// wishes it opens the WebSocket, echoes texts, and does not answer a close.
//
//   header=NAME: VALUE   a header more in the answer to the upgrade; may be repeated
//   accept=VALUE         instead of the right Sec-WebSocket-Accept
//   send=HEX             bytes to send as soon as the WebSocket is open
//   once=NAME            send them on the first connection of that name only, and answer nothing there
//   answer=HEX           bytes to send on the client's close frame
//   then=fin             end the stream after the answer, or, where there is none, after what was sent

import { createHash } from "node:crypto";
import http from "node:http";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const TEXT = 1;
const CLOSE = 8;

/** Splits what a client sends into frames. The frames of these tests are small: one byte of length, a mask of four. */
function frameReader(onFrame) {
  let received = Buffer.alloc(0);
  return (data) => {
    received = Buffer.concat([received, data]);
    while (received.length >= 2) {
      const end = 6 + (received[1] & 0x7f);
      if (received.length < end) return;
      const mask = received.subarray(2, 6);
      const payload = Buffer.from(received.subarray(6, end).map((byte, index) => byte ^ mask[index % 4]));
      const opcode = received[0] & 0x0f;
      received = received.subarray(end);
      onFrame(opcode, payload);
    }
  };
}

export async function startOddServer() {
  const sockets = new Set();
  const names = new Set();
  const server = http.createServer();
  server.on("upgrade", (request, socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket)).on("error", () => socket.destroy());
    const wishes = new URL(request.url, "http://odd").searchParams;
    const bytes = (name) => Buffer.from(wishes.get(name) ?? "", "hex");
    const finish = () => wishes.get("then") === "fin" && socket.end();

    const key = request.headers["sec-websocket-key"];
    const accept = wishes.get("accept") ?? createHash("sha1").update(key + GUID).digest("base64");
    const head = [
      "HTTP/1.1 101 Switching Protocols",
      "Upgrade: websocket",
      "Connection: Upgrade",
      `Sec-WebSocket-Accept: ${accept}`,
      ...wishes.getAll("header"),
    ];
    const name = wishes.get("once");
    const sends = wishes.has("send") && !names.has(name);
    if (name) names.add(name);
    socket.write(Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), sends ? bytes("send") : Buffer.alloc(0)]));
    if (sends && !wishes.has("answer")) finish();

    const read = frameReader((opcode, payload) => {
      if (opcode === TEXT) socket.write(Buffer.concat([Buffer.from([0x81, payload.length]), payload]));
      if (opcode !== CLOSE || (name && sends)) return;
      socket.write(bytes("answer"));
      finish();
    });
    socket.on("data", read);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `ws://127.0.0.1:${server.address().port}`,
    stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
