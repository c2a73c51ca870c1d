//! Query strings, read strictly: a misspelt fault that did nothing would be a test that tests nothing. Used by
//! `faults` and `control`.

use std::{fmt::Display, ops::RangeInclusive, str::FromStr};

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};

/// The parameters of one request, every one of them known.
#[derive(Debug)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
}

/// Why a query was not understood; answered with 400.
#[derive(Debug)]
pub(crate) struct BadQuery(String);

impl BadQuery {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Adds what would have been understood.
    pub(crate) fn knowing(self, place: &str, known: &[&str]) -> Self {
        Self(format!(
            "{}\n{place} knows: {}. See --help.\n",
            self.0,
            known.join(", ")
        ))
    }
}

impl IntoResponse for BadQuery {
    fn into_response(self) -> Response {
        (StatusCode::BAD_REQUEST, self.0).into_response()
    }
}

impl Query {
    /// Splits a query. Each parameter must be in `known`, and only those in `repeatable` may come twice.
    pub(crate) fn parse(raw: Option<&str>, known: &[&str], repeatable: &[&str]) -> Result<Self, BadQuery> {
        let mut query = Self { pairs: Vec::new() };
        for (key, value) in form_urlencoded::parse(raw.unwrap_or_default().as_bytes()).into_owned() {
            if !known.contains(&key.as_str()) {
                return Err(BadQuery::new(format!("unknown parameter `{key}`")));
            }
            if query.has(&key) && !repeatable.contains(&key.as_str()) {
                return Err(BadQuery::new(format!("`{key}` is given twice")));
            }
            query.pairs.push((key, value));
        }
        Ok(query)
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.text(key).is_some()
    }

    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.pairs
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }

    /// Every value of a parameter that may be repeated.
    pub(crate) fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs
            .iter()
            .filter(move |(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }

    /// A whole number within a range.
    pub(crate) fn number<T>(&self, key: &str, range: RangeInclusive<T>) -> Result<Option<T>, BadQuery>
    where
        T: FromStr + PartialOrd + Display,
    {
        let Some(value) = self.text(key) else {
            return Ok(None);
        };
        match value.parse() {
            Ok(number) if range.contains(&number) => Ok(Some(number)),
            _ => Err(BadQuery::new(format!(
                "`{key}={value}`: must be a whole number from {} to {}",
                range.start(),
                range.end()
            ))),
        }
    }

    /// A switch: `1`, or not there.
    pub(crate) fn switch(&self, key: &str) -> Result<bool, BadQuery> {
        match self.text(key) {
            None => Ok(false),
            Some("1") => Ok(true),
            Some(value) => Err(BadQuery::new(format!(
                "`{key}={value}`: write `{key}=1`, or leave it out"
            ))),
        }
    }

    /// Says no to a parameter that means nothing without one of some others.
    pub(crate) fn needs(&self, key: &str, others: &[&str]) -> Result<(), BadQuery> {
        if !self.has(key) || others.iter().any(|other| self.has(other)) {
            return Ok(());
        }
        Err(BadQuery::new(format!(
            "`{key}` means nothing without {}",
            others.join(", or ")
        )))
    }
}

/// A name for connections: what `/echo?name=` takes and what follows `/faults/`.
pub(crate) fn name(value: &str) -> Result<&str, BadQuery> {
    let fits = (1..=128).contains(&value.len())
        && value
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._~-".contains(&byte));
    if fits {
        return Ok(value);
    }
    Err(BadQuery::new(format!(
        "`{value}` is no name: 1 to 128 letters, digits, `.`, `_`, `~` or `-`"
    )))
}
