// A TCP proxy between a page and the server, which can break what goes through it.

import net from "node:net";

export async function startProxy(target) {
  const { port: targetPort, hostname } = new URL(target);
  const links = new Set();
  let down = false;
  const server = net.createServer((client) => {
    if (down) {
      client.resetAndDestroy();
      return;
    }
    const upstream = net.connect(Number(targetPort), hostname);
    const link = { client, upstream };
    links.add(link);
    client.pipe(upstream).pipe(client);
    const end = () => {
      links.delete(link);
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) socket.on("error", end).on("close", end);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const resetAll = () => {
    for (const { client, upstream } of links) {
      client.resetAndDestroy();
      upstream.resetAndDestroy();
    }
  };
  return {
    url: `ws://127.0.0.1:${server.address().port}`,
    /** Resets what is open, and everything that comes, until `mend`. */
    cut() {
      down = true;
      resetAll();
    },
    mend() {
      down = false;
    },
    stop() {
      resetAll();
      server.close();
    },
  };
}
