//! What is sent: texts of one size that differ, so that one that is lost, doubled or overtaken is noticed.

use std::rc::Rc;

use anyhow::{Result, bail};

/// So many different ones, if there are so many of the size.
const MOST: usize = 1000;

/// A ring of texts, the same for both directions.
#[derive(Clone)]
pub(crate) struct Texts(Rc<[String]>);

impl Texts {
    pub(crate) fn new(size: usize) -> Self {
        let count = 10_usize.saturating_pow(size.min(9) as u32).min(MOST);
        let text = |n: usize| {
            let number = if size == 0 { String::new() } else { n.to_string() };
            "~".repeat(size - number.len()) + &number
        };
        Self((0..count).map(text).collect())
    }

    /// The n-th message, counted from 0.
    pub(crate) fn text(&self, n: u64) -> &str {
        &self.0[(n % self.0.len() as u64) as usize]
    }

    /// The size of each, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.0[0].len()
    }

    /// How many there are, before the first comes again.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// # Errors
    /// Where the n-th message is another one.
    pub(crate) fn check(&self, n: u64, message: &[u8]) -> Result<()> {
        let expected = self.text(n);
        if message != expected.as_bytes() {
            let got = String::from_utf8_lossy(&message[..message.len().min(expected.len() + 10)]);
            bail!("message {n} is {got:?} instead of {expected:?}");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_their_size_and_differ() {
        for (size, count) in [(0, 1), (1, 10), (3, 1000), (100, 1000)] {
            let texts = Texts::new(size);
            assert_eq!(texts.count(), count, "{size}");
            assert!((0..count as u64).all(|n| texts.text(n).len() == size));
            assert!(count == 1 || texts.text(0) != texts.text(1));
        }
    }

    #[test]
    fn another_text_is_noticed() {
        let texts = Texts::new(5);
        assert!(texts.check(1001, b"~~~~1").is_ok());
        assert!(texts.check(1, b"~~~~2").is_err());
        assert!(texts.check(1, b"~~~~").is_err());
    }
}
