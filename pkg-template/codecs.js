// How messages become payloads (a string or a Uint8Array) and payloads messages.

import { decoder, isText } from "./frames.js";

/** The name of what it is made of, from another window's globals, too. */
export const tagOf = (value) => Object.prototype.toString.call(value).slice(8, -1);

/** Bytes of an ArrayBuffer or a view, without a copy where it can be; nothing else has any. */
export function bytesOf(value) {
  const isView = ArrayBuffer.isView(value);
  if (!isView && tagOf(value) !== "ArrayBuffer") return undefined;
  const bytes = isView ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength) : new Uint8Array(value);
  // Memory that threads share, or that may shrink, is not for a socket: a copy is.
  return bytes.buffer instanceof ArrayBuffer && !bytes.buffer.resizable ? bytes : bytes.slice();
}

export const CODECS = {
  json: {
    encode(message) {
      const text = JSON.stringify(message);
      if (text === undefined) throw new TypeError("JSON has no form for it");
      return text;
    },
    decode: (data) => JSON.parse(isText(data) ? data : decoder.decode(data)),
  },
  text: {
    encode(message) {
      if (!isText(message)) throw new TypeError("the codec `text` sends strings");
      return message;
    },
    decode(data) {
      if (!isText(data)) throw new TypeError("it is bytes, and the codec reads text");
      return data;
    },
  },
  bytes: {
    encode(message) {
      const bytes = bytesOf(message);
      if (!bytes) throw new TypeError("the codec `bytes` sends ArrayBuffers and views of them");
      return bytes;
    },
    decode(data) {
      if (isText(data)) throw new TypeError("it is text, and the codec reads bytes");
      return data;
    },
  },
};
