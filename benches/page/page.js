// Runs the plan: job by job, round by round, in each round every client, in another order each time. It reports each measurement
// to the runner; a client that fails is told with its reason, and takes no further part in that job.

import { load } from "./clients.js";
import { roundOf } from "./plan.js";
import * as runner from "./runner.js";
import { inTurn } from "./turns.js";

/** In seconds: what takes so much longer than expected has hung. */
const limitOf = (seconds) => Math.round(30 + 5 * seconds);

/** Rejects where code of the measurement under way throws, and nobody catches it. */
let interrupt = () => {};

const { jobs, urls } = await runner.plan();

/** Where a client finds a place of its server. */
const urlOf = ({ server }, path) => urls[server] + path;

const WAYS = {
  async alone(job) {
    const { measure } = await import(`./works/${job.work}.js`);
    return eachAlone(job, async (client, own) => recordsOf(await measure(await load(client), own)));
  },

  async framed(job) {
    return eachAlone(job, (client, own) => inFrame(async (frame) => recordsOf(await frame.measure(client, own))));
  },

  async growth(job) {
    const { grow } = await import(`./growth/${job.work}.js`);
    return eachAlone(job, async (client, own) => grow(await load(client), own));
  },

  async "growth framed"(job) {
    return eachAlone(job, (client, own) => inFrame((frame) => frame.grow(client, own)));
  },

  async together(job) {
    const { measureTogether } = await import(`./works/${job.work}.js`);
    const limit = limitOf(job.seconds);
    const failed = new Set();
    // Round 0 warms up.
    for (let round = 0; round <= job.rounds && failed.size < job.clients.length; round++) {
      const clients = job.clients.filter((client) => !failed.has(client));
      const step = stepOf(job, round);
      // One that hangs may hang once more in its close.
      await runner.begin({ ...step, client: `${clients.length} in turns`, limit: 2 * limit * clients.length });
      const results = await measureTogether(clients, { ...roundOf(job, round), load, urlOf }, (task) => limited(limit, task));
      for (const [client, result] of results) {
        if (result instanceof Error) failed.add(client);
        const records = result instanceof Error ? [{ failed: words(result) }] : recordsOf(result);
        for (const record of records) await runner.result({ ...step, client, ...record });
      }
    }
  },
};

/** One client after the other; `measure` resolves with records, or with series. */
async function eachAlone(job, measure) {
  const failed = new Set();
  const limit = limitOf(job.seconds);
  for (let round = 1; round <= job.rounds; round++) {
    for (const client of inTurn(job.clients, job.roundsBefore + round)) {
      const step = { ...stepOf(job, round), client };
      await runner.begin({ ...step, limit });
      if (failed.has(client)) {
        await runner.result({ ...step, skipped: true });
        continue;
      }
      try {
        const records = await limited(limit, () => measure(client, ownOf(job, client)));
        for (const record of records) await runner.result({ ...step, ...record });
      } catch (error) {
        failed.add(client);
        await runner.result({ ...step, failed: words(error) });
      }
    }
  }
}

const stepOf = ({ work, payload, rounds }, round) => ({ work, payload, round, rounds });

/** What a measurement of one client is told. */
const ownOf = ({ work, payload, counts, quick }, client) => ({ work, payload, count: counts[client], quick, urlOf });

const recordsOf = (told) => Object.entries(told).map(([work, values]) => ({ work, values }));

/** What `measure` gives, in a fresh frame of the same origin, with modules of its own. */
async function inFrame(measure) {
  const frame = document.createElement("iframe");
  frame.src = "/page/frame.html";
  const loaded = new Promise((resolve) => (frame.onload = resolve));
  document.body.append(frame);
  await loaded;
  listen(frame.contentWindow);
  try {
    return await measure(frame.contentWindow);
  } finally {
    frame.remove();
  }
}

function listen(window) {
  window.addEventListener("error", ({ error, message }) => interrupt(error ?? new Error(message)));
  window.addEventListener("unhandledrejection", ({ reason }) => interrupt(reason));
}

/** A measurement that ends: with what it gives, what it throws, or after its time. */
async function limited(limit, measure) {
  let timer;
  const end = new Promise((_, reject) => {
    interrupt = reject;
    timer = setTimeout(() => reject(new Error(`no end after ${limit} s`)), limit * 1000);
  });
  try {
    return await Promise.race([measure(), end]);
  } finally {
    clearTimeout(timer);
    interrupt = () => {};
  }
}

/** Of another frame's errors, too. */
const words = (error) => (error?.message ? `${error.name}: ${error.message}` : String(error));

listen(window);
try {
  // The clock steps 100 µs elsewhere, which is as long as many round trips.
  if (!crossOriginIsolated) throw new Error("this page is not cross-origin isolated");
  for (const job of jobs) await WAYS[job.how](job);
  await runner.done();
} catch (error) {
  await runner.done(words(error));
}
