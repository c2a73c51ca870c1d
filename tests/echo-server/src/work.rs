//! What a connection is for: its path says so. Read by `faults`, done by `echo` and `durable`.

use crate::query::{BadQuery, Query};

const MESSAGES_MAX: u64 = 10_000_000;
/// Room for the highest number.
const SIZE_MIN: usize = 16;
const SIZE_MAX: usize = 16 * 1024 * 1024;

/// The paths of WebSockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Echo,
    Push,
    Sink,
}

/// How messages are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Each with itself.
    Echo,
    /// Each with so many texts.
    Push { messages: u64, shape: Shape },
    /// So many with one text, which says so.
    Sink { messages: u64 },
}

/// What is pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// An object of five fields.
    Json,
    /// A text of so many bytes.
    Size(usize),
}

impl Place {
    pub(crate) const ALL: [Self; 3] = [Self::Echo, Self::Push, Self::Sink];

    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Echo => "/echo",
            Self::Push => "/push",
            Self::Sink => "/sink",
        }
    }

    /// The parameters that belong to it.
    pub(crate) const fn parameters(self) -> &'static [&'static str] {
        match self {
            Self::Echo => &[],
            Self::Push => &["messages", "bytes"],
            Self::Sink => &["messages"],
        }
    }
}

impl Work {
    pub(crate) fn read(place: Place, query: &Query) -> Result<Self, BadQuery> {
        let messages = query.number("messages", 1..=MESSAGES_MAX)?.unwrap_or(1);
        Ok(match place {
            Place::Echo => Self::Echo,
            Place::Sink => Self::Sink { messages },
            Place::Push => {
                let shape = match query.text("bytes") {
                    None | Some("json") => Shape::Json,
                    Some(_) => query
                        .number("bytes", SIZE_MIN..=SIZE_MAX)?
                        .map_or(Shape::Json, Shape::Size),
                };
                Self::Push { messages, shape }
            }
        })
    }

    /// What a message is answered with. `taken` are those before it that have no answer yet.
    pub(crate) fn answer<M: From<String>>(self, message: M, taken: &mut u64) -> impl Iterator<Item = M> + use<M> {
        let (one, many) = match self {
            Self::Echo => (Some(message), None),
            Self::Push { messages, shape } => (None, Some((1..=messages).map(move |n| shape.message(n).into()))),
            Self::Sink { messages } => {
                *taken += 1;
                let is_all = *taken == messages;
                if is_all {
                    *taken = 0;
                }
                (is_all.then(|| format!("{{\"taken\":{messages}}}").into()), None)
            }
        };
        one.into_iter().chain(many.into_iter().flatten())
    }
}

impl Shape {
    /// The n-th message.
    pub(crate) fn message(self, n: u64) -> String {
        match self {
            Self::Json => {
                let (kind, ok) = (n % 100, n.is_multiple_of(2));
                let text = format!(r#"{{"id":{n},"name":"message {kind:02}","value":{n}.5,"ok":{ok},"note":""#);
                let rest = 100_usize.saturating_sub(text.len() + 2);
                text + &"~".repeat(rest) + "\"}"
            }
            Self::Size(size) => filled(format!("{{\"n\":{n}}}"), size),
        }
    }
}

/// A text, filled up with spaces to a size in bytes.
pub(crate) fn filled(mut text: String, size: usize) -> String {
    let rest = size.saturating_sub(text.len());
    text.extend(std::iter::repeat_n(' ', rest));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(place: Place, query: &str) -> Result<Work, BadQuery> {
        Work::read(place, &Query::parse(Some(query), place.parameters(), &[])?)
    }

    #[test]
    fn messages_have_the_size_asked_for_whatever_their_number() {
        for n in [1, 2, 999_999, MESSAGES_MAX] {
            assert_eq!(Shape::Json.message(n).len(), 100, "{n}");
            assert_eq!(Shape::Size(SIZE_MIN).message(n).len(), SIZE_MIN, "{n}");
        }
        assert_eq!(
            Shape::Json.message(7),
            format!(
                r#"{{"id":7,"name":"message 07","value":7.5,"ok":false,"note":"{}"}}"#,
                "~".repeat(39)
            )
        );
        assert_eq!(Shape::Size(20).message(7), r#"{"n":7}             "#);
    }

    #[test]
    fn the_error_names_the_parameter() {
        for (place, query, named) in [
            (Place::Echo, "messages=1", "`messages`"),
            (Place::Sink, "bytes=16", "`bytes`"),
            (Place::Sink, "messages=0", "`messages=0`"),
            (Place::Push, "messages=10000001", "`messages=10000001`"),
            (Place::Push, "bytes=15", "`bytes=15`"),
            (Place::Push, "bytes=xml", "`bytes=xml`"),
        ] {
            let text = format!("{:?}", read(place, query).expect_err(query));
            assert!(text.contains(named), "{query}: {text}");
        }
        let push = Work::Push {
            messages: 3,
            shape: Shape::Json,
        };
        assert_eq!(read(Place::Push, "messages=3").unwrap(), push);
    }
}
