// What wasm and JavaScript say to each other; src/js/mod.rs has the other list. In a file of their own, where bundlers put the
// numbers in the place of the names.

// Inputs.
export const CONNECT = 0;
export const TAKEN = 1;
export const ABORT = 2;
export const URL_READY = 3;
export const URL_FAILED = 4;
export const OPEN_FAILED = 5;
export const OPENED = 6;
export const MESSAGE = 7;
export const FAILED = 8;
export const CLOSING = 9;
export const BUFFERED = 10;
export const TIMER = 11;
export const ONLINE = 12;
export const OFFLINE = 13;
export const VISIBLE = 14;
export const HIDDEN = 15;
export const LEFT = 16;
export const RETURNED = 17;
export const WOKE = 18;
export const UNLOADED = 19;
export const WRONG_PROTOCOL = 20;
export const MALFORMED = 21;
export const TURN_ENDED = 22;
export const SEND = 23;
export const SHUT = 24;
export const ENDED = 25;
export const OFFER = 26;
export const FRAME = 27;
export const BATCH = 28;
export const ROOM = 29;

// What it answers to SEND: accepted, it has to wait, or it is refused. `link.js` has the words for the others, 2 and 3.
export const ACCEPT = 0;
export const WAIT = 1;
export const GONE = 4;

// Outputs.
export const ASK_URL = 1;
export const OPEN = 2;
export const TRANSMIT = 3;
export const RELEASE = 4;
export const DELIVER = 5;
export const DISCARD = 6;
export const DROP = 7;
export const HEARTBEAT = 8;
export const MEASURE = 9;
export const CLOSE = 10;
export const ABANDON = 11;
export const SET_TIMER = 12;
export const TELL_OPEN = 13;
export const TELL_STATE_CHANGE = 14;
export const TELL_DISCONNECTED = 15;
export const TELL_CLOSED = 16;
// 17, the very first change of state, is told to nobody.
export const TRANSMIT_BATCH = 18;
export const CONTROL = 19;
export const AWAIT_TURN = 20;
export const TELL_SESSION_LOST = 21;

// What can be asked for, the last two from there on.
export const FAILURE = 3;
export const IS_SENDING = 4;
export const PATIENCE = 5;
export const FIGURES = 6;
export const BYTES = 16;
