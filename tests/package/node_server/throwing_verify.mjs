// A server whose `verifyClient` throws, in a process of its own: says what became of the error and of the client.

import { once } from "node:events";
import process from "node:process";
import { durable } from "tautline/server";
import WebSocket, { WebSocketServer } from "ws";

const verifyClient = () => {
  throw new Error("not today");
};
process.on("uncaughtException", ({ message }) => console.log(`thrown: ${message}`));

const wss = new WebSocketServer({ port: 0, host: "127.0.0.1", verifyClient });
durable(wss, { authenticate: () => (process.argv[2] === "later" ? Promise.resolve(true) : true) });
await once(wss, "listening");
const client = new WebSocket(`ws://127.0.0.1:${wss.address().port}`, "tautline.v1");
await new Promise((resolve) => client.once("error", resolve));
console.log("cut");
wss.close();
