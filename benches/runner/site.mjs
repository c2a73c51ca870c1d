// The web server of the page, which is cross-origin isolated, so that its clock is fine: files, clients bundled as a page's build
// would bundle them, and what the page asks and tells.

import { createReadStream, statSync } from "node:fs";
import http from "node:http";
import path from "node:path";
import { build } from "esbuild";

import { CLIENTS } from "../page/plan.js";

const BENCHES = path.resolve(import.meta.dirname, "..");
const ROOT = path.resolve(BENCHES, "..");

const HEADERS = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
  "cache-control": "no-store",
};

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".wasm": "application/wasm",
};

/** The folders that are served, by what their paths begin with. */
const FOLDERS = {
  "/page/": path.join(BENCHES, "page"),
  "/rust/": path.join(BENCHES, "rust/pkg"),
  "/pkg/": path.join(ROOT, "pkg"),
};

/** Serves the page. `answers`: what to do with what it asks and tells, by path; each is given the body, and gives the answer. */
export async function serveSite(answers) {
  // Before anyone waits for one.
  const bundles = new Map(await Promise.all(bundled()));

  const answer = async (request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    if (pathname in answers) return sendJson(response, await answers[pathname](await bodyOf(request)));
    const client = /^\/clients\/([\w.-]+)\.js$/.exec(pathname)?.[1];
    if (bundles.has(client)) return send(response, TYPES[".js"], bundles.get(client));
    return sendFile(response, pathname === "/" ? "/page/index.html" : decodeURIComponent(pathname));
  };

  const server = http.createServer((request, response) => {
    answer(request, response).catch((error) => response.writeHead(500, HEADERS).end(error.message));
  });
  await new Promise((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Each client's name, and its file with all that it imports. */
function bundled() {
  const clients = Object.keys(CLIENTS).filter((name) => CLIENTS[name].language === "JavaScript");
  return clients.map(async (name) => [name, await bundle(name)]);
}

async function bundle(client) {
  const { outputFiles } = await build({
    entryPoints: [path.join(BENCHES, "page/clients", `${client}.js`)],
    alias: { tautline: path.join(ROOT, "pkg/index.js") },
    bundle: true,
    write: false,
    minify: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    logLevel: "silent",
  });
  return outputFiles[0].contents;
}

async function bodyOf(request) {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  return pieces.length === 0 ? undefined : JSON.parse(Buffer.concat(pieces).toString());
}

const sendJson = (response, value) => send(response, "application/json", JSON.stringify(value ?? null));

function send(response, type, body) {
  response.writeHead(200, { ...HEADERS, "content-type": type }).end(body);
}

function sendFile(response, pathname) {
  const type = TYPES[path.extname(pathname)];
  const [prefix, folder] = Object.entries(FOLDERS).find(([prefix]) => pathname.startsWith(prefix)) ?? [];
  const file = folder && path.join(folder, pathname.slice(prefix.length));
  // `join` has resolved what climbs.
  const isServed = type && file?.startsWith(folder + path.sep) && statSync(file, { throwIfNoEntry: false })?.isFile();
  if (!isServed) {
    response.writeHead(404, HEADERS).end(`there is no ${pathname}`);
    return;
  }
  response.writeHead(200, { ...HEADERS, "content-type": type });
  createReadStream(file).pipe(response);
}
