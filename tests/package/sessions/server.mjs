// A server of `tautline.v1` for Node: `/echo` and `/push` with sessions, and `/echo` without where none are asked for.
// What it does wrong on demand are hooks: `select`, `welcome`, and whatever a test does to a session's link.

import http from "node:http";
import { WebSocketServer } from "ws";

import { Link } from "./link.mjs";
import { Liveness } from "./liveness.mjs";
import { Violation } from "./outbox.mjs";
import { Session } from "./session.mjs";
import { Store } from "./store.mjs";
import { Code, encode, PROTOCOL } from "./wire.mjs";

const NORMAL = 1000;
const GOING_AWAY = 1001;
/** What a frame has beyond its largest message: its own head, and the other messages it may carry. */
const FRAME_ROOM = 64 * 1024 + 1024;
/** A client that closes with one of these means the session. */
const ENDING = new Set([Code.PROTOCOL_ERROR, Code.TOO_BIG]);

const LOOPBACK = new Set(["localhost", "127.0.0.1", "[::1]"]);

const DEFAULTS = {
  host: "127.0.0.1",
  port: 0,
  resumeMs: 120_000,
  heartbeatMs: 15_000,
  probeMs: 5000,
  helloMs: 5000,
  /** Of each session's inbox, in positions. */
  window: 1024,
  /** In bytes. */
  maxMessage: 1024 * 1024,
  maxSessions: 10_000,
  /** Without any: every loopback origin, and none. */
  allowOrigin: [],
  /** What a new session's messages are for: `(session, url)`. By default what the path says. */
  application: undefined,
  /** Which WebSocket subprotocol is selected of those offered; false for none. */
  select: (offered) => offered.has(PROTOCOL) && PROTOCOL,
  /** Is given the WELCOME and the HELLO, and returns another WELCOME, or null for none at all. */
  welcome: (welcome) => welcome,
};

/** Sends back what comes, as it came. What it can't send yet it does not take. */
async function echo(session) {
  for await (const message of session) await session.send(message);
}

/** Sends as many messages as the URL says, `{"n":1}` the first, one every so many milliseconds. */
async function push(session, url) {
  const count = Number(url.searchParams.get("messages") ?? 1);
  const every = Number(url.searchParams.get("every") ?? 0);
  for (let n = 1; n <= count; n++) {
    await session.send(JSON.stringify({ n }));
    if (every > 0) await new Promise((resolve) => setTimeout(resolve, every));
  }
}

const APPLICATIONS = { "/echo": echo, "/push": push };

class ServerSession extends Session {
  digest = "";
  token = "";
  protocol = "";
  attempt = 0;
  maxMessage = 0;
  /** Whether anything came after the WELCOME. */
  isUsed = false;
  expiry = null;
  origin;
  liveness = null;

  constructor(options, origin) {
    super(options);
    this.origin = origin;
  }

  detach() {
    this.liveness?.stop();
    super.detach();
  }

  /** Ends it from this side. */
  bye(code = NORMAL, reason = "") {
    const { link } = this;
    if (link) {
      this.inbox.acknowledge();
      link.send(encode({ type: "bye", code, reason }));
      link.close(NORMAL);
    }
    this.end(code, reason);
  }
}

/** `stats` counts what happened, and `sessions` are there to be looked at and broken. */
export class SessionServer {
  stats = {
    connections: 0,
    welcomes: 0,
    resumed: 0,
    lost: 0,
    superseded: 0,
    late: 0,
    violations: 0,
    silent: 0,
    refused: 0,
  };
  /** What went wrong in an application, which must be nothing. */
  errors = [];
  #options;
  #store;
  #http;
  #sockets;

  constructor(options = {}) {
    this.#options = { ...DEFAULTS, ...options };
    this.#store = new Store(this.#options);
    this.#http = http.createServer((request, response) => {
      response.writeHead(request.url === "/health" ? 200 : 404).end("ok");
    });
    this.#sockets = new WebSocketServer({
      noServer: true,
      perMessageDeflate: false,
      maxPayload: this.#options.maxMessage + FRAME_ROOM,
      handleProtocols: this.#options.select,
    });
    this.#http.on("upgrade", (request, socket, head) => {
      if (!this.#allows(request.headers.origin)) {
        socket.end("HTTP/1.1 403 Forbidden\r\nconnection: close\r\n\r\n");
        return;
      }
      this.#sockets.handleUpgrade(request, socket, head, (ws) => this.#accept(ws, request));
    });
  }

  async listen() {
    const { port, host } = this.#options;
    await new Promise((resolve, reject) => this.#http.once("error", reject).listen(port, host, resolve));
    return this;
  }

  get url() {
    return `http://${this.#options.host}:${this.#http.address().port}`;
  }

  get sessions() {
    return this.#store.sessions;
  }

  /** As after a restart without a store: no token is known, and no connection left. */
  forgetAll() {
    const sessions = this.sessions;
    this.#store.forgetAll();
    for (const session of sessions) {
      session.link?.abandon();
      session.end(GOING_AWAY, "forgotten");
    }
  }

  /** Closes every connection, and listens no more. */
  async stop() {
    for (const ws of this.#sockets.clients) ws.close(GOING_AWAY);
    const gone = new Promise((resolve) => this.#http.close(resolve));
    const timer = setTimeout(() => this.#sockets.clients.forEach((ws) => ws.terminate()), 1000);
    this.#http.closeIdleConnections();
    await gone;
    clearTimeout(timer);
    this.forgetAll();
  }

  #allows(origin) {
    const { allowOrigin } = this.#options;
    if (allowOrigin.length > 0) return allowOrigin.includes(origin);
    if (origin === undefined) return true;
    return URL.canParse(origin) && LOOPBACK.has(new URL(origin).hostname);
  }

  #accept(ws, request) {
    this.stats.connections++;
    const url = new URL(request.url, this.url);
    if (ws.protocol === "") {
      ws.on("error", () => {}).on("message", (data, binary) => ws.send(data, { binary }));
      return;
    }
    const { origin } = request.headers;
    const { helloMs } = this.#options;
    let session = null;
    const timer = setTimeout(() => link.close(Code.NO_HELLO, `no HELLO within ${helloMs} ms`), helloMs);
    const link = new Link(ws, {
      frame: (frame) => {
        if (session) {
          this.#hear(session, link, frame);
          return;
        }
        if (frame.type !== "hello") throw new Violation(Code.PROTOCOL_ERROR, `a ${frame.type} before the HELLO`);
        clearTimeout(timer);
        session = this.#greet(link, frame, origin, url);
      },
      broken: (code, reason) => {
        clearTimeout(timer);
        this.stats.violations++;
        session?.end(code, reason);
      },
      drained: () => session?.outbox.transmit(),
      closed: (code, reason) => {
        clearTimeout(timer);
        if (session) this.#lose(session, link, code, reason);
      },
    });
  }

  /** Answers a HELLO; the session that it got, if it did. */
  #greet(link, hello, origin, url) {
    const { session: known, ended } = this.#store.find(hello.token, origin);
    if (ended) {
      link.send(encode({ type: "bye", code: ended.code, reason: ended.reason }));
      link.close(NORMAL);
      return null;
    }
    if (known && hello.attempt <= known.attempt) {
      this.stats.late++;
      link.close(Code.SUPERSEDED, "a later attempt was here before");
      return null;
    }
    let session = known;
    if (known && !known.outbox.believes(hello.taken)) {
      this.#store.forget(known);
      known.link?.close(Code.SUPERSEDED);
      known.end(Code.PROTOCOL_ERROR, `${hello.taken} can't be what is taken`);
      session = null;
    }
    session ??= this.#create(link, hello, origin);
    if (session) this.#enter(session, link, hello, { resumed: session === known, url });
    return session;
  }

  #create(link, hello, origin) {
    const { isThere, unused } = this.#store.room;
    if (unused) {
      this.#store.forget(unused);
      unused.link?.close(Code.OVERLOADED, "never used");
      unused.end(Code.OVERLOADED, "never used");
    } else if (!isThere) {
      this.stats.refused++;
      link.close(Code.OVERLOADED, "too many sessions");
      return null;
    }
    if (hello.token !== "") this.stats.lost++;
    const session = new ServerSession(this.#options, origin);
    session.token = this.#store.add(session);
    session.protocol = hello.protocols[0] ?? "";
    session.once("end", ({ code, reason }) => this.#store.bury(session, code, reason));
    return session;
  }

  #enter(session, link, hello, { resumed, url }) {
    const { resumeMs, heartbeatMs, probeMs, maxMessage } = this.#options;
    if (hello.maxMessage < session.maxMessage) {
      session.bye(Code.PROTOCOL_ERROR, "max_message has fallen");
      throw new Violation(Code.PROTOCOL_ERROR, "max_message has fallen");
    }
    if (session.link) this.stats.superseded++;
    session.link?.close(Code.SUPERSEDED, "a later attempt is here");
    session.detach();
    this.#store.keep(session);
    session.attempt = hello.attempt;
    session.maxMessage = session.outbox.maxMessage = hello.maxMessage;
    this.stats.welcomes++;
    if (resumed) this.stats.resumed++;
    const { token, protocol } = session;
    const told = { ...session.inbox.tell(), resumeMs, heartbeatMs, maxMessage, protocol };
    const welcome = this.#options.welcome({ type: "welcome", resumed, token, ...told }, hello);
    if (!welcome) return;
    link.send(encode(welcome));
    session.liveness = new Liveness(link, {
      heartbeatMs,
      probeMs,
      beats: true,
      dead: () => {
        this.stats.silent++;
        link.abandon();
        this.#lose(session, link, NORMAL, "silent for too long");
      },
    });
    // What a lost session's HELLO says of positions is void.
    if (resumed) session.outbox.acknowledged(hello.taken, hello.limit);
    else if (hello.token === "") session.outbox.acknowledged(0, hello.limit);
    session.attach(link);
    if (!resumed) this.#run(session, url);
  }

  async #run(session, url) {
    const application = this.#options.application ?? APPLICATIONS[url.pathname];
    if (!application) {
      session.bye(NORMAL, "nothing here");
      return;
    }
    try {
      await application(session, url);
    } catch (error) {
      if (session.ended) return;
      if (error instanceof RangeError) session.bye(Code.TOO_BIG, error.message);
      else this.errors.push(error);
    }
  }

  #hear(session, link, frame) {
    if (session.link !== link) return;
    session.isUsed = true;
    if (frame.type === "bye") {
      link.close(NORMAL);
      session.end(frame.code, frame.reason);
    } else session.handle(frame);
  }

  #lose(session, link, code, reason) {
    if (session.link !== link || session.ended) return;
    if (ENDING.has(code)) {
      session.end(code, reason);
      return;
    }
    session.detach();
    this.#store.expire(session, () => {
      this.#store.forget(session);
      session.end(GOING_AWAY, "expired");
    });
  }
}

/** Starts one; `url`, `stats`, `errors`, `sessions`, `forgetAll` and `stop` are what tests need of it. */
export function startSessionServer(options) {
  return new SessionServer(options).listen();
}
