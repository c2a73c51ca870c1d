// Mistakes with `tautline`. A comment says what each is and, after the arrow, what the compiler must say of it.

import { connect, TautlineError, type Codec, type Options } from "tautline";
declare const error: TautlineError;

// a message of the wrong type → 'number' is not assignable to parameter of type 'string'
await connect<string>("/").send(1);
// a message used before its type is known → 'message' is of type 'unknown'
for await (const message of connect("/")) message.text;
// an option that does not exist → Did you mean to write 'reconnect'?
connect("/", { reconect: false });
// an option that does not exist beside a codec → Did you mean to write 'connectTimeout'?
connect("/", { codec: "text", conectTimeout: 1 });
// a part of an option that does not exist → Did you mean to write 'minDelay'?
connect("/", { reconnect: { minDelai: 1 } });
// an overflow policy that does not exist → Type '"wait"' is not assignable to type '"close" | "drop-oldest"
connect("/", { inbox: { overflow: "wait" } });
// a codec that does not exist → Type '"xml"' is not assignable
connect("/", { codec: "xml" });
// a codec without decode → Property 'decode' is missing
connect("/", { codec: { encode: String } });
// a codec that encodes to a number → 'number' is not assignable to type 'string | Uint8Array
({ encode: Number, decode: Number }) satisfies Codec<number>;
// text for messages that are no strings → Type '"text"' is not assignable
connect<{ a: 1 }>("/", { codec: "text" });
// bytes for messages that are no bytes → Type '"bytes"' is not assignable
connect<string>("/", { codec: "bytes" });
// an object sent as text → '{}' is not assignable to parameter of type 'string'
connect("/", { codec: "text" }).send({});
// a string sent as bytes → 'string' is not assignable to parameter of type 'BytesSource'
connect("/", { codec: "bytes" }).send("");
// a message that a codec of one's own does not take → 'string' is not assignable to parameter of type 'number'
connect("/", { codec: { encode: (n: number) => `${n}`, decode: Number } }).send("");
// a heartbeat of the wrong type → 'number' is not assignable to type 'string'
connect<string>("/", { heartbeat: { interval: 1, timeout: 1, message: () => 1 } });
// a heartbeat without a timeout → Property 'timeout' is missing
connect("/", { heartbeat: { interval: 1, message: () => 1 } });
// durable by a word → 'string' is not assignable to type 'boolean
connect("/", { durable: "yes" });
// a choice for lost sessions that does not exist → Type '"forget"' is not assignable to type '"return" | "resend"
connect("/", { durable: true, onSessionLost: "forget" });
// options of other types than the socket's → 'Options<string, string>' is not assignable
connect<number>("/", {} as Options<string>);
// a URL provider that gives no URL → 'number' is not assignable
connect(() => 1);
// a state that does not exist → have no overlap
if (connect("/").state === "connected") throw error;
// a state that is set → it is a read-only property
connect("/").state = "open";
// an error code that does not exist → have no overlap
if (error.code === "nope") throw error;
// an event's property that does not exist → Property 'data' does not exist
connect("/").addEventListener("open", (event) => event.data);
// lost messages of the wrong type → 'toFixed' does not exist on type 'string'
connect<number, string>("/").addEventListener("sessionlost", ({ unacknowledged }) => unacknowledged[0]?.toFixed());
// a round trip that may not be known → is possibly 'null'
connect("/", { durable: true }).stats().rtt.toFixed();
// a delay that may be null → 'retryIn' is possibly 'null'
connect("/").addEventListener("disconnect", ({ retryIn }) => retryIn.toFixed());
// a file of the package that is no entry → Cannot find module 'tautline/socket.js'
await import("tautline/socket.js");
