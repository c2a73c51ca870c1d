// The codec decides the types.

import { connect, type BytesSource, type Codec, type Options, type Socket } from "tautline";

connect("/") satisfies Socket<unknown>;
connect("/", { codec: "json" }) satisfies Socket<unknown>;

const text = connect("/", { codec: "text", heartbeat: { interval: 1, timeout: 1, message: () => "ping" } });
await text.send("anything");
for await (const line of text) console.log(line.toUpperCase());
connect<"on" | "off">("/", { codec: "text" }) satisfies Socket<"on" | "off">;

const bytes = connect("/", { codec: "bytes" });
await bytes.send(new ArrayBuffer(1));
await bytes.send(new DataView(new ArrayBuffer(1)));
await bytes.send(new Float32Array(1));
for await (const some of bytes) new Blob([some.subarray(1)]);
connect<Uint8Array, BytesSource>("/", { codec: "bytes" });

const dates: Codec<Date, number> = { encode: String, decode: (data) => new Date(Number(data)) };
const clock = connect("/", { codec: dates });
await clock.send(1);
for await (const date of clock) date.getTime();

const inline = connect("/", {
  codec: {
    encode: (n: number) => new Uint8Array([n]),
    decode: (data) => (typeof data === "string" ? NaN : data[0]!),
  },
});
await inline.send(1);
for await (const n of inline) n.toFixed();

// Options that are made elsewhere.
const chosen: Options<Date, number> = { codec: dates, connectTimeout: 1 };
connect("/", chosen) satisfies Socket<Date, number>;
const loose: Options = { codec: "text" };
connect("/", loose) satisfies Socket<unknown>;

// What the heartbeat sends is one of the messages, not all of them.
await connect("/", { heartbeat: { interval: 1, timeout: 1, message: () => "ping" } }).send({ any: "thing" });
