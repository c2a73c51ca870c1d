//! What names a session: the token that its client has, and the digest of it that everybody else has.

use alloc::string::String;
use core::fmt;

use sha2::{Digest, Sha256};

/// Random bytes of a token. Twice what the protocol asks for.
pub const TOKEN_BYTES: usize = 32;
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
    pub(crate) fn name(&self) -> String {
        hex(self.0.iter().take(NAME_BYTES))
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

/// A token from random bytes.
pub(crate) fn token(random: &[u8; TOKEN_BYTES]) -> String {
    hex(random)
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
    fn a_key_is_the_sha_256_of_its_token() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(alloc::format!("{}", Key::of("abc")), expected);
        assert_eq!(Key::of("abc").name(), "ba7816bf8f01cfea");
    }

    #[test]
    fn a_token_has_all_of_its_random_bytes() {
        let mut random = [0; TOKEN_BYTES];
        random[0] = 0xa1;
        random[TOKEN_BYTES - 1] = 0x0f;
        let token = token(&random);
        assert_eq!(token.len(), 2 * TOKEN_BYTES);
        assert!(token.starts_with("a100") && token.ends_with("000f"));
    }
}
