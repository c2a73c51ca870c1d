// Preloaded into every process of Next.js: notes whoever makes a WebSocket where pages are rendered.

const { appendFileSync } = require("node:fs");

const note = (line) => appendFileSync(process.env.TRAP_NOTES, `${line}\n`);
note("set");

globalThis.WebSocket = class WebSocket {
  constructor(url) {
    note(`made a WebSocket to ${url}: ${new Error().stack}`);
  }
};
