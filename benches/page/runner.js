// What the page asks of the runner that serves it, and tells it.

async function ask(path, body) {
  const response = await fetch(path, body === undefined ? undefined : { method: "POST", body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
  return response.json();
}

/** What is to be done, and where: `{ jobs, urls }`. */
export const plan = () => ask("/plan");

/** What the page's process has computed so far, all its threads, in microseconds; null where the system doesn't tell. */
export const processorTime = () => ask("/mark");

/** Says what comes next. */
export const begin = (step) => ask("/begin", step);

/** Hands over a record or a series, as the report takes them. */
export const result = (record) => ask("/result", record);

/** The end; `failure` says what ended it before its time. */
export const done = (failure) => ask("/done", { failure });

/**
 * A relay to a server, with the options of the project's bad network (tests/package/chaos.mjs): its `url`, and what can be asked
 * of it. `cut` resets every connection, and lets new ones in.
 */
export async function openRelay(server, network = {}) {
  const { id, url } = await ask("/relay/open", { server, network });
  const order = (what) => () => ask(`/relay/${what}`, { id });
  return { url, stats: order("stats"), cut: order("cut"), stop: order("stop") };
}
