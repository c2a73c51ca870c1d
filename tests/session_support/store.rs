//! A store that several nodes share: what is left of a session when the process that held it dies.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tautline::proto::Time;
use tautline::session::Record;

use super::message::Message;

#[derive(Debug, Default)]
pub(crate) struct Store {
    entries: BTreeMap<u64, Entry>,
    ended: BTreeMap<u64, Ended>,
}

/// A session that lives.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) record: Record,
    /// What the client's application has not taken, the oldest first.
    pub(crate) payloads: VecDeque<Message>,
    /// The node that has it, and when that died.
    owner: usize,
    orphaned: Option<Time>,
}

/// A session that has ended.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    pub(crate) code: u16,
    pub(crate) reason: String,
    until: Time,
}

/// What the store knows of a token.
pub(crate) enum Found<'a> {
    Nothing,
    Live(&'a Entry),
    Ended(Ended),
}

impl Store {
    pub(crate) fn create(&mut self, token: u64, record: Record, owner: usize) {
        let entry = Entry {
            record,
            payloads: VecDeque::new(),
            owner,
            orphaned: None,
        };
        self.entries.insert(token, entry);
    }

    /// A node takes a session over, of which the oldest `released` payloads are taken: the highest attempt wins.
    pub(crate) fn claim(&mut self, token: u64, record: Record, released: usize, owner: usize) -> bool {
        let Some(entry) = self.entries.get_mut(&token) else {
            return false;
        };
        if record.attempt <= entry.record.attempt {
            return false;
        }
        entry.record = record;
        entry.payloads.drain(..released.min(entry.payloads.len()));
        entry.owner = owner;
        entry.orphaned = None;
        true
    }

    /// Whether this attempt is the highest.
    pub(crate) fn is_current(&self, token: u64, attempt: u64) -> bool {
        self.entries
            .get(&token)
            .is_some_and(|entry| entry.record.attempt == attempt)
    }

    /// Keeps where a session is, without the oldest `released` payloads. Refused where another node has taken it over;
    /// `always`: not even then.
    pub(crate) fn commit(&mut self, token: u64, record: Record, released: usize, always: bool) -> bool {
        if !always && !self.is_current(token, record.attempt) {
            return false;
        }
        let Some(entry) = self.entries.get_mut(&token) else {
            return false;
        };
        entry.record = record;
        entry.payloads.drain(..released.min(entry.payloads.len()));
        true
    }

    /// Keeps a message that the server's application sends.
    pub(crate) fn append(&mut self, token: u64, attempt: u64, message: Message, always: bool) -> bool {
        if !always && !self.is_current(token, attempt) {
            return false;
        }
        let Some(entry) = self.entries.get_mut(&token) else {
            return false;
        };
        entry.payloads.push_back(message);
        true
    }

    /// Forgets a session. Refused where another node has taken it over.
    pub(crate) fn remove(&mut self, token: u64, attempt: u64) -> bool {
        self.is_current(token, attempt) && self.entries.remove(&token).is_some()
    }

    /// Remembers that a session has ended. Refused where another node has taken it over.
    pub(crate) fn end(&mut self, token: u64, attempt: u64, code: u16, reason: String, until: Time) -> bool {
        let is_ours = self.remove(token, attempt);
        if is_ours {
            self.ended.insert(token, Ended { code, reason, until });
        }
        is_ours
    }

    pub(crate) fn find(&self, token: u64) -> Found<'_> {
        match (self.entries.get(&token), self.ended.get(&token)) {
            (Some(entry), _) => Found::Live(entry),
            (None, Some(ended)) => Found::Ended(ended.clone()),
            (None, None) => Found::Nothing,
        }
    }

    /// Forgets what is too old; the tokens of that.
    pub(crate) fn expire(&mut self, now: Time, resume: Duration) -> Vec<u64> {
        let mut gone = Vec::new();
        self.entries.retain(|&token, entry| {
            let stays = entry.orphaned.is_none_or(|since| now < since + resume);
            if !stays {
                gone.push(token);
            }
            stays
        });
        self.ended.retain(|&token, ended| {
            if now >= ended.until {
                gone.push(token);
            }
            now < ended.until
        });
        gone
    }

    /// A node has died.
    pub(crate) fn orphan(&mut self, owner: usize, now: Time) {
        for entry in self.entries.values_mut() {
            if entry.owner == owner {
                entry.orphaned.get_or_insert(now);
            }
        }
    }

    /// Forgets that anything ever ended.
    pub(crate) fn forget_ended(&mut self) {
        self.ended.clear();
    }

    /// Loses everything; the tokens of that.
    pub(crate) fn wipe(&mut self) -> Vec<u64> {
        let gone = self.entries.keys().chain(self.ended.keys()).copied().collect();
        *self = Self::default();
        gone
    }
}
