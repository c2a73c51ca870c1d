// The same as serve.js, as a CommonJS module.

const process = require("node:process");
const { durable } = require("tautline/server");
const { WebSocketServer } = require("ws");

const wss = new WebSocketServer({ host: "127.0.0.1", port: 0 });
const sessions = durable(wss);
sessions.on("session", async (session) => {
  for await (const message of session) await session.send(message);
});
wss.on("listening", () => console.log(`listening on http://127.0.0.1:${wss.address().port}`));
process.once("SIGTERM", async () => {
  await sessions.shutdown();
  wss.close();
});
