// A reporter for tests that run in a program of another Node: one line of JSON for each, for elsewhere.mjs.

/** What a failure shows: its own words are in the stack, as is the place. */
const shown = ({ cause, message }) => cause?.stack ?? cause ?? message;

export default async function* report(events) {
  for await (const { type, data } of events) {
    const { name, details, skip, todo } = data ?? {};
    const isSuite = details?.type === "suite";
    const isEnd = type === "test:pass" || type === "test:fail";
    // Neither skipped nor still to do is as good as passed; the exit status does not tell.
    if (isEnd && (skip ?? todo) !== undefined) {
      yield `${JSON.stringify({ name, omitted: skip === undefined ? "todo" : "skip" })}\n`;
    } else if (type === "test:pass" && !isSuite) yield `${JSON.stringify({ name })}\n`;
    // A suite that fails because of its tests adds nothing.
    else if (type === "test:fail" && details.error.failureType !== "subtestsFailed") {
      yield `${JSON.stringify({ name, failure: String(shown(details.error)) })}\n`;
    }
    // What went wrong when its test was over.
    if (type === "test:diagnostic" && /^Error: /.test(data.message)) {
      yield `${JSON.stringify({ name: "afterwards", failure: data.message })}\n`;
    }
  }
}
