"use client";
// A component that shows its socket and greets the echo server at each click: the entry `tautline/react`.

import { createElement, useRef } from "react";
import { useSocket } from "tautline/react";

const OPTIONS = { reconnect: { minDelay: 20, maxDelay: 200 } };

export function Chat({ server }) {
  const { state, message, send } = useSocket(server, OPTIONS);
  const sent = useRef(0);
  const greet = () => send(`hello ${++sent.current}`);
  return createElement("button", { onClick: greet }, `${state}: ${message ?? "nothing yet"}`);
}
