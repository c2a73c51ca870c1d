// A program for Node, with Node's types and without the DOM's.

import { readFileSync } from "node:fs";
import { connect } from "tautline";
import { init } from "tautline/slim";
import { streams } from "tautline/streams";
import TautSocket from "tautline/websocket";

await init(new Response());
const socket = connect("ws://127.0.0.1/", { codec: "bytes", signal: AbortSignal.timeout(1) });
socket.addEventListener("message", ({ data }) => data.subarray(1));
socket.addEventListener("close", ({ code }) => code.toFixed());
await socket.send(readFileSync("file"));
await streams(socket).readable.pipeTo(new WritableStream<Uint8Array>());

const plain: WebSocket = new TautSocket("ws://127.0.0.1/");
plain.onmessage = ({ data }) => console.log(data);
