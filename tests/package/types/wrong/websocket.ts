// Mistakes with `tautline/websocket`.

import TautSocket from "tautline/websocket";

// a codec for the WebSocket interface → 'codec' does not exist
new TautSocket("/", [], { codec: "json" });
// an outbox that waits, with nobody to wait → Type '"wait"' is not assignable
TautSocket.with({ outbox: { overflow: "wait" } });
// durable by a word, for the WebSocket interface → 'string' is not assignable to type 'boolean
TautSocket.with({ durable: "yes" });
// a number sent through the WebSocket interface → 'number' is not assignable to parameter of type 'SocketData'
new TautSocket("/").send(1);
// a binary type that does not exist → Type '"text"' is not assignable
new TautSocket("/").binaryType = "text";
