//! What a connection asks for in the query of `/echo`, `/push` or `/sink`: its work, its name, its subprotocols, and how it
//! wants to be treated badly. Read by `upgrade`, carried out by `upgrade` (before the WebSocket opens) and `echo` (after).

use std::time::Duration;

use axum::http::StatusCode;

use crate::{
    ending::{Ending, REASON_MAX},
    frame::Malformed,
    query::{self, BadQuery, Query},
    work::{self, Place, Work},
};

const KNOWN: [&str; 18] = [
    "refuse",
    "delay",
    "greet",
    "flood",
    "size",
    "close",
    "reason",
    "reset",
    "drop",
    "silent",
    "malformed",
    "after",
    "name",
    "times",
    "protocol",
    "take",
    "push",
    "principal",
];
/// The faults that strike after some messages; a connection has at most one of them.
const STRIKES: [&str; 5] = ["close", "reset", "drop", "silent", "malformed"];

const DELAY_MAX_MS: u64 = 600_000;
const FLOOD_MAX: u64 = 10_000_000;
const FLOOD_SIZE_MAX: usize = 16 * 1024 * 1024;

/// Everything the path and its query say.
#[derive(Debug)]
pub(crate) struct Wishes {
    pub(crate) work: Work,
    pub(crate) name: Option<String>,
    /// The faults apply to this many of the first attempts under the name; `None`: to all.
    pub(crate) times: Option<u64>,
    pub(crate) protocols: Vec<String>,
    pub(crate) durable: Durable,
    pub(crate) faults: Faults,
}

/// What a durable session is to be like. Of the connection that begins it.
#[derive(Debug, Default)]
pub(crate) struct Durable {
    /// How long to wait before each message is taken.
    pub(crate) take: Duration,
    /// What is sent without being asked for.
    pub(crate) push: Option<Flood>,
    /// As whom to treat the client.
    pub(crate) principal: Option<String>,
}

/// How one connection is to be treated. The default is: well.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    pub(crate) refuse: Option<StatusCode>,
    pub(crate) delay: Duration,
    pub(crate) greet: Option<String>,
    pub(crate) flood: Option<Flood>,
    pub(crate) strike: Option<Strike>,
}

/// Messages that nobody asked for.
#[derive(Debug)]
pub(crate) struct Flood {
    pub(crate) count: u64,
    pub(crate) size: usize,
}

impl Flood {
    /// The n-th message: JSON that says its number, filled up with spaces.
    pub(crate) fn message(&self, n: u64) -> String {
        work::filled(format!("{{\"n\":{n}}}"), self.size)
    }
}

/// What happens once so many messages have been echoed.
#[derive(Debug)]
pub(crate) struct Strike {
    pub(crate) after: u64,
    pub(crate) blow: Blow,
}

#[derive(Clone, Debug)]
pub(crate) enum Blow {
    End(Ending),
    Malformed(Malformed),
}

impl Wishes {
    pub(crate) fn parse(place: Place, raw: Option<&str>) -> Result<Self, BadQuery> {
        Self::read(place, raw).map_err(|error| error.knowing(place.path(), &known(place)))
    }

    fn read(place: Place, raw: Option<&str>) -> Result<Self, BadQuery> {
        let query = Query::parse(raw, &known(place), &["protocol"])?;
        query.needs("size", &["flood", "push"])?;
        query.needs("times", &["name"])?;
        query.needs("after", &STRIKES)?;
        let work = Work::read(place, &query)?;
        let name = query.text("name").map(query::name).transpose()?.map(String::from);
        let times = query.number("times", 0..=u64::MAX)?;
        let protocols = query.all("protocol").map(protocol).collect::<Result<_, _>>()?;
        let faults = Faults {
            refuse: status(&query)?,
            delay: Duration::from_millis(query.number("delay", 0..=DELAY_MAX_MS)?.unwrap_or(0)),
            greet: query.text("greet").map(String::from),
            flood: flood(&query, "flood")?,
            strike: strike(&query)?,
        };
        let durable = Durable {
            take: Duration::from_millis(query.number("take", 0..=DELAY_MAX_MS)?.unwrap_or(0)),
            push: flood(&query, "push")?,
            principal: query.text("principal").map(String::from),
        };
        Ok(Self {
            work,
            name,
            times,
            protocols,
            durable,
            faults,
        })
    }

    /// Says no to what only a plain connection can do, or only a durable one.
    pub(crate) fn suit(&self, place: Place, is_durable: bool) -> Result<(), BadQuery> {
        let Durable { take, push, principal } = &self.durable;
        let misfit = if is_durable {
            let flood = self
                .faults
                .flood
                .is_some()
                .then_some("`flood` is for plain connections; see `push`");
            flood.or((!self.protocols.is_empty()).then_some("`protocol` is for plain connections; see --protocol"))
        } else {
            (!take.is_zero() || push.is_some() || principal.is_some())
                .then_some("`take`, `push` and `principal` are for connections that offer tautline.v1, alone")
        };
        misfit.map_or(Ok(()), |text| {
            Err(BadQuery::new(text).knowing(place.path(), &known(place)))
        })
    }
}

/// The parameters of a place.
fn known(place: Place) -> Vec<&'static str> {
    [place.parameters(), &KNOWN].concat()
}

/// The status of `refuse=`, an upgrade's final answer.
pub(crate) fn status(query: &Query) -> Result<Option<StatusCode>, BadQuery> {
    Ok(query
        .number("refuse", 200..=599)?
        .and_then(|status| StatusCode::from_u16(status).ok()))
}

/// The ending among `close`, `reset`, `drop` and `silent`, if one is asked for.
pub(crate) fn ending(query: &Query) -> Result<Option<Ending>, BadQuery> {
    query.needs("reason", &["close"])?;
    let mut endings = Vec::new();
    if let Some(code) = query.number("close", 1000..=4999)? {
        if matches!(code, 1004..=1006 | 1015) {
            return Err(BadQuery::new(format!(
                "`close={code}`: this code never goes over the wire"
            )));
        }
        let reason = query.text("reason").unwrap_or_default();
        if reason.len() > REASON_MAX {
            return Err(BadQuery::new(format!(
                "`reason` has {} bytes, and room for {REASON_MAX}",
                reason.len()
            )));
        }
        endings.push(Ending::Close {
            code,
            reason: reason.into(),
        });
    }
    for (key, ending) in [
        ("reset", Ending::Reset),
        ("drop", Ending::Drop),
        ("silent", Ending::Silent),
    ] {
        if query.switch(key)? {
            endings.push(ending);
        }
    }
    if endings.len() > 1 {
        return Err(BadQuery::new(
            "a connection ends in one way: choose one of close, reset, drop and silent",
        ));
    }
    Ok(endings.pop())
}

fn flood(query: &Query, key: &str) -> Result<Option<Flood>, BadQuery> {
    let size = query.number("size", 0..=FLOOD_SIZE_MAX)?.unwrap_or(0);
    Ok(query.number(key, 0..=FLOOD_MAX)?.map(|count| Flood { count, size }))
}

fn strike(query: &Query) -> Result<Option<Strike>, BadQuery> {
    let after = query.number("after", 0..=u64::MAX)?.unwrap_or(0);
    let ending = ending(query)?.map(Blow::End);
    let malformed = query
        .text("malformed")
        .map(Malformed::parse)
        .transpose()?
        .map(Blow::Malformed);
    if ending.is_some() && malformed.is_some() {
        return Err(BadQuery::new(format!("choose one of {}", STRIKES.join(", "))));
    }
    Ok(ending.or(malformed).map(|blow| Strike { after, blow }))
}

/// A subprotocol's name: a token, as HTTP defines it.
fn protocol(name: &str) -> Result<String, BadQuery> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(token) {
        return Err(BadQuery::new(format!("`protocol={name}`: not a subprotocol's name")));
    }
    Ok(name.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(query: &str) -> String {
        format!("{:?}", Wishes::parse(Place::Echo, Some(query)).expect_err(query))
    }

    #[test]
    fn nothing_asked_is_nothing_wrong() {
        let wishes = Wishes::parse(Place::Echo, None).unwrap();
        assert!(wishes.name.is_none() && wishes.protocols.is_empty() && wishes.faults.strike.is_none());
    }

    #[test]
    fn the_error_names_the_parameter() {
        for (query, named) in [
            ("closed=1000", "`closed`"),
            ("close=999", "`close=999`"),
            ("close=5000", "`close=5000`"),
            ("close=1005", "`close=1005`"),
            ("close=x", "`close=x`"),
            ("close=", "`close=`"),
            ("close=1000&close=1001", "`close`"),
            ("close=1000&after=-1", "`after=-1`"),
            ("after=1", "`after`"),
            ("reason=x", "`reason`"),
            ("size=1", "`size`"),
            ("times=1", "`times`"),
            ("reset=yes", "`reset=yes`"),
            ("reset=1&drop=1", "choose one"),
            ("reset=1&malformed=utf8", "choose one"),
            ("malformed=everything", "`malformed=everything`"),
            ("refuse=101", "`refuse=101`"),
            ("delay=600001", "`delay=600001`"),
            ("flood=1e3", "`flood=1e3`"),
            ("name=", "`` is no name"),
            ("name=a%2Fb", "`a/b`"),
            ("protocol=a%20b", "`protocol=a b`"),
        ] {
            let text = error(query);
            assert!(text.contains(named), "{query}: {text}");
            assert!(text.contains("/echo knows: refuse, delay,"), "{query}: {text}");
        }
        assert!(error(&format!("close=1000&reason={}", "%C3%A4".repeat(62))).contains("124 bytes"));
    }

    #[test]
    fn flood_messages_are_json_of_the_size_asked_for() {
        let flood = Flood { count: 1, size: 20 };
        assert_eq!(flood.message(7), r#"{"n":7}             "#);
        assert_eq!(Flood { count: 1, size: 0 }.message(12), r#"{"n":12}"#);
        assert_eq!(
            Flood {
                count: 1,
                size: 1_000_000
            }
            .message(12)
            .len(),
            1_000_000
        );
    }
}
