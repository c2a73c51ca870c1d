// Who may connect: what the request of an upgrade comes to, before its connection is a session's.

import process from "node:process";

import { ALLOWED, FOREIGN, UNAUTHENTICATED } from "./hub.js";

export const PROTOCOL = "tautline.v1";
/** So much more than its largest message has a frame, in bytes. */
export const FRAME_ROOM = 64 * 1024;

/** Whether a client wants a session, by its Sec-WebSocket-Protocol header. */
export function offersSession(header) {
  return header === PROTOCOL || (header ?? "").split(",").some((name) => name.trim() === PROTOCOL);
}

export class Door {
  #hub;
  #options;
  #hasWarned = false;

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
      if (address) peer.address = address(request) || undefined;
      if (authenticate) answer = authenticate(request);
    } catch {
      answer = false;
    }
    if (typeof answer?.then !== "function") return judge(peer, answer);
    return Promise.resolve(answer).then(
      (answer) => judge(peer, answer),
      () => judge(peer, false),
    );
  }

  /** The connection of somebody who was admitted, or is to be told that not. */
  connect(transport, { peer, entrance }, request) {
    return this.#hub.connect(transport, peer, entrance, request);
  }

  #isAllowed(origin) {
    const { allowOrigin, isClosedToPages } = this.#options;
    if (isClosedToPages) this.#warn(origin);
    if (!allowOrigin) return this.#hub.isAllowed(origin);
    try {
      return Boolean(allowOrigin(origin));
    } catch {
      // What a client says must not be able to end the process.
      return false;
    }
  }

  /** Once: whoever has not heard of it wonders why no page can connect. */
  #warn(origin) {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    const page = JSON.stringify(origin.slice(0, 100));
    process.emitWarning(`a page of ${page} was refused; to let it connect: durable(…, { allowOrigin: ${page} })`, {
      code: "TAUTLINE_ORIGIN",
    });
  }
}

function judge(peer, answer) {
  if (typeof answer === "string" && answer !== "") return { peer: { ...peer, principal: answer }, entrance: ALLOWED };
  return { peer, entrance: answer === true ? ALLOWED : UNAUTHENTICATED };
}
