// A component on a socket, under StrictMode. The test renders it with `show` and reads what it saw in `seen`.

import { Activity, Component, StrictMode, useEffect, useLayoutEffect } from "react";
import { flushSync } from "react-dom";
import { createRoot } from "react-dom/client";
import { useSocket } from "tautline/react";

/** What the component had, in order; `now` is what it had last. */
const seen = { shown: [], states: [], heard: [], codes: [], sends: new Set(), renders: 0, now: undefined };
globalThis.seen = seen;

function Talk({ url, options, tag, children }) {
  // All of it new on every render, as in most components.
  const onMessage = (message) => seen.heard.push(tag ? { [tag]: message } : message);
  const link = useSocket(url, { ...options, onMessage });
  const { state, message, error, send } = link;
  useLayoutEffect(() => {
    seen.now = link;
    seen.renders++;
    seen.sends.add(send);
    if (seen.states.at(-1) !== state) seen.states.push(state);
    seen.shown.push([url, state, message]);
    if (error && seen.codes.at(-1) !== error.code) seen.codes.push(error.code);
  });
  return (
    <>
      <p id="state">{state}</p>
      <p id="message">{JSON.stringify(message)}</p>
      {children(send)}
    </>
  );
}

const greet = (send, greeting) => void send(greeting).catch(({ code }) => seen.codes.push(code));

/** A child that has something to say as soon as it is there, before the effects of its parent. */
function Greeter({ send, greeting }) {
  useEffect(() => greet(send, greeting), [send, greeting]);
  return null;
}

/** The same, before any effect at all. */
function EarlyGreeter({ send, greeting }) {
  useLayoutEffect(() => greet(send, greeting), [send, greeting]);
  return null;
}

class Boundary extends Component {
  state = {};

  static getDerivedStateFromError(error) {
    return { error };
  }

  render() {
    const { error } = this.state;
    return error ? <p id="caught">{`${error.name}: ${error.message}`}</p> : this.props.children;
  }
}

const root = createRoot(document.getElementById("root"));
/** What is shown. */
let talk = null;

const render = (mode) =>
  root.render(
    <StrictMode>
      <Boundary>{talk && <Activity mode={mode}>{talk}</Activity>}</Boundary>
    </StrictMode>,
  );

/** Renders the component, or nothing. */
globalThis.show = (props) => {
  const { greeting, early, ...rest } = props ?? {};
  const Child = early ? EarlyGreeter : Greeter;
  talk = props && <Talk {...rest}>{(send) => greeting && <Child send={send} greeting={greeting} />}</Talk>;
  render("visible");
};

/** Puts it out of sight and back, without rendering it anew. */
globalThis.hide = (hidden) => render(hidden ? "hidden" : "visible");

/** Renders, and runs the effects, before it returns. */
globalThis.showAtOnce = (props) => flushSync(() => show(props));

document.title = "ready";
