// A client of `tautline.v1` for Node: it connects, and keeps its session across lost connections, as the specification
// says. Its hooks break the rules on demand. It takes nothing by itself: whoever wants a slow reader takes slowly.

import WebSocket from "ws";

import { Link } from "./link.mjs";
import { Liveness } from "./liveness.mjs";
import { Violation } from "./outbox.mjs";
import { Session } from "./session.mjs";
import { Code, encode, PROTOCOL } from "./wire.mjs";

/** After these no attempt follows; 4401 has its own rule. */
const FATAL = new Set([Code.PROTOCOL_ERROR, Code.SUPERSEDED, Code.TOO_BIG, 1002, 1007, 1009]);
/** Connections that opened, and had no WELCOME, before it gives up. */
const STRIKES = 3;
/** What of a session's time the delay before a retry takes at most. */
const RESUME_SHARE = 6;
const GONE = 1006;

const DEFAULTS = {
  /** Of the inbox, in positions. */
  window: 1024,
  /** The largest message taken, in bytes. */
  maxMessage: 1024 * 1024,
  /** How much is accepted and not yet taken: { messages, bytes }. */
  outbox: undefined,
  /** The application's own subprotocols. */
  protocols: [],
  /** Milliseconds. */
  minDelay: 10,
  maxDelay: 1000,
  factor: 2,
  connectTimeout: 10_000,
  probeMs: 5000,
  ackMs: 200,
  /** Whether messages of unknown outcome go out again in the next session. */
  resend: false,
  /** The Origin to name. */
  origin: undefined,
  /** Takes each message at once, if given. */
  receive: undefined,
  /** Misbehaves: never sends an ACK. */
  acknowledges: true,
  /** Misbehaves: is given the HELLO and returns another one, null for none, or a promise of either. */
  hello: (hello) => hello,
};

/** Connects; `url` is a string or a function that is asked before every attempt. http becomes ws. */
export function connect(url, options) {
  return new Client(url, options);
}

/**
 * A session, which emits "open" { resumed }, "disconnect" { code, reason }, "sessionlost" { unacknowledged } and "end".
 * send, flush, take, next, the async iterator and closed are the session's.
 */
export class Client extends Session {
  /** Resolves with the first "open"; rejects if that never comes. */
  opened;
  protocol = "";
  token = "";
  /** What the last WELCOME said. */
  welcome = null;
  /** `framesOut` without those of the present connection. */
  stats = { attempts: 0, welcomes: 0, reconnects: 0, lost: 0, faults: 0, framesIn: 0, framesOut: 0, messagesIn: 0 };
  #options;
  #url;
  #attempt = 0;
  #link = null;
  #liveness = null;
  #socket = null;
  #timer = null;
  #tries = 0;
  #strikes = 0;
  #mayRefresh = true;
  #closing = null;

  constructor(url, options = {}) {
    const all = { ...DEFAULTS, ...options };
    super(all);
    this.#options = all;
    this.#url = url;
    this.opened = new Promise((resolve, reject) => {
      this.once("open", resolve);
      this.once("end", ({ code, reason }) => reject(new Error(`never opened: ${code} ${reason}`)));
    });
    this.opened.catch(() => {});
    if (all.receive) this.#takeAll(all.receive);
    this.#connect();
  }

  /** Sends what is queued, waits until it is taken, for so long at most, and ends the session. */
  close(code = 1000, reason = "", { timeout = 5000 } = {}) {
    if (this.#closing || this.ended) return this.closed;
    this.#closing = { code, reason };
    const finish = () => {
      clearTimeout(timer);
      this.#leave(code, reason);
    };
    const timer = setTimeout(finish, timeout);
    if (this.outbox.length === 0) finish();
    else this.flush().then(finish, finish);
    return this.closed;
  }

  /** Loses the connection, as if the network had. */
  drop() {
    this.#abandon("dropped");
  }

  /** Misbehaves: sends this as it is. */
  raw(data) {
    this.#link?.send(data);
  }

  /** Misbehaves: says nothing any more on this connection, and answers nothing. */
  mute() {
    if (this.#link) this.#link.isMuted = true;
  }

  /** Reads nothing from the socket until `unstall`. */
  stall() {
    this.#link?.stall();
  }

  unstall() {
    this.#link?.unstall();
  }

  get isOpen() {
    return this.link !== null;
  }

  async #takeAll(receive) {
    for await (const message of this) receive(message);
  }

  async #connect() {
    this.stats.attempts++;
    const { origin, connectTimeout } = this.#options;
    let address = this.#url;
    try {
      if (typeof address === "function") address = await address(this.stats.attempts);
    } catch (error) {
      this.#retry(GONE, `no URL: ${error.message}`);
      return;
    }
    if (this.ended) return;
    const socket = new WebSocket(address.replace(/^http/, "ws"), PROTOCOL, { origin, perMessageDeflate: false });
    this.#socket = socket;
    let failure = "";
    const link = new Link(socket, {
      frame: (frame) => this.#hear(link, frame),
      broken: (code, reason) => this.end(code, reason),
      drained: () => this.outbox.transmit(),
      closed: (code, reason) => this.#lose(link, code, reason || failure),
    });
    this.#link = link;
    socket.on("error", ({ message }) => {
      failure = message;
      // A browser sees protocol "" or an error here; `ws` has words of its own for both.
      if (/subprotocol/.test(message)) this.#strikes++;
    });
    socket.on("open", () => this.#greet(link));
    this.#timer = setTimeout(() => {
      if (socket.readyState === WebSocket.OPEN) this.#strikes++;
      this.#abandon(`no WELCOME within ${connectTimeout} ms`);
    }, connectTimeout);
  }

  async #greet(link) {
    const { maxMessage, protocols, hello: change } = this.#options;
    const attempt = ++this.#attempt;
    const told = this.inbox.tell();
    const hello = await change({ type: "hello", token: this.token, ...told, attempt, maxMessage, protocols });
    if (hello && link === this.#link) link.send(encode(hello));
  }

  #hear(link, frame) {
    this.stats.framesIn++;
    if (frame.type === "bye") {
      link.close(1000);
      this.end(frame.code, frame.reason);
    } else if (this.isOpen) {
      this.handle(frame);
      this.stats.messagesIn += frame.messages?.length ?? 0;
    } else if (frame.type === "welcome") {
      this.#enter(link, frame);
    } else throw new Violation(Code.PROTOCOL_ERROR, `a ${frame.type} before the WELCOME`);
  }

  #enter(link, welcome) {
    const fault = this.#faultOf(welcome);
    if (fault) {
      this.stats.faults++;
      if (!this.token) {
        link.close(Code.PROTOCOL_ERROR, fault);
        this.end(Code.PROTOCOL_ERROR, fault);
        return;
      }
      this.#loseSession();
      this.#abandon(fault);
      return;
    }
    clearTimeout(this.#timer);
    const { resumed, token, taken, limit, heartbeatMs, maxMessage, protocol } = welcome;
    const isLost = this.token !== "" && !resumed;
    if (isLost) this.#loseSession();
    if (this.stats.welcomes++ > 0) this.stats.reconnects++;
    this.#tries = this.#strikes = 0;
    this.#mayRefresh = true;
    Object.assign(this, { welcome, token, protocol });
    this.outbox.maxMessage = maxMessage;
    this.#liveness = new Liveness(link, {
      heartbeatMs,
      probeMs: this.#options.probeMs,
      beats: false,
      dead: () => this.#abandon("silent for too long"),
    });
    // The limit that the HELLO told was the old session's.
    if (isLost) link.send(encode({ type: "ack", ...this.inbox.tell() }));
    this.outbox.acknowledged(taken, limit);
    this.attach(link);
    this.emit("open", { resumed });
  }

  /** What can't be true in a WELCOME; undefined where all can. */
  #faultOf({ resumed, token, taken, maxMessage, protocol }) {
    const { protocols } = this.#options;
    if (token === "") return "a WELCOME without a token";
    if (protocol !== "" && !protocols.includes(protocol)) return `the subprotocol ${protocol} was not offered`;
    if (!resumed) {
      if (token === this.token) return "a new session by the old token";
      return taken === 0 ? undefined : `a new session that has taken ${taken}`;
    }
    if (token !== this.token) return "a resumed session by another token";
    if (protocol !== this.protocol) return "a resumed session with another subprotocol";
    if (maxMessage < this.welcome.maxMessage) return "max_message has fallen";
    return this.outbox.believes(taken) ? undefined : `${taken} can't be what is taken`;
  }

  /** Comes back without a token; the outcome of what went out is unknown. */
  #loseSession() {
    this.stats.lost++;
    this.token = "";
    this.inbox.restart();
    const unacknowledged = this.outbox.restart(this.#options.resend);
    this.emit("sessionlost", { unacknowledged });
  }

  #abandon(why) {
    const link = this.#link;
    if (!link) return;
    link.abandon();
    this.#lose(link, GONE, why);
  }

  #lose(link, code, reason) {
    if (link !== this.#link || this.ended) return;
    const wasOpen = this.isOpen;
    this.#unlink();
    if (wasOpen) this.emit("disconnect", { code, reason });
    const isRefused = code === Code.UNAUTHORIZED && !(this.#mayRefresh && typeof this.#url === "function");
    if (code === Code.UNAUTHORIZED) this.#mayRefresh = false;
    if (FATAL.has(code) || isRefused) this.end(code, reason);
    else if (this.#strikes >= STRIKES && this.stats.welcomes === 0) {
      this.end(GONE, `the server does not speak ${PROTOCOL}: ${reason}`);
    } else this.#retry(code, reason);
  }

  #retry(code) {
    if (this.ended) return;
    const { minDelay, maxDelay, factor } = this.#options;
    const longest = this.token ? Math.min(maxDelay, this.welcome.resumeMs / RESUME_SHARE) : maxDelay;
    const delay = Math.min(longest, minDelay * factor ** this.#tries++) * Math.random();
    this.#timer = setTimeout(() => this.#connect(), code === Code.OVERLOADED ? longest : delay);
  }

  #unlink() {
    clearTimeout(this.#timer);
    this.#liveness?.stop();
    this.#liveness = null;
    if (this.#link) this.stats.framesOut += this.#link.sent;
    this.#link = null;
    this.detach();
  }

  #leave(code, reason) {
    if (this.ended) return;
    if (this.link) {
      this.inbox.acknowledge();
      this.link.send(encode({ type: "bye", code, reason }));
      this.link.close(1000);
    } else this.#link?.abandon();
    this.end(code, reason);
  }

  end(code, reason) {
    this.#unlink();
    super.end(code, reason);
  }
}
