// A server made with `ws` that answers what it is told, once it has been made durable: two lines of it are new.

const ws = require("ws");
const { durable } = require("tautline/server");
const server = durable(new ws.Server({ port: 8080 }), { allowOrigin: "http://localhost:8000" });
server.on("connection", (client) => {
  console.log("one more");
  client.on("message", (text) => {
    console.log("heard %s", text);
    client.send(`you said: ${text}`);
  });
  client.on("close", () => console.log("one less"));
});
