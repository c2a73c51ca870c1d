//! New tokens, from the system's generator.

use std::string::String;

use crate::hub::{TOKEN_BYTES, key};

/// A new token.
pub(super) fn token() -> Result<String, getrandom::Error> {
    let mut random = [0; TOKEN_BYTES];
    getrandom::fill(&mut random)?;
    Ok(key::token(&random))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::Key;

    #[test]
    fn tokens_are_long_differ_and_are_not_their_keys() {
        let (one, other) = (token().unwrap_or_default(), token().unwrap_or_default());
        assert_eq!(one.len(), 2 * TOKEN_BYTES);
        assert_ne!(one, other);
        assert_ne!(Key::of(&one), Key::of(&other));
        assert_ne!(std::format!("{}", Key::of(&one)), one);
    }
}
