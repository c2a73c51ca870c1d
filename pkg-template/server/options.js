// Checks the options of a server's sessions and fills in the defaults. Whatever can't be used is a TypeError that names the
// option and what it takes.

import { constants } from "node:buffer";

import { isFunction, isObject, read, readOptions, refuse } from "../options.js";
import { FRAME_ROOM } from "./door.js";

/** The longest time of any option: a year, in ms. */
const LONGEST = 365 * 24 * 60 * 60 * 1000;
/** A timer takes longer delays than this for none at all, in ms. */
const LONGEST_DELAY = 2 ** 31 - 1;
/** A text frame with one that is larger would be no string any more, in bytes. */
const LARGEST_MESSAGE = constants.MAX_STRING_LENGTH - FRAME_ROOM;

const isStrings = (value) => Array.isArray(value) && value.every((item) => typeof item === "string");

function span(source, name, fallback) {
  const value = read(source, name, fallback, (value) => typeof value === "number" && value >= 0, "a number of milliseconds");
  return Math.min(value, LONGEST);
}

function count(source, path, fallback, least = 1) {
  const isCount = (value) => value === Infinity || (Number.isInteger(value) && value >= least);
  return read(source, path, fallback, isCount, `a whole number of at least ${least}, or Infinity`);
}

/** The origin of a page as its browser spells it; undefined where it is none. */
function spelled(text) {
  if (text === "null") return text;
  const [start] = /^[a-z][a-z0-9+.-]*:\/\/[^\s/?#@*]+(?=[/?#]|$)/i.exec(text) ?? [];
  if (start === undefined || !URL.canParse(start)) return undefined;
  const { origin } = new URL(start);
  // So it is for pages of extensions.
  return origin === "null" ? start.toLowerCase() : origin;
}

/** What is not as a browser spells it would never match, and nobody would know why. */
function checkOrigin(text) {
  const origin = spelled(text);
  if (origin === text.replace(/\/$/, "").toLowerCase()) return;
  const instead = origin === undefined ? "for many, a function, such as (origin) => true for all" : JSON.stringify(origin);
  refuse("allowOrigin", `origins such as "https://example.com", not ${JSON.stringify(text)}; write ${instead}`);
}

export function readServerOptions(options = {}) {
  if (!isObject(options)) refuse("options", "an object");
  const outbox = read(options, "outbox", {}, isObject, "an object");
  const { allowOrigin } = options;
  const isOrigin = (value) => typeof value === "string" || isFunction(value) || isStrings(value);
  read(options, "allowOrigin", undefined, isOrigin, "an origin, an array of origins or a function (origin) => boolean");
  const origins = isFunction(allowOrigin) ? undefined : [allowOrigin ?? []].flat();
  origins?.forEach(checkOrigin);
  read(options, "authenticate", undefined, isFunction, "a function (request) => principal");
  read(options, "address", undefined, isFunction, "a function (request) => address");
  read(options, "protocols", undefined, Array.isArray, "an array of strings");
  // What the client's side checks as well, with its words.
  const { codec, protocols } = readOptions({ codec: options.codec, protocols: options.protocols });
  const outboxMessages = count(outbox, "outbox.messages", 4096);
  const outboxBytes = count(outbox, "outbox.bytes", 16 * 2 ** 20);
  const closeTimeout = span(options, "closeTimeout", 5_000);
  const handshakeTimeout = span(options, "handshakeTimeout", 5_000);
  const maxMessage = Math.min(count(options, "maxMessage", 2 ** 20), LARGEST_MESSAGE);
  return {
    codec,
    outbox: { messages: outboxMessages, bytes: outboxBytes },
    // For timers here.
    closeTimeout: Math.min(closeTimeout, LONGEST_DELAY),
    handshakeTimeout: Math.min(handshakeTimeout, LONGEST_DELAY),
    maxMessage,
    // As methods of what they came in.
    allowOrigin: isFunction(allowOrigin) ? (origin) => options.allowOrigin(origin) : undefined,
    isClosedToPages: allowOrigin === undefined,
    authenticate: options.authenticate && ((request) => options.authenticate(request)),
    address: options.address && ((request) => options.address(request)),
    // As the hub takes them.
    rules: {
      resume: span(options, "resume", 120_000),
      heartbeat: span(options, "heartbeat", 15_000),
      probe: span(options, "probe", 5_000),
      handshakeTimeout,
      closeTimeout,
      window: Math.min(count(options, "window", 1024), 2 ** 32),
      maxMessage,
      outboxMessages,
      outboxBytes,
      maxSessions: count(options, "maxSessions", 10_000),
      maxSessionsPerAddress: count(options, "maxSessionsPerAddress", Infinity),
      maxSessionsPerPrincipal: count(options, "maxSessionsPerPrincipal", Infinity),
      maxHeldBytes: count(options, "maxHeldBytes", 2 ** 30, 0),
      maxDetachedBytes: count(options, "maxDetachedBytes", 2 ** 28, 0),
      origins,
      protocols: options.protocols && protocols,
    },
  };
}

/** What `shutdown` is given, checked. */
export function readShutdown(options = {}) {
  if (!isObject(options)) refuse("options", "an object");
  const isOfProtocol = (value) => value >= 1000 && value <= 1014 && ![1004, 1005, 1006].includes(value);
  const isCode = (value) => Number.isInteger(value) && (isOfProtocol(value) || (value >= 3000 && value <= 4999));
  const isReason = (value) => typeof value === "string" && new TextEncoder().encode(value).length <= 123;
  return {
    mode: read(options, "mode", "bye", (value) => value === "bye" || value === "detach", '"bye" or "detach"'),
    code: read(options, "code", 1001, isCode, "a code that a close frame may have"),
    reason: read(options, "reason", "", isReason, "a string of at most 123 bytes"),
    timeout: span(options, "timeout", 5_000),
  };
}
