// The messages of all works, by their payload: how the n-th is made, n from 1, and which one it is that came. The server's
// `/push` makes the same ones.

const JSON_BYTES = 100;
const EMPTY = JSON.stringify({ id: 0, name: "message 00", value: 0.5, ok: true, note: "" }).length - 2;

/** In one piece each, as what a form or a server gave: an engine may keep what is joined or cut as its parts. */
const inOnePiece = (texts) => JSON.parse(JSON.stringify(texts));

// Texts that an application has before it makes a message: what is made for each is the message.
const NAMES = Array.from({ length: 100 }, (_, n) => "message " + String(n).padStart(2, "0"));
/** They fill an object up to 100 bytes, by the digits of its number. */
const NOTES = inOnePiece(Array.from({ length: 11 }, (_, digits) => "~".repeat(JSON_BYTES - EMPTY - 2 * digits)));
const NOTES_OF_ODD = inOnePiece(NOTES.map((note) => note.slice(1)));

function digitsOf(n) {
  let digits = 1;
  for (let bound = 10; n >= bound; bound *= 10) digits++;
  return digits;
}

const objects = {
  bytes: JSON_BYTES,
  make(n) {
    const ok = n % 2 === 0;
    return { id: n, name: NAMES[n % 100], value: n + 0.5, ok, note: (ok ? NOTES : NOTES_OF_ODD)[digitsOf(n)] };
  },
  numberOf: (message) => message.id,
  /** What clients without a codec of their own do with a message, and with what comes. */
  encode: JSON.stringify,
  decode: JSON.parse,
};

const textsOf = (bytes) => ({
  bytes,
  make: (n) => ('{"n":' + n + "}").padEnd(bytes),
  numberOf: (text) => (text.length === bytes ? parseInt(text.slice(5, 16), 10) : NaN),
  encode: (text) => text,
  decode: (text) => text,
});

export function messagesOf(payload) {
  return payload === "json" ? objects : textsOf(Number(payload));
}

/** Throws where a message is not the n-th: something was lost, came twice, or is another one. */
export function check(messages, message, n) {
  const number = messages.numberOf(message);
  if (number !== n) throw new Error(`message ${n} was due, and ${number} came`);
}
