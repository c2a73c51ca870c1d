// What the programs of this folder can be told: the flags of `tautline-echo` for sessions, as options of `durable`.

import { parseArgs } from "node:util";

/** Flags that are numbers, and the options that they are. */
const NUMBERS = {
  "resume-ms": "resume",
  "heartbeat-ms": "heartbeat",
  window: "window",
  "max-message": "maxMessage",
  "max-sessions": "maxSessions",
};

const text = { type: "string" };

/** Payloads as they are: strings and bytes. */
const raw = { encode: (payload) => payload, decode: (payload) => payload };

const isLoopback = (origin) => {
  const { hostname } = URL.parse(origin) ?? {};
  return hostname === "localhost" || hostname === "127.0.0.1";
};

/**
 * Reads the command line: { port, shutdown, collectMs, allows, options }. `shutdown` is what a SIGTERM asks for; every
 * `collectMs` garbage is collected, where that is not 0.
 */
export function readFlags(args) {
  const { values } = parseArgs({
    args,
    options: {
      port: { ...text, default: "0" },
      shutdown: { ...text, default: "detach" },
      codec: { ...text, default: "raw" },
      "shutdown-ms": { ...text, default: "5000" },
      "collect-ms": { ...text, default: "0" },
      "allow-origin": { ...text, multiple: true, default: [] },
      ...Object.fromEntries(Object.keys(NUMBERS).map((flag) => [flag, text])),
    },
  });
  const origins = values["allow-origin"];
  // As of `tautline-echo`: without the flag every page of this machine may.
  const allows = (origin) => (origins.length > 0 ? origins.includes(origin) : isLoopback(origin));
  const codec = values.codec === "raw" ? raw : values.codec;
  const options = { codec, allowOrigin: allows, authenticate: ({ url }) => wishesOf(url).principal };
  for (const [flag, option] of Object.entries(NUMBERS)) {
    if (flag in values) options[option] = Number(values[flag]);
  }
  const shutdown = { mode: values.shutdown, timeout: Number(values["shutdown-ms"]) };
  return { port: Number(values.port), shutdown, collectMs: Number(values["collect-ms"]), allows, options };
}

/** What the query of `/echo` asks for, as of `tautline-echo`: { takeMs, push, size, principal }. */
export function wishesOf(url) {
  const query = new URL(url, "http://localhost").searchParams;
  const number = (name) => Number(query.get(name) ?? 0);
  return {
    takeMs: number("take"),
    push: number("push"),
    size: number("size"),
    principal: query.get("principal") ?? true,
  };
}
