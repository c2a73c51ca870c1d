// The versions of the clients that are not ours, as they are locked.

import { readFileSync } from "node:fs";
import path from "node:path";

const BENCHES = path.resolve(import.meta.dirname, "..");
const PACKAGES = ["reconnecting-websocket", "partysocket", "socket.io-client"];
const CRATES = ["gloo-net", "ws_stream_wasm", "tokio-tungstenite-wasm", "ewebsock"];

/** `{ name: version }` */
export function peers() {
  const { packages } = JSON.parse(readFileSync(path.join(BENCHES, "package-lock.json"), "utf8"));
  const lock = readFileSync(path.join(BENCHES, "rust/Cargo.lock"), "utf8");
  const locked = lock.matchAll(/^name = "(.+)"\nversion = "(.+)"$/gm);
  const crates = Object.fromEntries([...locked].map(([, name, version]) => [name, version]));
  return Object.fromEntries([
    ...PACKAGES.map((name) => [name, packages[`node_modules/${name}`]?.version]),
    ...CRATES.map((name) => [name, crates[name]]),
  ].filter(([, version]) => version));
}
