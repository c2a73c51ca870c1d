//! Which pages may connect, where the application has made a list.

use alloc::collections::BTreeSet;
use alloc::string::String;

/// Origins of pages, as browsers spell them: `https://example.com`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins(BTreeSet<String>);

impl Origins {
    /// One more that is allowed.
    pub fn allow(&mut self, origin: &str) {
        self.0.insert(origin.trim_end_matches('/').to_ascii_lowercase());
    }

    /// Whether a page of this origin may connect.
    pub fn contains(&self, origin: &str) -> bool {
        self.0.contains(&origin.to_ascii_lowercase())
    }
}

impl<O: AsRef<str>> FromIterator<O> for Origins {
    fn from_iter<I: IntoIterator<Item = O>>(origins: I) -> Self {
        let mut list = Self::default();
        for origin in origins {
            list.allow(origin.as_ref());
        }
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_compared_as_a_whole_and_without_case() {
        let origins: Origins = ["https://Example.com/"].iter().collect();
        assert!(origins.contains("https://example.com") && origins.contains("HTTPS://EXAMPLE.COM"));
        for other in [
            "http://example.com",
            "https://example.com:8080",
            "https://example.com.evil.test",
            "null",
            "",
        ] {
            assert!(!origins.contains(other), "{other}");
        }
    }
}
