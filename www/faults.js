// The buttons that break things. They ask the server over HTTP to do it to this page's own connection, and say what
// came of it.

import { tenths } from "./moment.js";

const BURST = 50;
/** What a close frame has room for beside its code. */
const MAX_REASON_BYTES = 123;

export class Faults {
  #parts;
  #link;

  /** `link` has `name`, `state`, `say(text, echoed)` and `whenDown()`. */
  constructor(parts, link) {
    this.#parts = parts;
    this.#link = link;
    parts.cut.addEventListener("click", () => this.#run(() => this.#cut()));
    parts.refuse.addEventListener("click", () => this.#run(() => this.#refuse()));
    parts.silent.addEventListener("click", () => this.#run(() => this.#silence()));
    parts.demonstrate.addEventListener("click", () => this.#run(() => this.#demonstrate()));
    parts.closeForm.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#run(() => this.#close());
    });
  }

  async #run(fault) {
    if (this.#link.state !== "open") {
      this.#tell(this.#link.state === "closed" ? "Closed for good: connect again first." : "The link is down already.");
      return;
    }
    try {
      await fault();
    } catch (error) {
      this.#tell(`That did not work: ${error.message}`);
    }
  }

  async #cut() {
    await this.#ask({ reset: 1 });
    this.#tell("Cut: the server reset the connection.");
  }

  async #refuse() {
    await this.#ask({ refuse: 503, for: 5000, reset: 1 });
    this.#tell("Cut, and refusing for five seconds.");
  }

  async #silence() {
    await this.#ask({ silent: 1 });
    this.#tell("Silent. Nothing looks wrong until a heartbeat goes unanswered.");
  }

  async #close() {
    const code = Number(this.#parts.code.value);
    const reason = this.#parts.reason.value;
    if (new TextEncoder().encode(reason).length > MAX_REASON_BYTES) {
      this.#tell(`The reason is too long: ${MAX_REASON_BYTES} bytes at most.`);
      return;
    }
    await this.#ask({ close: code, reason });
    this.#tell(`The server closed with ${code}${reason ? ` “${reason}”` : ""}.`);
  }

  async #demonstrate() {
    const down = this.#link.whenDown();
    await this.#ask({ refuse: 503, for: 3000, reset: 1 });
    await down;
    const started = performance.now();
    const back = [];
    for (let number = 1; number <= BURST; number += 1) {
      this.#link.say(`${number} of ${BURST}, sent while down`, () => {
        back.push(number);
        if (back.length < BURST) return;
        const inOrder = back.every((value, index) => value === index + 1);
        this.#tell(`${BURST} of ${BURST} came back${inOrder ? ", in order," : ", out of order,"} ${tenths(performance.now() - started)} after they were sent.`);
      }).catch(() => {});
    }
    this.#tell(`Down for three seconds. ${BURST} messages wait in the outbox.`);
  }

  async #ask(fault) {
    const path = `/faults/${this.#link.name}?${new URLSearchParams(fault)}`;
    const response = await fetch(path, { method: "POST" });
    if (!response.ok) throw new Error(`the server answered ${response.status} to ${path}`);
    const { touched } = await response.json();
    if (touched === 0) throw new Error("the server has no open connection of this page");
  }

  #tell(text) {
    this.#parts.status.textContent = text;
  }
}
