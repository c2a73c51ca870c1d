// What runs inside of a worker, dedicated or shared: the conversation, told to the page line by line.

import { connect } from "../node_modules/tautline/index.js";
import { talk } from "../talk.js";

function listen(port) {
  port.onmessage = ({ data: url }) => talk(connect, url, (line) => port.postMessage(line));
}

if (globalThis.SharedWorkerGlobalScope) addEventListener("connect", ({ ports: [port] }) => listen(port));
else listen(globalThis);
