//! Tokens of the simulated nodes.

/// The number of a session, by the token that went over the wire.
pub(crate) fn parse(token: &str) -> u64 {
    token
        .strip_prefix('t')
        .and_then(|number| number.parse().ok())
        .unwrap_or_default()
}
