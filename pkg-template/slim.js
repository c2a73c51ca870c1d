// The entry `tautline/slim`: tautline.wasm comes as a file of its own, compiled while it streams in.

import { instantiate, loaded } from "./engine.js";
import { TautlineError } from "./errors.js";
import { Socket } from "./socket.js";

export { TautlineError };

/** The load under way. */
let loading;

export function connect(url, options) {
  return new Socket(load, url, options);
}

export function init(source) {
  const done = Promise.resolve(load(source)).then(() => {});
  // Nobody has to await it: the sockets say it, too.
  done.catch(() => {});
  return done;
}

function load(source) {
  return (
    loaded() ??
    (loading ??= compile(source).then(
      (module) => instantiate(() => module),
      (cause) => {
        // The next one may have more luck, or a better source.
        loading = undefined;
        throw cause;
      },
    ))
  );
}

async function compile(source = new URL("./tautline.wasm", import.meta.url)) {
  if (source instanceof WebAssembly.Module) return source;
  const answer = await (typeof source === "string" || source instanceof URL ? fetch(source) : source);
  if (!answer.ok) {
    const advice = "is it served? Say where it is with init(url), or import `tautline`, which has it inlined";
    throw new TautlineError("wasm", `${answer.url || source} can't be loaded (HTTP status ${answer.status}): ${advice}`);
  }
  // A server that does not know the type is no reason to fail.
  return /^application\/wasm/.test(answer.headers.get("content-type"))
    ? WebAssembly.compileStreaming(answer)
    : WebAssembly.compile(await answer.arrayBuffer());
}
