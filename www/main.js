// The demo page: one socket, and the panels that show it. This file is the only one that knows the package; it
// imports it by name, as any page would.

import { connect } from "tautline";

import { Chart } from "./chart.js";
import { Counters } from "./counters.js";
import { Faults } from "./faults.js";
import { Ledger } from "./ledger.js";
import { Log } from "./log.js";
import { tenths, trip } from "./moment.js";
import { Spells } from "./spells.js";
import { StatePanel } from "./state.js";
import { tick } from "./ticker.js";
import { Timeline } from "./timeline.js";

const element = (id) => document.getElementById(id);

// The server knows this page's connection by this name; the fault buttons use it.
const name = Array.from(crypto.getRandomValues(new Uint8Array(5)), (byte) => byte.toString(16).padStart(2, "0")).join("");
const url = `/echo?name=${name}`;

const options = {
  // Slower than the default at first, so that a wait can be seen; never longer than five seconds.
  reconnect: { minDelay: 800, maxDelay: 5000 },
  // Eager, so that silence is noticed within seconds and the chart has its samples.
  heartbeat: { interval: 1000, timeout: 2000, message: () => ({ kind: "heartbeat", at: performance.now() }) },
};

const spells = new Spells();
const log = new Log({ frame: element("log"), rows: element("rows"), empty: element("empty"), newest: element("newest"), clear: element("clear") });
const ledger = new Ledger(log);
const counters = new Counters(element("counts"));
const chart = new Chart({
  plot: element("chart"), last: element("trip-last"), median: element("trip-median"), highest: element("trip-highest"), spells,
});
const panel = new StatePanel({
  panel: element("link"), state: element("state"), detail: element("detail"), countdown: element("countdown"), cause: element("cause"),
  announce: element("announce"), pill: element("pill"), pillText: element("pill-text"), end: element("end"),
});
new Timeline({ plot: element("strip"), legend: element("legend"), spells });

let socket = null;
/** The page itself has closed the socket. */
let closing = false;
let whenDown = [];

new Faults({
  demonstrate: element("fault-demonstrate"), cut: element("fault-cut"), refuse: element("fault-refuse"), silent: element("fault-silent"),
  closeForm: element("close-form"), code: element("close-code"), reason: element("close-reason"), status: element("fault-status"),
}, {
  name,
  get state() { return socket?.state ?? "closed"; },
  say: (text, echoed) => ledger.say(text, echoed),
  whenDown: () => new Promise((resolve) => whenDown.push(resolve)),
});

function start() {
  element("notice").hidden = true;
  closing = false;
  socket = connect(url, options);
  ledger.attach(socket);
  counters.attach(socket);
  listen(socket);
  enter(socket.state, null, "");
}

function listen(current) {
  // Why the link is down: a statechange knows the failure, the event after it the close code.
  let failure = null;
  let error = null;

  current.addEventListener("statechange", ({ state, previous, retryIn, cause }) => {
    failure = cause;
    enter(state, retryIn, why(cause));
    if (state === "waiting" && previous === "connecting") log.link(`Attempt failed: ${why(cause)}`, retryNote(retryIn));
    if (state === "waiting" && previous === "waiting") log.link(`The wait has changed. ${capital(why(cause))}`, retryNote(retryIn));
  });
  current.addEventListener("open", () => log.link("Open."));
  current.addEventListener("message", (event) => receive(event.data));
  current.addEventListener("disconnect", (event) => {
    const reason = failure ? why(failure) : why(event);
    enter("waiting", event.retryIn, reason);
    log.link(`Lost: ${reason}`, retryNote(event.retryIn));
  });
  current.addEventListener("error", (event) => {
    fail(event.error);
    // Only the one that ends it explains the end.
    if (current.state === "closed") error = event.error;
  });
  current.addEventListener("close", (event) => {
    const unsent = event.unacknowledged.length;
    enter("closed", null, why(event));
    ledger.ended(unsent);
    log.link(`Closed for good: ${why(event)}`, unsent > 0 ? `${unsent} not sent` : "");
    if (error?.code === "wasm") notice("The package can’t run here", `${error.message}. Build it with “cargo xtask build” and load this page again.`);
    else if (closing && unsent > 0) notice("Closed with messages unsent", `The link was down for longer than close() waits: ${unsent} never went out. Press “Connect again” and send anew.`);
    else if (!closing) notice("Closed for good", `${capital(error ? sentence(error.message) : why(event))} Press “Connect again” to start over.`);
  });
}

function enter(state, retryIn, reason) {
  spells.enter(state, performance.now());
  panel.show({ state, retryIn, why: state === "open" ? "Messages go straight through." : reason });
  if (state === "open" || state === "connecting") {
    ledger.settle();
    return;
  }
  if (state === "waiting") ledger.lost();
  for (const resolve of whenDown.splice(0)) resolve();
}

function receive(message) {
  if (message?.kind === "heartbeat") {
    chart.add(performance.now() - message.at);
    return;
  }
  ledger.settle();
  const echo = ledger.echo(message?.id);
  if (echo && !echo.held) chart.add(echo.took);
  const note = echo === null ? "" : echo.held ? `held ${tenths(echo.took)}` : trip(echo.took);
  log.received(typeof message?.text === "string" ? message.text : JSON.stringify(message), note);
}

function fail(error) {
  log.link(`Error: ${error.message}`, error.code);
}

function notice(title, text) {
  element("notice-title").textContent = title;
  element("notice-text").textContent = text;
  element("notice").hidden = false;
}

// How something ended, as a sentence: of an error, a close event, or nothing.
function why(cause) {
  if (!cause) return "";
  // The first clause says what happened; the rest would fill the log.
  if (cause instanceof Error) return sentence(cause.message.split(";")[0]);
  if (cause.reason) return `closed with ${cause.code} “${cause.reason}”.`;
  if (cause.code === 1006) return "code 1006, which is all a browser says of a link that broke.";
  return `closed with ${cause.code}.`;
}

function sentence(text) {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function retryNote(retryIn) {
  return retryIn === null ? "" : `retry in ${tenths(retryIn)}`;
}

element("say").addEventListener("submit", (event) => {
  event.preventDefault();
  const box = element("message");
  if (box.value !== "") send(box.value);
  box.value = "";
  box.focus();
});
element("burst").addEventListener("click", () => {
  for (let number = 1; number <= 50; number += 1) send(`${number} of 50`);
});
element("end").addEventListener("click", () => {
  if (socket.state === "closed") {
    start();
    return;
  }
  closing = true;
  // It still sends what is queued, and waits a while for the link if it must.
  element("end").textContent = "Closing…";
  socket.close(1000, "closed by the page");
});

function send(text) {
  ledger.say(text).catch((error) => fail(error));
}

tick(() => ledger.settle(), { hertz: 10 });
element("address").textContent = String(new URL(url, location.href)).replace(/^http/, "ws");
start();
