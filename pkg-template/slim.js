// The entry `tautline/slim`: tautline.wasm comes as a file of its own, compiled while it streams in.

import { instantiate, loaded } from "./engine.js";
import { TautlineError, wasmFailure } from "./errors.js";
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
    (loading ??= compile(source)
      .then((module) => instantiate(() => module))
      .catch((cause) => {
        // The next one may have more luck, or a better source.
        loading = undefined;
        throw wasmFailure(cause);
      }))
  );
}

async function compile(source = new URL("./tautline.wasm", import.meta.url)) {
  const answer = await fetched(source);
  if (answer instanceof WebAssembly.Module) return answer;
  // A server that does not know the type is no reason to fail.
  return /^application\/wasm/.test(answer.headers.get("content-type"))
    ? WebAssembly.compileStreaming(answer)
    : WebAssembly.compile(await answer.arrayBuffer());
}

/** A good answer, or a module. */
async function fetched(source) {
  const isAddress = typeof source === "string" || source instanceof URL;
  let answer, cause;
  try {
    answer = await (isAddress ? fetch(source) : source);
  } catch (error) {
    cause = error;
  }
  if (answer?.ok || answer instanceof WebAssembly.Module) return answer;
  const where = isAddress ? source : answer?.url || "tautline.wasm";
  const why = answer?.status ? ` (HTTP status ${answer.status})` : "";
  const advice = "call init() with its URL, a Response or the compiled module, or import `tautline`, which has it inlined";
  throw new TautlineError("wasm", `${where} can't be loaded${why}: ${advice}`, { cause });
}
