// Has a SharedWorker hold the conversation.

const worker = new SharedWorker(new URL("./talker.js", import.meta.url), { type: "module" });
worker.onerror = (event) => console.error(`the worker failed: ${event.message}`);
worker.port.onmessage = ({ data: line }) => console.log(line);
worker.port.postMessage(new URLSearchParams(location.search).get("server"));
