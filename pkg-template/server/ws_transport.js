// A connection of `ws`, as the hub takes it. What happens on it finds it by a symbol, as there may be many of them: a
// listener each would be memory each.

const TRANSPORT = Symbol("tautline");
/** A ping is answered unless more than so many bytes wait to be sent. */
const MOST_UNSENT = 64 * 1024;
/** What a frame that waits costs beside its bytes, in objects of `ws` and of Node: many tiny ones are much memory, too. */
const FRAME_COST = 1024;

/** What `ws` refuses to read, and closes the connection for: the same would come again. All else is a lost connection. */
const REFUSED = {
  WS_ERR_EXPECTED_FIN: 1002,
  WS_ERR_EXPECTED_MASK: 1002,
  WS_ERR_INVALID_CLOSE_CODE: 1002,
  WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH: 1002,
  WS_ERR_INVALID_OPCODE: 1002,
  WS_ERR_INVALID_UTF8: 1007,
  WS_ERR_TOO_MANY_BUFFERED_PARTS: 1008,
  WS_ERR_UNEXPECTED_MASK: 1002,
  WS_ERR_UNEXPECTED_RSV_1: 1002,
  WS_ERR_UNEXPECTED_RSV_2_3: 1002,
  WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH: 1009,
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: 1009,
};

export class Transport {
  /** The hub's end of it. */
  link;
  /** What arrived has told the hub that the client lives. */
  isHeard = false;
  #socket;
  /** Frames that wait to be written. */
  #unwritten = 0;

  /** `raw` is the socket of the network that `socket`, of `ws`, reads from. */
  constructor(socket, raw) {
    this.#socket = socket;
    socket[TRANSPORT] = raw[TRANSPORT] = this;
    socket.on("message", receive);
    socket.on("ping", answer);
    socket.on("error", refuse);
    socket.on("close", end);
    raw.on("data", hear);
  }

  get bufferedAmount() {
    return this.#socket.bufferedAmount + this.#unwritten * FRAME_COST;
  }

  send(data) {
    this.#unwritten++;
    this.#socket.send(data, this.#written);
  }

  /** Answers a ping of the WebSocket's own, unless too much waits already. */
  pong(data) {
    if (this.#socket.readyState !== this.#socket.OPEN || this.bufferedAmount > MOST_UNSENT) return;
    this.#unwritten++;
    this.#socket.pong(data, false, this.#written);
  }

  close(code, reason) {
    this.#socket.close(code, reason);
  }

  #written = (error) => {
    this.#unwritten--;
    if (!error) this.link?.drained();
  };
}

function receive(data, isBinary) {
  const transport = this[TRANSPORT];
  transport.isHeard = true;
  if (isBinary) transport.link.binary(data);
  else transport.link.text(data.toString(), data.length);
}

/** A large message takes its time, and so do pings: the client lives before it is all there. */
function hear() {
  const transport = this[TRANSPORT];
  if (!transport.isHeard) transport.link.alive();
  transport.isHeard = false;
}

function answer(data) {
  this[TRANSPORT].pong(data);
}

function refuse(error) {
  const code = REFUSED[error.code];
  if (code) this[TRANSPORT].link.broken(code, error.message);
}

function end(code, reason) {
  this[TRANSPORT].link.closed(code, reason.toString());
}
