// Relays between the page and its servers, opened by the page and at its orders: they count bytes, and delay and cut connections.

import { startChaos } from "../../tests/package/chaos.mjs";

/** What the site answers for them. `targets`: the servers' URLs by their names. */
export function relays(targets) {
  const open = new Map();
  let last = 0;
  const stop = async (id) => {
    const relay = open.get(id);
    open.delete(id);
    await relay?.stop();
  };
  return {
    answers: {
      async "/relay/open"({ server, network }) {
        const relay = await startChaos(targets[server], network);
        open.set(++last, relay);
        return { id: last, url: relay.url };
      },
      "/relay/stats": ({ id }) => open.get(id).stats,
      "/relay/cut"({ id }) {
        const relay = open.get(id);
        relay.cut();
        relay.mend();
      },
      "/relay/stop": ({ id }) => stop(id),
    },
    stop: () => Promise.all([...open.keys()].map(stop)),
  };
}
