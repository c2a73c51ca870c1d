// What the server's wasm and its JavaScript say to each other; src/js_server/mod.rs has the other list.

// Inputs.
export const ALLOW = 0;
export const KNOW = 1;
export const CONNECT = 2;
export const HELLO = 3;
export const FRAME = 4;
export const BATCH = 5;
export const TEXT = 6;
export const MALFORMED = 7;
export const ALIVE = 8;
export const BLOCKED = 9;
export const UNBLOCKED = 10;
export const CLOSED = 11;
export const BROKEN = 12;
export const CHOSEN = 13;
export const SEND = 14;
export const TAKE = 15;
export const CLOSE_SESSION = 16;
export const FAIL_SESSION = 17;
export const TERMINATE = 18;
export const TURN_ENDED = 19;
export const TIMER = 20;
export const BYE = 21;
export const DETACH = 22;
export const FORGET = 23;
export const DEADLINE = 24;
export const IS_ALLOWED = 25;
export const LOADS = 26;
export const STATS = 27;
export const ORIGIN = 28;
export const PRINCIPAL = 29;
export const ADDRESS = 30;
export const WAITING = 31;
export const IS_OVER = 32;

// What it answers to SEND: accepted, it has to wait, or it is refused; or accepted, and it leaves when the turn ends.
export const ACCEPT = 0;
export const WAIT = 1;
export const TOO_BIG = 3;
export const GONE = 4;
export const ACCEPT_LATER = 5;

// Outputs.
export const CHOOSE = 1;
export const BEGIN = 2;
export const SEND_FRAME = 3;
export const SEND_MESSAGES = 4;
export const DELIVER = 5;
export const DISCARD = 6;
export const RELEASE = 7;
export const CLOSE = 8;
export const TELL_DETACHED = 9;
export const TELL_RESUMED = 10;
export const TELL_ENDED = 11;
export const AWAIT_TURN = 12;
