// tautline/websocket beside the browser's own class: every way in which a connection ends or never comes to be.

import { sameOnBothSides, useStage } from "./sides.mjs";

useStage();

/** One connection with these faults, watched to its end. */
const watchTheEnd = (query, messages = 0) => `async (Socket, kit) => {
  const socket = kit.watch(new Socket(kit.echo(${JSON.stringify(query)})));
  socket.addEventListener("open", () => { for (let n = 0; n < ${messages}; n++) socket.send("message " + n); });
  await kit.until("close");
}`;

/** One connection, its echo, and then an order to the server. */
const watchTheOrder = (query) => `async (Socket, kit) => {
  const socket = kit.watch(new Socket(kit.echo()));
  await kit.until("open");
  socket.send("message");
  await kit.until("message");
  await kit.order(${JSON.stringify(query)});
  await kit.until("close");
}`;

const ENDS = {
  "closes with a code and a reason": ["close=4000&reason=enough%20%C3%BC", 0],
  "closes with 1000": ["close=1000", 0],
  "closes with 1001": ["close=1001&reason=away", 0],
  "closes with 1002": ["close=1002", 0],
  "closes with 1007": ["close=1007", 0],
  "closes with 1009": ["close=1009", 0],
  "closes with 1011": ["close=1011", 0],
  "closes with 1012": ["close=1012", 0],
  "closes with 1013": ["close=1013", 0],
  "closes with 2999": ["close=2999", 0],
  "closes with 3000": ["close=3000", 0],
  "closes after an echo": ["close=4000&after=2", 2],
  "ends the stream at once": ["drop=1", 0],
  "refuses with 503": ["refuse=503", 0],
  "refuses with 401": ["refuse=401", 0],
  "answers 200": ["refuse=200", 0],
  "answers 302": ["refuse=302", 0],
  "does not know the fault": ["nonsense=1", 0],
};
for (const kind of ["opcode", "rsv", "utf8", "masked", "control", "continuation", "oversize", "truncated"]) {
  ENDS[`breaks the protocol: ${kind}`] = [`malformed=${kind}`, 0];
}
for (const [what, [query, messages]] of Object.entries(ENDS)) {
  sameOnBothSides(`a server that ${what}`, watchTheEnd(query, messages));
}

for (const order of ["reset=1", "drop=1", "close=1000", "close=4321&reason=so"]) {
  sameOnBothSides(`a server that is ordered to ${order}`, watchTheOrder(order));
}

sameOnBothSides("a port where nobody listens", async (Socket, kit) => {
  kit.watch(new Socket("ws://127.0.0.1:1025/"));
  await kit.until("close");
});

sameOnBothSides("a port that browsers block", async (Socket, kit) => {
  const socket = kit.watch(new Socket("ws://127.0.0.1:25/"));
  kit.note(socket.readyState);
  await Promise.resolve();
  kit.note("a microtask later", socket.readyState);
  await kit.until("close");
});

sameOnBothSides("a server that takes the connection and resets it", async (Socket, kit) => {
  await cut();
  kit.watch(new Socket(kit.proxied()));
  await kit.until("close");
  await mend();
  await kit.lap();
});

sameOnBothSides("a cable that breaks while messages are under way", async (Socket, kit) => {
  const socket = kit.watch(new Socket(kit.proxied()));
  await kit.until("open");
  socket.send("one");
  await kit.until("message");
  await cut();
  await kit.until("close");
  await mend();
  kit.note(
    "after it", kit.attempt(() => socket.send("x")), socket.bufferedAmount, kit.attempt(() => socket.close(4000)),
  );
  await kit.lap();
});

const ODD = {
  "a subprotocol that was not offered": [{ header: "Sec-WebSocket-Protocol: other" }, ["mine"]],
  "a subprotocol though none was offered": [{ header: "Sec-WebSocket-Protocol: other" }],
  "no subprotocol though one was offered": [{}, ["mine"]],
  "an extension that was not offered": [{ header: "Sec-WebSocket-Extensions: mux" }],
  "a wrong Sec-WebSocket-Accept": [{ accept: "AAAAAAAAAAAAAAAAAAAAAAAAAAA=" }],
  "two subprotocols": [{ header: ["Sec-WebSocket-Protocol: a", "Sec-WebSocket-Protocol: b"] }, ["a", "b"]],
  "a close frame without a code": [{ send: "8800", then: "fin" }],
  "a close frame with half a code": [{ send: "880103", then: "fin" }],
  "a close frame with the code 1005": [{ send: "880203ed", then: "fin" }],
  "a close frame with the code 1006": [{ send: "880203ee", then: "fin" }],
  "a close frame with the code 999": [{ send: "880203e7", then: "fin" }],
  "a close frame with the code 5000": [{ send: "88021388", then: "fin" }],
  "a close frame whose reason is no UTF-8": [{ send: "880403e8fffe", then: "fin" }],
  "a close frame with a reason of 124 bytes": [{ send: `887e007e03e8${"61".repeat(124)}`, then: "fin" }],
  "a message after its close frame": [{ send: "880203e8810161", then: "fin" }],
  "two close frames": [{ send: "88020fa088020fa1", then: "fin" }],
  "a message and the end of the stream in one packet": [{ send: "810161", then: "fin" }],
};
for (const [what, [wishes, protocols]] of Object.entries(ODD)) {
  sameOnBothSides(`a server that answers with ${what}`, `async (Socket, kit) => {
    const socket = kit.watch(new Socket(kit.odd(${JSON.stringify(wishes)}), ${JSON.stringify(protocols) ?? "[]"}));
    await kit.until("close");
  }`);
}

sameOnBothSides("between the server's close frame and the end of the stream it is CLOSING", async (Socket, kit) => {
  const socket = kit.watch(new Socket(kit.odd({ send: "88020fa0" })));
  await kit.until("open");
  while (socket.readyState === 1) await kit.lap();
  kit.note(socket.readyState, kit.seen("close"), kit.attempt(() => socket.send("abc")), socket.bufferedAmount);
  kit.note(kit.attempt(() => socket.close(4001, "mine")), socket.readyState);
  await kit.until("close");
});

sameOnBothSides("subprotocols and extensions are what the server chose", async (Socket, kit) => {
  const socket = kit.watch(new Socket(kit.echo("protocol=b"), ["a", "b"]));
  await kit.until("open");
  socket.close();
  await kit.until("close");
  kit.note(socket.protocol, socket.extensions);
}, { plain: true });

sameOnBothSides("the permessage-deflate extension shows", async (Socket, kit) => {
  const header = "Sec-WebSocket-Extensions: permessage-deflate";
  const socket = kit.watch(new Socket(kit.odd({ header, answer: "880203e8", then: "fin" })));
  await kit.until("open");
  socket.close(1000);
  await kit.until("close");
  kit.note(socket.extensions);
}, { plain: true });

sameOnBothSides("microtasks run between error and close", async (Socket, kit) => {
  const socket = kit.keep(new Socket(kit.echo("refuse=503")));
  for (const type of ["error", "close"]) {
    socket.addEventListener(type, () => {
      kit.note(type, socket.readyState);
      Promise.resolve().then(() => kit.note("a microtask after", type));
      if (type === "close") kit.note({ type });
    });
  }
  await kit.until("close");
});

sameOnBothSides("a socket without any listener ends in CLOSED", async (Socket, kit) => {
  const socket = kit.keep(new Socket(kit.echo("refuse=503")));
  while (socket.readyState !== 3) await kit.lap();
  kit.note(socket.readyState);
});
