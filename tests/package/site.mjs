// A web server for a folder: what a bundler has made, or a project as it is. It notes what it was asked for.

import { createReadStream, statSync } from "node:fs";
import http from "node:http";
import path from "node:path";

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".wasm": "application/wasm",
};

/** `headers` goes with every answer, the wasm's too. */
export async function serveFolder(folder, headers = {}) {
  const requests = [];
  const server = http.createServer((request, response) => {
    let { pathname } = new URL(request.url, "http://localhost");
    requests.push(pathname);
    if (pathname.endsWith("/")) pathname += "index.html";
    const file = path.join(folder, decodeURIComponent(pathname));
    const type = TYPES[path.extname(file)];
    if (!type || !statSync(file, { throwIfNoEntry: false })?.isFile()) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { "content-type": type, ...headers });
    createReadStream(file).pipe(response);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    /** The paths asked for so far. */
    requests,
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
}
