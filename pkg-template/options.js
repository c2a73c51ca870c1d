// Checks what `connect` is given and fills in the defaults. Whatever can't be used is a TypeError (a DOMException named
// SyntaxError for URLs and subprotocols, as of the browser's own class) that names the option and what it takes.

import { CODECS, tagOf } from "./codecs.js";
import { isText, MOST_PROTOCOLS, utf8Length } from "./frames.js";

const TOKEN = /^[\w!#-'*+.^`|~-]+$/;

const isCount = (value) => value === Infinity || (Number.isInteger(value) && value > 0);
const isDelay = (value) => Number.isFinite(value) && value >= 0;
const isSpan = (value) => isDelay(value) && value > 0;
export const isFunction = (value) => typeof value === "function";
export const isObject = (value) => typeof value === "object" && value !== null;

export function refuse(option, takes) {
  throw new TypeError(`tautline: the option \`${option}\` takes ${takes}`);
}

/** The option's value, or its default, checked. */
export function read(source, path, fallback, check, takes) {
  const value = source[path.split(".").pop()];
  if (value === undefined) return fallback;
  if (!check(value)) refuse(path, takes);
  return value;
}

function group(source, name, orFalse = "") {
  const value = source[name];
  if (value === undefined || (orFalse && value === false)) return {};
  if (!isObject(value)) refuse(name, `${orFalse}an object`);
  return value;
}

/** The option's place in the list of its choices. */
function choice(source, path, choices) {
  return choices.indexOf(
    read(source, path, choices[0], (value) => choices.includes(value), `one of "${choices.join('", "')}"`),
  );
}

const COUNT = "a whole number of at least 1, or Infinity";
const DELAY = "a number of milliseconds";
const SPAN = "a number of milliseconds above 0";

/**
 * `url` as `connect` takes it: a function is asked before every attempt. `own` has `codec` and `protocols`, where they
 * are no options, and `ends`: the socket ends with its session.
 */
export function readOptions(options = {}, url, own = options) {
  if (!isObject(options)) refuse("options", "an object");
  const reconnect = group(options, "reconnect", "false or ");
  const heartbeat = group(options, "heartbeat", "false or ");
  const beats = isObject(options.heartbeat);
  const outbox = group(options, "outbox");
  const inbox = group(options, "inbox");
  const durable = read(options, "durable", false, (value) => typeof value === "boolean", "true or false");
  const resends = choice(options, "onSessionLost", ["return", "resend"]);
  // One of them alone never contradicts the other's default.
  const least = read(reconnect, "reconnect.minDelay", undefined, isDelay, DELAY);
  const maxDelay = read(reconnect, "reconnect.maxDelay", Math.max(30_000, least ?? 0), isDelay, DELAY);
  const minDelay = least ?? Math.min(250, maxDelay);
  if (maxDelay < minDelay) refuse("reconnect.maxDelay", "at least as much as reconnect.minDelay");
  const retry = read(reconnect, "reconnect.retry", undefined, isFunction, "a function (close) => boolean");
  const outboxMessages = read(outbox, "outbox.messages", 1024, isCount, COUNT);
  const outboxBytes = read(outbox, "outbox.bytes", 16 * 2 ** 20, isCount, COUNT);
  const overflow = choice(outbox, "outbox.overflow", ["wait", "reject", "drop-oldest"]);
  const inboxMessages = read(inbox, "inbox.messages", 4096, isCount, COUNT);
  const inboxBytes = read(inbox, "inbox.bytes", 64 * 2 ** 20, isCount, COUNT);
  /** What has no default. */
  const beat = (path) => (beats ? (read(heartbeat, path, undefined, isSpan, SPAN) ?? refuse(path, SPAN)) : 0);
  const interval = beat("heartbeat.interval");
  const timeout = beat("heartbeat.timeout");
  if (durable && overflow === 2) refuse("outbox.overflow", '"wait" or "reject" where `durable` is true');
  const protocols = readProtocols(own.protocols);
  if (durable && protocols.length > MOST_PROTOCOLS) refuse("protocols", `at most ${MOST_PROTOCOLS} where \`durable\` is true`);
  if (beats && !durable && !isFunction(heartbeat.message)) refuse("heartbeat.message", "a function that returns a message");
  return {
    codec: readCodec(own.codec),
    protocols,
    durable,
    // The browser's own class does not, and where the oldest make room, none is to wait for others.
    gathers: !own.ends && !durable && overflow !== 2,
    // As the engine has it.
    window: Math.max(Math.min(inboxMessages, Math.floor(inboxBytes / 4096), 2 ** 31), 1),
    // As methods of what they came in.
    retry: retry && ((close) => reconnect.retry(close)),
    heartbeat: beats && (() => heartbeat.message()),
    signal: read(options, "signal", undefined, (value) => value instanceof AbortSignal, "an AbortSignal"),
    outbox: { messages: outboxMessages, bytes: outboxBytes, dropOldest: overflow === 2 },
    // In the order in which the engine takes them.
    numbers: [
      options.reconnect !== false,
      minDelay,
      maxDelay,
      read(reconnect, "reconnect.factor", 2, (value) => isDelay(value) && value >= 1, "a number of at least 1"),
      read(reconnect, "reconnect.maxAttempts", Infinity, isCount, COUNT),
      read(reconnect, "reconnect.stableAfter", 5000, isDelay, DELAY),
      read(options, "connectTimeout", 10_000, isSpan, SPAN),
      interval,
      timeout,
      outboxMessages,
      outboxBytes,
      // Where what comes after a Blob has to wait, nothing is refused that was taken already.
      own.ends && durable ? 0 : overflow,
      inboxMessages,
      inboxBytes,
      choice(inbox, "inbox.overflow", ["close", "drop-oldest"]),
      isFunction(url),
      // Not durable; then as in `onSessionLost`.
      durable ? (own.ends ? 3 : 1 + resends) : 0,
      options.heartbeat === false,
    ],
  };
}

function readCodec(codec = "json") {
  if (isText(codec) && Object.hasOwn(CODECS, codec)) return CODECS[codec];
  if (isObject(codec) && isFunction(codec.encode) && isFunction(codec.decode)) return codec;
  return refuse("codec", '"json", "text", "bytes" or an object { encode, decode }');
}

function readProtocols(protocols = []) {
  const list = isText(protocols) ? [protocols] : protocols;
  if (!Array.isArray(list)) refuse("protocols", "a string or an array of strings");
  list.forEach((name, index) => {
    if (!isText(name) || !TOKEN.test(name)) syntaxError(`the subprotocol ${JSON.stringify(name)} is no valid name`);
    if (list.indexOf(name) !== index) syntaxError(`the subprotocol "${name}" is there twice`);
  });
  return list.slice();
}

/** The absolute ws: or wss: URL. */
export function readUrl(url) {
  if (!isText(url) && tagOf(url) !== "URL") {
    throw new TypeError(`tautline: a URL is a string or a URL object, or a function that gives one; not ${typeof url}`);
  }
  let parsed;
  try {
    // A worker has no document, Node no address at all.
    parsed = new URL(url, globalThis.document?.baseURI ?? globalThis.location?.href);
  } catch {
    syntaxError(`"${url}" is no URL`);
  }
  parsed.protocol = parsed.protocol.replace("http", "ws");
  if (!/^wss?:/.test(parsed.protocol)) {
    syntaxError(`the URL "${url}" must begin with ws:, wss:, http: or https:, or be relative to the page`);
  }
  if (parsed.href.includes("#")) syntaxError(`the URL "${url}" must have no fragment`);
  return parsed.href;
}

function syntaxError(message) {
  throw new DOMException(`tautline: ${message}`, "SyntaxError");
}

/** Refuses what a browser would refuse to close with, by `refuse(message, isCode)`, which throws. */
export function checkClose(code, reason, refuse = wrongType) {
  if (code !== 1000 && !(Number.isInteger(code) && code >= 3000 && code <= 4999)) {
    refuse(`tautline: close takes the code 1000, or 3000 to 4999, not ${code}`, true);
  }
  const bytes = utf8Length(reason);
  if (bytes > 123) refuse(`tautline: the close reason has ${bytes} bytes; at most 123 fit`, false);
}

function wrongType(message) {
  throw new TypeError(message);
}
