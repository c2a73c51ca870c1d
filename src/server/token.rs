//! What names a session: the token that its client has, and the digest of it that everybody else has.

use std::fmt;
use std::string::String;

use sha2::{Digest, Sha256};

/// Twice what the protocol asks for.
const TOKEN_BYTES: usize = 32;
/// Digits of a name for logs.
const NAME_BYTES: usize = 8;
const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// What a session is kept under: the SHA-256 digest of its token. Whoever sees it can't resume the session.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key([u8; 32]);

impl Key {
    /// The key of a token.
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }

    /// Its bytes, for a store.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A short name for logs, the same on every node.
    pub(super) fn name(&self) -> String {
        hex(self.0.iter().take(NAME_BYTES))
    }

    /// A number below `count`, evenly spread.
    pub(super) fn spread(&self, count: usize) -> usize {
        let [first, second, ..] = self.0;
        usize::from(u16::from_be_bytes([first, second])) % count
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({self})")
    }
}

/// A new token, from the system's generator.
pub(super) fn token() -> Result<String, getrandom::Error> {
    let mut bytes = [0; TOKEN_BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(hex(&bytes))
}

fn hex<'a>(bytes: impl IntoIterator<Item = &'a u8>) -> String {
    let digit = |value: u8| DIGITS.get(usize::from(value)).map_or('0', |&digit| char::from(digit));
    bytes
        .into_iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_long_differ_and_are_not_their_keys() {
        let (one, other) = (token().unwrap_or_default(), token().unwrap_or_default());
        assert_eq!(one.len(), 2 * TOKEN_BYTES);
        assert_ne!(one, other);
        assert_ne!(Key::of(&one), Key::of(&other));
        assert_ne!(std::format!("{}", Key::of(&one)), one);
    }

    #[test]
    fn a_key_is_the_sha_256_of_its_token() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(std::format!("{}", Key::of("abc")), expected);
        assert_eq!(Key::of("abc").name(), "ba7816bf8f01cfea");
    }
}
