// One run in one browser: serves the page, opens it, hears what it tells, and ends with it.

import { Progress } from "./progress.mjs";
import { open } from "./browsers.mjs";
import { pageTime } from "./processor.mjs";
import { relays } from "./relays.mjs";
import { serveSite } from "./site.mjs";

/** In seconds: what the page has beyond its own limits before it counts as hung. */
const GRACE_S = 30;

/**
 * Has the page do the jobs; `hear` is given each record and series as it comes. Rejects with what ended it before its time, and
 * when `stopped` does.
 */
export async function conduct(browser, jobs, urls, stopped, hear) {
  const progress = new Progress(jobs);
  const relaying = relays(urls);
  let opened;
  let watch;
  let end;
  const ended = new Promise((resolve) => (end = resolve));
  const site = await serveSite({
    ...relaying.answers,
    "/plan": () => ({ jobs, urls }),
    "/mark": () => pageTime(opened.pid),
    "/begin"(step) {
      // The page ends by itself what takes too long, unless it has hung altogether.
      clearTimeout(watch);
      watch = setTimeout(() => end(`the page has hung: ${step.work}, ${step.client}`), (step.limit + GRACE_S) * 1000);
      progress.begin(step);
    },
    "/result"(record) {
      progress.result(record);
      if (record.points || isKept(record)) hear(record);
    },
    "/done": ({ failure }) => end(failure && `the page failed: ${failure}`),
  });
  try {
    opened = open(browser, site.url);
    opened.ended.then((code) => end(`${browser} ended with ${code}`));
    const failure = await Promise.race([ended, stopped]);
    if (failure) throw new Error(failure);
  } finally {
    clearTimeout(watch);
    progress.end();
    site.stop();
    await opened?.stop();
    await relaying.stop();
  }
}

/** A warm-up is kept where it failed. */
const isKept = ({ round, failed, skipped }) => failed !== undefined || (round > 0 && !skipped);
