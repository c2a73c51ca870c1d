// Who may connect: what the request of an upgrade comes to, before its connection is a session's.

import process from "node:process";

import { ALLOWED, FOREIGN, UNAUTHENTICATED } from "./hub.js";

export const PROTOCOL = "tautline.v1";
/** So much more than its largest message has a frame, in bytes. */
export const FRAME_ROOM = 64 * 1024;

/** No origin of a page is longer. */
const LONGEST_ORIGIN = 320;

/** Whether a client wants a session, by its Sec-WebSocket-Protocol header. */
export function offersSession(header) {
  return header === PROTOCOL || (header ?? "").split(",").some((name) => name.trim() === PROTOCOL);
}

export class Door {
  #hub;
  #options;
  /** Warnings that were given: each is given once, as clients could cause any number of them. */
  #given = new Set();

  constructor(hub, options) {
    this.#hub = hub;
    this.#options = options;
  }

  /** The largest frame that there can be, in bytes. */
  get maxFrame() {
    return Math.min(this.#options.maxMessage + FRAME_ROOM, 2 ** 31 - 1);
  }

  /** Who connects, and whether they may: { peer, entrance }, or where the application takes its time, a promise of it. */
  admit(request, origin, remote) {
    const { address, authenticate } = this.#options;
    const peer = { origin, principal: undefined, address: remote };
    if (origin !== undefined && !this.#isAllowed(origin)) return { peer, entrance: FOREIGN };
    let answer = true;
    try {
      if (address) peer.address = textOf(atOnce(address(request)));
    } catch (error) {
      return this.#fail("address", error, peer);
    }
    try {
      if (authenticate) answer = authenticate(request);
    } catch (error) {
      return this.#fail("authenticate", error, peer);
    }
    if (!isPromise(answer)) return judge(peer, answer);
    return Promise.resolve(answer).then(
      (answer) => judge(peer, answer),
      (error) => this.#fail("authenticate", error, peer),
    );
  }

  /** What that promise gives, or undefined where it takes longer than a client may for its first frame. */
  inTime(admitted) {
    const { handshakeTimeout } = this.#options;
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#tell("authenticate", new Error(`it took longer than \`handshakeTimeout\`, ${handshakeTimeout} ms`));
        resolve();
      }, handshakeTimeout);
      admitted.then((admitted) => {
        clearTimeout(timer);
        resolve(admitted);
      });
    });
  }

  /** The connection of somebody who was admitted, or is to be told that not. */
  connect(transport, { peer, entrance }, request) {
    return this.#hub.connect(transport, peer, entrance, request);
  }

  #isAllowed(origin) {
    if (origin.length > LONGEST_ORIGIN) return false;
    const { allowOrigin, isClosedToPages } = this.#options;
    if (isClosedToPages) this.#warn(origin);
    if (!allowOrigin) return this.#hub.isAllowed(origin);
    try {
      const answer = atOnce(allowOrigin(origin));
      if (answer && answer !== true) throw new TypeError(`it returns true or false, not ${typeof answer}`);
      return answer === true;
    } catch (error) {
      this.#tell("allowOrigin", error);
      return false;
    }
  }

  /** Whoever has not heard of it wonders why no page can connect. */
  #warn(origin) {
    const page = JSON.stringify(origin.slice(0, 100));
    const words = `a page of ${page} was refused; to let it connect: durable(…, { allowOrigin: ${page} })`;
    this.#warnOnce(words, "TAUTLINE_ORIGIN", "no allowOrigin");
  }

  /** The application can't say who this is. */
  #fail(option, error, peer) {
    this.#tell(option, error);
    return judge(peer, false);
  }

  /** What goes wrong in the application here: what a client says must not be able to end the process. */
  #tell(option, error) {
    const words = `the option \`${option}\` failed, and a client was refused (this is told once): ${wordsOf(error)}`;
    this.#warnOnce(words, "TAUTLINE_OPTION", option, error?.stack);
  }

  #warnOnce(words, code, about, detail) {
    if (this.#given.has(about)) return;
    this.#given.add(about);
    process.emitWarning(words, { code, detail });
  }
}

const isPromise = (value) => typeof value?.then === "function";
const textOf = (value) => (typeof value === "string" && value !== "" ? value : undefined);

/** Anything can be thrown, and not all of it becomes a string. */
function wordsOf(error) {
  try {
    return String(error);
  } catch {
    return typeof error;
  }
}

/** A promise is no answer where nobody waits for it, and neither is it a rejection that nobody handles. */
function atOnce(answer) {
  if (!isPromise(answer)) return answer;
  Promise.resolve(answer).catch(() => {});
  throw new TypeError("it answers at once: a promise is no answer");
}

function judge(peer, answer) {
  const principal = textOf(answer);
  if (principal !== undefined) return { peer: { ...peer, principal }, entrance: ALLOWED };
  return { peer, entrance: answer === true ? ALLOWED : UNAUTHENTICATED };
}
