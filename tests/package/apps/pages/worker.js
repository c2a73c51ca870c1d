// Has a dedicated worker hold the conversation.

const worker = new Worker(new URL("./talker.js", import.meta.url), { type: "module" });
worker.onmessage = ({ data: line }) => console.log(line);
worker.onerror = (event) => console.error(`the worker failed: ${event.message}`);
worker.postMessage(new URLSearchParams(location.search).get("server"));
