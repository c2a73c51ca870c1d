//! Sessions that have ended and whose clients may not know.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;

use super::key::Key;
use super::peer::Identity;
use crate::proto::Time;
use crate::session::Bye;

/// How many are remembered. One more, and the oldest is forgotten: whoever comes back with that session's token gets a new
/// session.
pub(crate) const MOST_ENDS: usize = 65_536;

#[derive(Debug)]
struct End {
    identity: Identity,
    code: u16,
    reason: String,
    until: Time,
}

/// Ends that are remembered, for as long as a session would have been kept.
#[derive(Debug, Default)]
pub(super) struct Ends {
    by_key: BTreeMap<Key, End>,
    /// The oldest first.
    order: VecDeque<Key>,
}

impl Ends {
    pub(super) fn remember(&mut self, key: Key, identity: Identity, code: u16, reason: String, until: Time) {
        if self.order.len() >= MOST_ENDS {
            self.forget_oldest();
        }
        let end = End {
            identity,
            code,
            reason,
            until,
        };
        self.by_key.insert(key, end);
        self.order.push_back(key);
    }

    /// What to answer whoever comes back with it.
    pub(super) fn find(&self, key: &Key, identity: &Identity, now: Time) -> Option<Bye> {
        let end = self.by_key.get(key)?;
        (end.until > now && end.identity == *identity).then(|| Bye {
            code: end.code.into(),
            reason: end.reason.clone(),
        })
    }

    /// Forgets what need not be remembered any more. All are kept for the same time, so that the oldest goes first.
    pub(super) fn sweep(&mut self, now: Time) {
        while let Some(key) = self.order.front()
            && self.by_key.get(key).is_none_or(|end| end.until <= now)
        {
            self.forget_oldest();
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        assert_eq!(self.by_key.len(), self.order.len());
        self.by_key.len()
    }

    fn forget_oldest(&mut self) {
        if let Some(key) = self.order.pop_front() {
            self.by_key.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_told_to_whose_session_it_was_until_its_time_is_over() {
        let identity = |principal: &str| Identity {
            origin: None,
            principal: Some(principal.into()),
        };
        let (key, at) = (Key::of("token"), Time::from_millis);
        let mut ends = Ends::default();
        ends.remember(key, identity("ann"), 4000, "done".into(), at(100));
        let bye = Bye {
            code: 4000,
            reason: "done".into(),
        };
        assert_eq!(ends.find(&key, &identity("ann"), at(99)), Some(bye));
        assert_eq!(ends.find(&key, &identity("bob"), at(99)), None);
        assert_eq!(ends.find(&key, &identity("ann"), at(100)), None);
        ends.sweep(at(99));
        assert_eq!(ends.order.len(), 1);
        ends.sweep(at(100));
        assert!(ends.order.is_empty() && ends.by_key.is_empty());
    }

    #[test]
    fn so_many_are_remembered_and_no_more() {
        let mut ends = Ends::default();
        for number in 0..MOST_ENDS + 10 {
            let key = Key::of(&alloc::format!("{number}"));
            ends.remember(key, Identity::default(), 1000, String::new(), Time::from_millis(1));
        }
        assert_eq!((ends.order.len(), ends.by_key.len()), (MOST_ENDS, MOST_ENDS));
        assert!(
            ends.find(&Key::of("9"), &Identity::default(), Time::default())
                .is_none()
        );
        assert!(
            ends.find(&Key::of("10"), &Identity::default(), Time::default())
                .is_some()
        );
    }
}
