//! Versions of tools: read from what `--version` prints, compared number by number. Called by the other modules of setup.

use std::fmt;
use std::str::FromStr;

use anyhow::{Error, bail};

/// Major, minor and patch; what a version leaves out is zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version(pub(super) u64, pub(super) u64, pub(super) u64);

/// Which versions will do.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wanted {
    Exactly(Version),
    AtLeast(Version),
}

impl Version {
    /// The first version in what a tool prints: `wasm-pack 0.15.1`, `v20.20.2`, `wasm-opt version 132 (version_132)`.
    pub(super) fn find(text: &str) -> Option<Self> {
        text.split_whitespace()
            .find_map(|word| word.trim_start_matches('v').parse().ok())
    }
}

impl Wanted {
    pub(super) fn accepts(self, version: Version) -> bool {
        match self {
            Self::Exactly(wanted) => version == wanted,
            Self::AtLeast(wanted) => version >= wanted,
        }
    }
}

impl FromStr for Version {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        // A pre-release or build suffix does not matter for what we compare.
        let core = text.split(['-', '+']).next().unwrap_or_default();
        let numbers: Vec<u64> = core.split('.').map(str::parse).collect::<Result<_, _>>()?;
        match numbers[..] {
            [major] => Ok(Self(major, 0, 0)),
            [major, minor] => Ok(Self(major, minor, 0)),
            [major, minor, patch] => Ok(Self(major, minor, patch)),
            _ => bail!("{text} is no version"),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_found_in_what_tools_print() {
        assert_eq!(Version::find("wasm-pack 0.15.1\n"), Some(Version(0, 15, 1)));
        assert_eq!(Version::find("v20.20.2"), Some(Version(20, 20, 2)));
        assert_eq!(
            Version::find("wasm-opt version 132 (version_132)"),
            Some(Version(132, 0, 0))
        );
        assert_eq!(
            Version::find("geckodriver 0.37.1 (2a1b 2026-09-01)\n\nThe source"),
            Some(Version(0, 37, 1))
        );
        assert_eq!(Version::find("no number here"), None);
    }

    #[test]
    fn numbers_compare_as_numbers() {
        assert!(Version(0, 2, 130) > Version(0, 2, 99));
        assert!(Wanted::AtLeast(Version(0, 14, 0)).accepts(Version(0, 15, 1)));
        assert!(!Wanted::AtLeast(Version(0, 14, 0)).accepts(Version(0, 9, 1)));
        assert!(!Wanted::Exactly(Version(0, 2, 130)).accepts(Version(0, 2, 131)));
    }
}
