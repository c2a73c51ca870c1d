// Frames of a durable session that carry messages: those never enter wasm, where all other frames are read and written.

/** Stands before each message of a text frame. */
const SEPARATOR = "\x1e";
const BATCH = 0;
/** A number of the wire has at most 53 bits, 7 in a byte. */
const LONGEST_NUMBER = 8;

/** So many subprotocols fit into the first frame. */
export const MOST_PROTOCOLS = 32;

export const encoder = new TextEncoder();
/** Throws where bytes are no UTF-8. */
export const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export const isText = (message) => typeof message === "string";

/** Bytes of a message on the wire. */
export const sizeOf = (message) => (isText(message) ? utf8Length(message) : message.byteLength);

/** Browsers look for a range of characters many at a time, and for all that is outside of one, one by one. */
export const isAscii = (text) => !/[\x80-\uffff]/.test(text);

/** Bytes of a text in UTF-8. */
export const utf8Length = (text) => (isAscii(text) ? text.length : encoder.encode(text).length);

/**
 * The frame of messages, strings or Uint8Arrays, that begin at position `first`. `asText` says whether it is of text; without it
 * that is so wherever all of them can travel in one.
 */
export function pack(first, payloads, asText) {
  if (asText ?? payloads.every((payload) => isText(payload) && !payload.includes(SEPARATOR))) {
    return [first, ...payloads].join(SEPARATOR);
  }
  // ASCII is encoded in its place.
  const parts = payloads.map((payload) => (isText(payload) && !isAscii(payload) ? encoder.encode(payload) : payload));
  const frame = new Uint8Array(parts.reduce((sum, { length }) => sum + LONGEST_NUMBER + length, 1 + LONGEST_NUMBER));
  // The first byte is BATCH, 0.
  let end = write(frame, 1, first);
  parts.forEach((part, index) => {
    end = write(frame, end, part.length * 2 + !isText(payloads[index]));
    if (isText(part)) encoder.encodeInto(part, frame.subarray(end));
    else frame.set(part, end);
    end += part.length;
  });
  return frame.subarray(0, end);
}

/** A number, the lowest seven bits first; where it ends. */
function write(frame, at, number) {
  // Beyond 32 bits shifts don't reach.
  for (; number > 0x7f; number = Math.floor(number / 0x80)) frame[at++] = (number % 0x80) | 0x80;
  frame[at++] = number;
  return at;
}

/** Whether a frame is one of those; all others are binary. */
export const hasMessages = (frame) => isText(frame) || new Uint8Array(frame)[0] === BATCH;

/**
 * The position of the first message of such a frame, and the messages, strings or ArrayBuffers; undefined where it is none,
 * or where it has more than `most`: tiny ones take up much more here than in the frame.
 */
export function unpack(frame, most) {
  const { first, messages } = isText(frame) ? readText(frame, most) : readBytes(frame, most);
  const isOne = first > 0 && Number.isSafeInteger(first) && messages?.length > 0 && messages.length <= most;
  return isOne ? { first, messages } : undefined;
}

function readText(text, most) {
  const [head, ...messages] = text.split(SEPARATOR, most + 2);
  return { first: String(+head) === head && +head, messages };
}

function readBytes(frame, most) {
  const bytes = new Uint8Array(frame);
  let at = 1;
  /** NaN where it is not in its shortest form. One that is too large is no position, and no length within the frame. */
  const number = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = bytes[at++];
      value += (byte & 0x7f) * scale;
      if (!(byte > 0x7f)) return byte > 0 || scale === 1 ? value : NaN;
    }
  };
  const first = number();
  const messages = [];
  while (at < bytes.length && messages.length <= most) {
    const head = number();
    const end = at + Math.floor(head / 2);
    if (!(end <= bytes.length)) return {};
    const message = frame.slice(at, end);
    try {
      messages.push(head % 2 === 1 ? message : decoder.decode(message));
    } catch {
      return {};
    }
    at = end;
  }
  return { first, messages };
}
