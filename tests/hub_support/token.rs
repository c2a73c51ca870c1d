//! Tokens of the simulated server: a hub makes them of bytes that it is given, and those begin with a number.

use tautline::hub::TOKEN_BYTES;

/// What a hub is given for the token of this number.
pub(crate) fn random(number: u64) -> [u8; TOKEN_BYTES] {
    let mut random = [0x5a; TOKEN_BYTES];
    random[..8].copy_from_slice(&number.to_be_bytes());
    random
}

/// The token that comes of it.
pub(crate) fn token(number: u64) -> String {
    random(number).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The number of a session, by the token that went over the wire.
pub(crate) fn parse(token: &str) -> u64 {
    let number = token.get(..16).map(|digits| u64::from_str_radix(digits, 16));
    number.and_then(Result::ok).unwrap_or_default()
}
