// Streams carry the socket's types, and go through pipes.

import { connect } from "tautline";
import { streams, type SocketStreams } from "tautline/streams";

const { readable, writable } = streams(connect("/", { codec: "bytes" }));
for await (const text of readable.pipeThrough(new TextDecoderStream())) text.trim();
await new Response("x").body!.pipeTo(writable);

streams(connect<Date, number>("/")) satisfies SocketStreams<Date, number>;
await streams(connect<number>("/")).writable.getWriter().write(1);
