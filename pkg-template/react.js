// The entry `tautline/react`: a socket as long as a component is there. Nothing happens at import or while rendering,
// so a server may render it.

import { useCallback, useEffect, useInsertionEffect, useRef, useState } from "react";
import { connect, TautlineError } from "./index.js";

/** What a URL that is a function is known by: another function is no other URL. */
const ASKED = Symbol();

const keyOf = (url) => (typeof url === "function" ? ASKED : url == null || url === false ? undefined : String(url));

const before = (key) => ({ key, state: key === undefined ? "closed" : "connecting" });

export function useSocket(url, options) {
  const key = keyOf(url);
  const [view, setView] = useState(() => before(key));
  /**
   * What was last rendered onto the page (url, key, options), its link, and whether the component has left the page.
   */
  const { current: box } = useRef({});

  // Not while rendering: React may throw away what it rendered. This is before every other effect, those of children too.
  useInsertionEffect(() => {
    Object.assign(box, { url, key, options });
    // The newest function of this URL; a link to another one keeps its own to its end.
    if (box.link && box.link.key === key) box.link.url = url;
  });

  useEffect(() => {
    box.gone = false;
    if (key === undefined) {
      setView((view) => (view.key === key ? view : before(key)));
      return undefined;
    }
    const link = enter(box);
    const { socket } = link;
    link.leaving = false;
    setView((view) => (view.socket === socket ? view : { key, socket, state: socket.state }));
    const listeners = new AbortController();
    const { signal } = listeners;
    const on = (type, change) => {
      socket.addEventListener(type, (event) => setView((view) => ({ ...view, ...change(event, view) })), { signal });
    };
    on("statechange", ({ state, cause }, view) => {
      return { state, error: cause ?? (state === "open" ? undefined : view.error) };
    });
    on("error", ({ error }) => ({ error }));
    on("close", () => ({ state: "closed" }));
    on("message", ({ data }) => ({ message: data }));
    const tell = ({ data }) => box.options?.onMessage?.(data);
    socket.addEventListener("message", tell, { signal });
    return () => {
      listeners.abort();
      link.leaving = true;
      // StrictMode and Fast Refresh leave and enter in one go, and find the socket still there.
      queueMicrotask(() => link.leaving && leave(box, link));
    };
  }, [key]);

  const send = useCallback((message) => {
    if (box.key === undefined) return Promise.reject(unconnected());
    if (!box.gone) return enter(box).socket.send(message);
    // An <Activity> that shows again runs the effects of children first.
    return Promise.resolve().then(() => (box.gone ? Promise.reject(unconnected()) : enter(box).socket.send(message)));
  }, []);

  // Of the URL before, nothing is shown.
  const { state, message, error, socket } = view.key === key ? view : before(key);
  return { state, message, error, send, socket };
}

/**
 * The link to the URL on the page; a new one where there is none yet. An effect of a child may come before our own.
 */
function enter(box) {
  const { key, url, link } = box;
  if (link?.key === key) return link;
  const { onMessage, ...options } = box.options ?? {};
  const made = { key, url, leaving: false };
  made.socket = connect(key === ASKED ? (attempt) => made.url(attempt) : url, options);
  return (box.link = made);
}

function leave(box, link) {
  link.socket.close();
  if (box.link !== link) return;
  box.link = undefined;
  // Not where it only moves on to another URL, or to none.
  box.gone = box.key === link.key;
}

function unconnected() {
  return new TautlineError("closed", "useSocket is not connected: it has no URL, or its component has left the page");
}
