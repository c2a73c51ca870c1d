"use client";
// The entry `tautline` in a client component: the conversation of all the other applications.

import { useEffect } from "react";
import { connect } from "tautline";
import { talk } from "../../talk.js";

export function Talk({ server }) {
  useEffect(() => void talk(connect, server, console.log), [server]);
  return null;
}
