// Under the condition `workerd` one module is both entries.

import TautSocket, { connect, type Socket } from "tautline";
import Same from "tautline/websocket";

const Class: typeof Same = TautSocket;
connect<string>("wss://example.com/") satisfies Socket<string>;
console.log(Class);
