// Mistakes with `tautline/streams`.

import { connect } from "tautline";
import { streams } from "tautline/streams";

// streams of something else → is not assignable to parameter of type 'Socket
streams(new WebSocket("/"));
// a written message of the wrong type → 'number' is not assignable to parameter of type 'string'
await streams(connect<string>("/")).writable.getWriter().write(1);
// a pipe of the wrong type → is not assignable
streams(connect<Date>("/")).readable.pipeThrough(new TextDecoderStream());
