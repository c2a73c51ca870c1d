//! Who sent what, who has taken it, who was told what: every promise is checked here, with what only an onlooker knows.

use std::collections::BTreeMap;

/// The number of a client's process.
pub(crate) type Process = usize;

/// What became of everything, and the first promise that was broken.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) violation: Option<String>,
    clients: Vec<ClientBook>,
    sessions: BTreeMap<u64, SessionBook>,
    /// How often what happened, to see that schedules get anywhere.
    pub(crate) counts: Counts,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) taken_up: u64,
    pub(crate) taken_down: u64,
    pub(crate) greeted: u64,
    pub(crate) resumed: u64,
    pub(crate) lost: u64,
    pub(crate) unknown: u64,
    pub(crate) ended: u64,
    pub(crate) late: u64,
    pub(crate) superseded: u64,
    pub(crate) restored: u64,
    pub(crate) expired: u64,
    pub(crate) refused: u64,
    pub(crate) died: u64,
}

impl Counts {
    pub(crate) fn add(&mut self, other: &Self) {
        self.taken_up += other.taken_up;
        self.taken_down += other.taken_down;
        self.greeted += other.greeted;
        self.resumed += other.resumed;
        self.lost += other.lost;
        self.unknown += other.unknown;
        self.ended += other.ended;
        self.late += other.late;
        self.superseded += other.superseded;
        self.restored += other.restored;
        self.expired += other.expired;
        self.refused += other.refused;
        self.died += other.died;
    }
}

/// A client's process: what its application sent.
#[derive(Debug, Default)]
struct ClientBook {
    /// One for each message that was accepted.
    fates: Vec<Fate>,
    /// The highest number that went out in the session of now.
    sent: u64,
    /// The oldest number that is in the outbox.
    oldest: u64,
    over: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Fate {
    /// So many times the server's application has taken it.
    taken: u32,
    /// The client's application was told that it was taken.
    released: bool,
    /// The client's application was told that nobody knows.
    unknown: bool,
    /// It was handed back, and never went out.
    returned: bool,
}

#[derive(Debug)]
struct SessionBook {
    process: Process,
    /// The next of the client's messages that the server's application has to take.
    next_up: Option<u64>,
    /// What the server's application sent, and what of that the client's has taken.
    sent_down: u64,
    taken_down: u64,
    /// The server has no knowledge of it any more, for a reason.
    forgotten: bool,
    /// One side has ended it.
    ended: bool,
}

impl Ledger {
    pub(crate) fn violate(&mut self, what: impl Into<String>) {
        self.violation.get_or_insert(what.into());
    }

    fn check(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.violate(what());
        }
    }

    // The client

    pub(crate) fn client_begins(&mut self) -> Process {
        self.clients.push(ClientBook {
            oldest: 1,
            ..ClientBook::default()
        });
        self.clients.len() - 1
    }

    /// The number of the next message that the client accepts.
    pub(crate) fn next_up(&self, process: Process) -> u64 {
        self.clients[process].fates.len() as u64 + 1
    }

    pub(crate) fn accepted_up(&mut self, process: Process) {
        self.clients[process].fates.push(Fate::default());
    }

    pub(crate) fn sent_up(&mut self, process: Process, to: u64) {
        let book = &mut self.clients[process];
        book.sent = book.sent.max(to);
    }

    /// The client's application is told that its oldest messages were taken.
    pub(crate) fn released_up(&mut self, process: Process, count: usize) {
        for _ in 0..count {
            let book = &mut self.clients[process];
            let number = book.oldest;
            book.oldest += 1;
            let Some(fate) = book.fates.get_mut(number as usize - 1) else {
                self.violate("more is released than was sent");
                return;
            };
            fate.released = true;
            let taken = fate.taken;
            self.check(taken > 0, || {
                format!("message {number} of the client counts as taken, and nobody has taken it")
            });
        }
    }

    /// A WELCOME that names a new session. `unknown`: so many messages the application is told about.
    pub(crate) fn greeted(&mut self, process: Process, token: u64, lost: Option<(u64, usize)>, resend: bool) {
        self.counts.greeted += 1;
        if let Some((old, unknown)) = lost {
            self.counts.lost += 1;
            self.counts.unknown += unknown as u64;
            let (forgotten, ended) = self
                .sessions
                .get(&old)
                .map_or((false, false), |book| (book.forgotten, book.ended));
            self.check(forgotten, || {
                if ended {
                    format!("session {old} had ended and is begun again")
                } else {
                    format!("session {old} is lost for no reason")
                }
            });
            let book = &mut self.clients[process];
            let expected = (book.sent + 1).saturating_sub(book.oldest) as usize;
            for fate in book.fates.iter_mut().skip(book.oldest as usize - 1).take(unknown) {
                fate.unknown = true;
            }
            self.check(unknown == expected, || {
                format!("{unknown} messages are said to be of unknown outcome, and {expected} are")
            });
        }
        let book = &mut self.clients[process];
        if !resend {
            book.oldest = book.oldest.max(book.sent + 1);
        }
        book.sent = book.oldest - 1;
        let next = book.oldest;
        if let Some(session) = self.sessions.get_mut(&token) {
            session.next_up = Some(next);
        } else {
            self.violate(format!("a session {token} that nobody made"));
        }
    }

    /// The client ends for good, and so many messages are handed back. Some went out, and nobody knows about those.
    pub(crate) fn client_ended(&mut self, process: Process, left: usize) {
        let book = &mut self.clients[process];
        let unknown = (book.sent + 1).saturating_sub(book.oldest) as usize;
        let accepted = book.fates.len() + 1 - book.oldest as usize;
        for (index, fate) in book.fates.iter_mut().skip(book.oldest as usize - 1).enumerate() {
            fate.unknown |= index < unknown;
            fate.returned = !fate.unknown;
        }
        book.over = true;
        self.check(left == accepted, || {
            format!("{left} messages are handed back, and {accepted} are left")
        });
    }

    /// The client's process is gone, with all it knew.
    pub(crate) fn client_died(&mut self, process: Process) {
        self.counts.died += 1;
        self.clients[process].over = true;
        for session in self.sessions.values_mut() {
            if session.process == process {
                session.forgotten = true;
            }
        }
    }

    /// The client's application takes a message: the number that it has to be.
    pub(crate) fn taken_down(&mut self, token: u64) -> u64 {
        self.counts.taken_down += 1;
        let Some(session) = self.sessions.get_mut(&token) else {
            return 0;
        };
        session.taken_down += 1;
        let (taken, sent) = (session.taken_down, session.sent_down);
        self.check(taken <= sent, || {
            format!("the client takes {taken} messages of session {token}, and {sent} were sent")
        });
        taken
    }

    // The server

    pub(crate) fn session_begins(&mut self, token: u64, process: Process) {
        let book = SessionBook {
            process,
            next_up: None,
            sent_down: 0,
            taken_down: 0,
            forgotten: false,
            ended: false,
        };
        self.sessions.insert(token, book);
    }

    /// The number of the next message that the server's application sends in this session.
    pub(crate) fn next_down(&self, token: u64) -> u64 {
        self.sessions.get(&token).map_or(0, |book| book.sent_down) + 1
    }

    pub(crate) fn accepted_down(&mut self, token: u64) {
        if let Some(session) = self.sessions.get_mut(&token) {
            session.sent_down += 1;
        }
    }

    /// A node hears that the client's application has taken all up to this message.
    pub(crate) fn released_down(&mut self, token: u64, number: u64) {
        let taken = self.sessions.get(&token).map_or(0, |session| session.taken_down);
        self.check(number <= taken, || {
            format!("message {number} of session {token} counts as taken by the client, and {taken} are")
        });
    }

    /// The server's application takes a message: whose it has to be, and its number.
    pub(crate) fn taken_up(&mut self, token: u64) -> Option<(Process, u64)> {
        self.counts.taken_up += 1;
        let session = self.sessions.get_mut(&token)?;
        let number = session.next_up?;
        session.next_up = Some(number + 1);
        let process = session.process;
        let Some(fate) = self.clients[process].fates.get_mut(number as usize - 1) else {
            self.violate(format!("the server takes message {number}, which nobody sent"));
            return None;
        };
        let before = fate.taken;
        fate.taken += 1;
        let fate = *fate;
        self.check(before == 0 || fate.unknown, || {
            format!("message {number} of the client is taken twice")
        });
        self.check(!fate.returned, || {
            format!("message {number} of the client was handed back as never sent, and is taken")
        });
        Some((process, number))
    }

    /// The server has reason to know nothing of a session.
    pub(crate) fn forgotten(&mut self, token: u64) {
        if let Some(session) = self.sessions.get_mut(&token) {
            session.forgotten = true;
        }
    }

    pub(crate) fn is_forgotten(&self, token: u64) -> bool {
        self.sessions.get(&token).is_some_and(|session| session.forgotten)
    }

    pub(crate) fn session_ended(&mut self, token: u64) {
        self.counts.ended += 1;
        if let Some(session) = self.sessions.get_mut(&token) {
            session.ended = true;
        }
    }

    // In the end

    /// What a client has not heard the last of. `None`: all it sent is accounted for.
    pub(crate) fn owed_up(&self, process: Process) -> Option<u64> {
        let book = &self.clients[process];
        let open = |fate: &Fate| !fate.released && !fate.unknown && !fate.returned;
        let index = book.fates.iter().position(open)?;
        (!book.over).then_some(index as u64 + 1)
    }

    /// Whether the client's application has taken all that was sent in this session.
    pub(crate) fn owed_down(&self, token: u64) -> bool {
        self.sessions
            .get(&token)
            .is_some_and(|session| session.taken_down < session.sent_down)
    }

    /// All is quiet: whether everything is where it was promised to be. Messages sent again count as told.
    pub(crate) fn settle(&mut self, process: Process, resend: bool) {
        let book = &self.clients[process];
        if book.over {
            return;
        }
        let missing = book
            .fates
            .iter()
            .position(|fate| fate.taken == 0 && (resend || !fate.unknown));
        if let Some(index) = missing {
            self.violate(format!(
                "message {} of the client is lost and nobody was told",
                index + 1
            ));
        }
    }
}
