// Frames of a durable session that carry messages, in the form that JavaScript is quick with: text is split and joined in one
// go and never enters wasm. Everything else of a frame is read and written there.

/** Stands before each message of a text frame. */
const SEPARATOR = "\x1e";
const BATCH = 0;
/** A number of the wire has at most 53 bits, 7 in a byte. */
const LONGEST_NUMBER = 8;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Bytes of a text in UTF-8. */
export function utf8Length(text) {
  let length = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0x7f) length++;
    if (unit > 0x7ff) length++;
    // Two units, four bytes. One of the two alone becomes U+FFFD, three bytes.
    if (unit >= 0xd800 && unit < 0xdc00 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) {
      length--;
      i++;
    }
  }
  return length;
}

/** The frame of messages, strings or Uint8Arrays, that begin at position `first`. */
export function pack(first, payloads) {
  if (payloads.every((payload) => typeof payload === "string" && !payload.includes(SEPARATOR))) {
    return first + SEPARATOR + payloads.join(SEPARATOR);
  }
  const parts = payloads.map((payload) => (typeof payload === "string" ? encoder.encode(payload) : payload));
  const most = parts.reduce((sum, { length }) => sum + LONGEST_NUMBER + length, 1 + LONGEST_NUMBER);
  const frame = new Uint8Array(most);
  frame[0] = BATCH;
  let end = write(frame, 1, first);
  parts.forEach((part, index) => {
    end = write(frame, end, part.length * 2 + (typeof payloads[index] === "string" ? 0 : 1));
    frame.set(part, end);
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

/** The position of the first message of a text frame, and the messages; undefined where it is none. */
export function unpack(text) {
  const [head, ...messages] = text.split(SEPARATOR);
  const first = Number(head);
  const isPosition = /^[1-9]\d*$/.test(head) && first <= Number.MAX_SAFE_INTEGER;
  return isPosition && messages.length > 0 ? { first, messages } : undefined;
}

/** One message of a binary frame: a string, or an ArrayBuffer. */
export function cut(frame, start, end, isBytes) {
  return isBytes ? frame.slice(start, end) : decoder.decode(new Uint8Array(frame, start, end - start));
}
