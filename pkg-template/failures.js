// What failures of the engine say: their code, for programs, and words for people. In the order and with the words of
// src/proto/error.rs, which a test holds it to.

export const FAILURES = [
  ["refused", "the connection could not be opened; the browser does not tell a page why (nothing listens there, DNS, TLS, a proxy, the page's connect-src, a server that refused the upgrade, for example with 401 or 403, or that does not know the subprotocol, tautline.v1 for a durable socket): look at the browser's console and the server's log"],
  ["timeout", "no connection within the connect timeout; is the network slow, or the server silent?"],
  ["url", "the URL can't be used: it must be ws:, wss:, http: or https:, without a fragment, and wss: from a secure page"],
  ["closed", "the connection ended, and the reconnect policy says not to come back"],
  ["attempts", "as many attempts in a row failed as the reconnect policy allows"],
  ["overflow", "more messages arrived than the inbox holds; take them faster, raise its bounds, or drop the oldest"],
  ["too-big", "a message is larger than the other side takes (close code 1009 or 4413)"],
  ["protocol", "one side could not read what it got (close code 1002, 1007 or 4400); it would fail again"],
  ["unauthorized", "the server does not accept the credentials, fresh ones included"],
  ["timeout", "the heartbeat stayed unanswered: the link is dead"],
  ["closed", "the browser is offline"],
  ["closed", "the browser has put the page aside"],
  ["aborted", "the caller ended the socket"],
  ["unsupported", "the server does not speak tautline.v1: connect without `durable`, or run a server that has durable sessions"],
  ["superseded", "a newer connection has taken the session over (close code 4409)"],
  ["session-lost", "the server has lost the session"],
];
