// The frames of `tautline.v1`, as objects and as what travels. Written from the specification alone, to check the
// project's own implementation; it shares no code with it. Decoding is strict: it throws on every malformation.

export const PROTOCOL = "tautline.v1";
/** The highest position, and the highest number in a frame: 2^53 - 1. */
export const LAST = Number.MAX_SAFE_INTEGER;

/** Close codes. */
export const Code = {
  PROTOCOL_ERROR: 4400,
  UNAUTHORIZED: 4401,
  NO_HELLO: 4408,
  SUPERSEDED: 4409,
  TOO_BIG: 4413,
  OVERLOADED: 4429,
};

/** The first byte of a binary frame. */
export const Type = { BATCH: 0, HELLO: 1, WELCOME: 2, ACK: 3, PING: 4, PONG: 5, BYE: 6 };

/** Between the messages of a text frame. */
export const SEPARATOR = "\u001e";

const MAX_TOKEN = 128;
const MAX_PROTOCOLS = 32;
const MAX_HELLO = 8192;
const MAX_VARINT = 8;
const POSITION_BYTES = 4096;
/** Keeps a mark at the beginning. */
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** What is wrong with a frame: `kind` is one word for it. */
export class Malformed extends Error {
  constructor(kind, message) {
    super(message);
    this.kind = kind;
  }
}

/** The bytes of a payload: of its UTF-8 where it is text. */
export const sizeOf = (payload) => (typeof payload === "string" ? Buffer.byteLength(payload) : payload.byteLength);

/** The positions that a payload of `size` bytes takes up. */
export const costOf = (size) => 1 + Math.floor(size / POSITION_BYTES);

/** An unsigned LEB128. */
export function varint(value) {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${value} is no varint`);
  const bytes = [];
  while (value > 0x7f) {
    bytes.push((value % 0x80) | 0x80);
    value = Math.floor(value / 0x80);
  }
  bytes.push(value);
  return Buffer.from(bytes);
}

/** A length and as many bytes of UTF-8. */
export function string(text) {
  const bytes = Buffer.from(text);
  return Buffer.concat([varint(bytes.length), bytes]);
}

function batchEntry(payload) {
  const bytes = Buffer.from(payload);
  return [varint(bytes.length * 2 + (typeof payload === "string" ? 0 : 1)), bytes];
}

const ENCODERS = {
  batch: ({ seq, messages }) => [Type.BATCH, varint(seq), ...messages.flatMap(batchEntry)],
  hello: ({ token, taken, limit, attempt, maxMessage, protocols }) => {
    const numbers = [taken, limit, attempt, maxMessage, protocols.length].map(varint);
    return [Type.HELLO, string(token), ...numbers, ...protocols.map(string)];
  },
  welcome: ({ resumed, token, taken, limit, resumeMs, heartbeatMs, maxMessage, protocol }) => {
    const numbers = [taken, limit, resumeMs, heartbeatMs, maxMessage].map(varint);
    return [Type.WELCOME, varint(resumed ? 1 : 0), string(token), ...numbers, string(protocol)];
  },
  ack: ({ taken, limit }) => [Type.ACK, varint(taken), varint(limit)],
  ping: ({ nonce }) => [Type.PING, varint(nonce)],
  pong: ({ nonce }) => [Type.PONG, varint(nonce)],
  bye: ({ code, reason }) => [Type.BYE, varint(code), string(reason)],
};

/** A frame as it travels: a string is a text frame, a Buffer a binary one. */
export function encode(frame) {
  if (frame.type === "text") return frame.seq + frame.messages.map((message) => SEPARATOR + message).join("");
  const [type, ...parts] = ENCODERS[frame.type](frame);
  return Buffer.concat([Buffer.of(type), ...parts]);
}

/** Reads a binary frame behind its type, and nothing beyond its end. */
class Reader {
  #bytes;
  #at = 1;

  constructor(bytes) {
    this.#bytes = bytes;
  }

  get atEnd() {
    return this.#at === this.#bytes.length;
  }

  varint() {
    let value = 0;
    let factor = 1;
    for (let count = 1; count <= MAX_VARINT; count++) {
      if (this.atEnd) throw new Malformed("truncated", "the frame ends within a varint");
      const byte = this.#bytes[this.#at++];
      const digit = byte & 0x7f;
      // Above 2^53 the sum may be rounded, but never down to where it would pass.
      value += digit * factor;
      factor *= 0x80;
      if (value > LAST) throw new Malformed("range", "a varint is above 2^53 - 1");
      if (byte !== digit) continue;
      if (digit === 0 && count > 1) throw new Malformed("overlong", "a varint is longer than it has to be");
      return value;
    }
    throw new Malformed("range", "a varint has more than eight bytes");
  }

  bytes(length) {
    if (length > this.#bytes.length - this.#at) throw new Malformed("truncated", "the frame ends within bytes");
    return this.#bytes.subarray(this.#at, (this.#at += length));
  }

  text(length) {
    const bytes = this.bytes(length);
    try {
      return UTF8.decode(bytes);
    } catch {
      throw new Malformed("utf-8", "a text is not UTF-8");
    }
  }

  string() {
    return this.text(this.varint());
  }

  token() {
    const token = this.string();
    if (Buffer.byteLength(token) > MAX_TOKEN) throw new Malformed("token", `a token has more than ${MAX_TOKEN} bytes`);
    return token;
  }

  maxMessage() {
    const bytes = this.varint();
    if (bytes === 0) throw new Malformed("max-message", "max_message is 0");
    return bytes;
  }
}

function readMessages(reader) {
  const messages = [];
  while (!reader.atEnd) {
    const head = reader.varint();
    const length = Math.floor(head / 2);
    // A copy: what the frame came in belongs to the socket.
    messages.push(head % 2 === 0 ? reader.text(length) : Uint8Array.from(reader.bytes(length)));
  }
  return messages;
}

function readProtocols(reader) {
  const count = reader.varint();
  if (count > MAX_PROTOCOLS) throw new Malformed("protocols", `${count} subprotocols are more than ${MAX_PROTOCOLS}`);
  return Array.from({ length: count }, () => reader.string());
}

// The order of the properties is the order on the wire.
const DECODERS = {
  [Type.BATCH]: (reader) => ({ type: "batch", seq: reader.varint(), messages: readMessages(reader) }),
  [Type.HELLO]: (reader) => ({
    type: "hello",
    token: reader.token(),
    taken: reader.varint(),
    limit: reader.varint(),
    attempt: reader.varint(),
    maxMessage: reader.maxMessage(),
    protocols: readProtocols(reader),
  }),
  [Type.WELCOME]: (reader) => ({
    type: "welcome",
    resumed: reader.varint() % 2 === 1,
    token: reader.token(),
    taken: reader.varint(),
    limit: reader.varint(),
    resumeMs: reader.varint(),
    heartbeatMs: reader.varint(),
    maxMessage: reader.maxMessage(),
    protocol: reader.string(),
  }),
  [Type.ACK]: (reader) => ({ type: "ack", taken: reader.varint(), limit: reader.varint() }),
  [Type.PING]: (reader) => ({ type: "ping", nonce: reader.varint() }),
  [Type.PONG]: (reader) => ({ type: "pong", nonce: reader.varint() }),
  [Type.BYE]: (reader) => ({ type: "bye", code: reader.varint(), reason: reader.string() }),
};

/** These may grow: what follows their known body is ignored. */
const GROWING = new Set([Type.HELLO, Type.WELCOME]);

/** Data in a text frame and in a BATCH: at least one message, and all of them at positions that exist. */
function checkData(frame) {
  const { seq, messages } = frame;
  if (messages.length === 0) throw new Malformed("no-message", "a data frame without a message");
  if (seq === 0) throw new Malformed("position", "positions begin at 1");
  const positions = messages.reduce((sum, message) => sum + costOf(sizeOf(message)), 0);
  // Subtracted, as the sum of the two may be beyond what a number holds.
  if (positions - 1 > LAST - seq) throw new Malformed("position", "a message ends behind the last position");
  return frame;
}

function decodeText(text) {
  const [head, ...messages] = text.split(SEPARATOR);
  if (!/^[1-9][0-9]{0,15}$/.test(head)) throw new Malformed("position", "a text frame begins with a position");
  const seq = Number(head);
  if (seq > LAST) throw new Malformed("position", "a position is above 2^53 - 1");
  return checkData({ type: "text", seq, messages });
}

/** What came in one WebSocket message; `data` is a Buffer for text as well, whose UTF-8 the WebSocket has checked. */
export function decode(data, isBinary) {
  if (!isBinary) return decodeText(data.toString());
  if (data.length === 0) throw new Malformed("empty", "a binary frame without a type");
  const type = data[0];
  const read = DECODERS[type];
  if (!read) throw new Malformed("type", `${type} is no type of frame`);
  if (type === Type.HELLO && data.length > MAX_HELLO) {
    throw new Malformed("hello", `a HELLO has more than ${MAX_HELLO} bytes`);
  }
  const reader = new Reader(data);
  const frame = read(reader);
  if (!reader.atEnd && !GROWING.has(type)) throw new Malformed("trailing", `bytes behind the body of a ${frame.type}`);
  return type === Type.BATCH ? checkData(frame) : frame;
}
