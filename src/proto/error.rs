//! Why a connection failed, waits or ended: a code for programs and words for people.

use core::fmt;

/// Why an attempt failed, why the socket waits, or why it closed for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Failure {
    /// The attempt failed, and the browser does not say why.
    Refused,
    /// The attempt took longer than the connect timeout.
    Timeout,
    /// The URL can't be used, or the URL provider failed.
    Url,
    /// The connection ended, and the policy says not to come back.
    Closed,
    /// The attempts are used up.
    Attempts,
    /// The inbox was full.
    Overflow,
    /// A message is larger than the other side takes.
    TooBig,
    /// The other side found what it got malformed.
    Protocol,
    /// Not authorised, and fresh credentials did not help.
    Unauthorized,
    /// The heartbeat stayed unanswered.
    Silent,
    /// The browser says that it is offline.
    Offline,
    /// The page was put aside by the browser.
    PageHidden,
    /// The caller ended the socket at once.
    Aborted,
    /// The server does not speak the session protocol.
    Unsupported,
    /// A newer connection has taken the session over.
    Superseded,
    /// The server has lost the session, and the socket was to end with it.
    SessionLost,
}

impl Failure {
    /// Every one, by the number that it has as a `u8`.
    pub const ALL: [Self; Self::SessionLost as usize + 1] = [
        Self::Refused,
        Self::Timeout,
        Self::Url,
        Self::Closed,
        Self::Attempts,
        Self::Overflow,
        Self::TooBig,
        Self::Protocol,
        Self::Unauthorized,
        Self::Silent,
        Self::Offline,
        Self::PageHidden,
        Self::Aborted,
        Self::Unsupported,
        Self::Superseded,
        Self::SessionLost,
    ];

    /// A short, stable name, for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Timeout | Self::Silent => "timeout",
            Self::Url => "url",
            Self::Closed | Self::Offline | Self::PageHidden => "closed",
            Self::Attempts => "attempts",
            Self::Overflow => "overflow",
            Self::TooBig => "too-big",
            Self::Protocol => "protocol",
            Self::Unauthorized => "unauthorized",
            Self::Aborted => "aborted",
            Self::Unsupported => "unsupported",
            Self::Superseded => "superseded",
            Self::SessionLost => "session-lost",
        }
    }

    /// What happened and what to do, in words.
    pub const fn message(self) -> &'static str {
        match self {
            Self::Refused => {
                "the connection could not be opened; the browser does not tell a page why (nothing listens there, DNS, TLS, \
                 a proxy, the page's connect-src, a server that refused the upgrade, for example with 401 or 403, or that \
                 does not know the subprotocol, tautline.v1 for a durable socket): look at the browser's console and the server's log"
            }
            Self::Timeout => "no connection within the connect timeout; is the network slow, or the server silent?",
            Self::Url => {
                "the URL can't be used: it must be ws:, wss:, http: or https:, without a fragment, and wss: from a secure page"
            }
            Self::Closed => "the connection ended, and the reconnect policy says not to come back",
            Self::Attempts => "as many attempts in a row failed as the reconnect policy allows",
            Self::Overflow => {
                "more messages arrived than the inbox holds; take them faster, raise its bounds, or drop the oldest"
            }
            Self::TooBig => "a message is larger than the other side takes (close code 1009 or 4413)",
            Self::Protocol => {
                "one side could not read what it got (close code 1002, 1007 or 4400); it would fail again"
            }
            Self::Unauthorized => "the server does not accept the credentials, fresh ones included",
            Self::Silent => "the heartbeat stayed unanswered: the link is dead",
            Self::Offline => "the browser is offline",
            Self::PageHidden => "the browser has put the page aside",
            Self::Aborted => "the caller ended the socket",
            Self::Unsupported => {
                "the server does not speak tautline.v1: connect without `durable`, or run a server that has durable sessions"
            }
            Self::Superseded => "a newer connection has taken the session over (close code 4409)",
            Self::SessionLost => "the server has lost the session",
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl core::error::Error for Failure {}
