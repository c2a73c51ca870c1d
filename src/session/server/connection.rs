//! The connections of a session: which one it has, what arrives there, how long it may be silent, and the wait for the next.

use alloc::string::String;
use core::time::Duration;

use super::{Attachment, Event, LATE, Link, Output, Refusal, Server, Settings, State};
use crate::proto::Time;
use crate::session::LAST;
use crate::session::frame::{Control, Hello, Welcome};

/// Whoever could not come back meanwhile has so long to do it.
const SECOND_CHANCE: Duration = Duration::from_secs(5);

impl Server {
    /// The client comes back on a new connection, which takes the place of any other. The WELCOME, which is to be its first
    /// frame.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn resume(&mut self, hello: &Hello, link: Link, now: Time) -> Result<Welcome, Refusal> {
        if self.is_ended() {
            return Err(Refusal::Lost);
        }
        if hello.attempt <= self.attempt {
            return Err(Refusal::Late);
        }
        self.attempt = hello.attempt;
        self.supersede();
        let Ok(released) = self.outgoing.resume(hello.taken, hello.limit) else {
            self.end(1006, Self::LOST);
            return Err(Refusal::Lost);
        };
        self.release(released);
        self.max_message = hello.max_message;
        self.state = State::Attached(Attachment::new(link, now));
        self.used = true;
        let mut welcome = self.greet(true);
        welcome.token.clone_from(&hello.token);
        self.outputs.push_back(Output::Tell(Event::Resumed));
        Ok(welcome)
    }

    /// A HELLO that came too late for this session has claimed it in the store, which lets nobody below that attempt end it.
    pub fn claimed(&mut self, attempt: u64) {
        self.attempt = self.attempt.max(attempt);
    }

    /// Another node has taken the session over: this one's half of it is void.
    pub fn superseded(&mut self) {
        self.abandon(4409, Self::SUPERSEDED);
    }

    /// The connection has ended without a BYE.
    pub fn detach(&mut self, link: Link, now: Time) {
        if self.attachment(link).is_some() {
            self.wait_for_link(now);
        }
    }

    /// Messages of these sizes arrived, one after the other from position `first` on, and wait as the youngest in the hands
    /// of whoever runs the server.
    pub fn batch(&mut self, link: Link, first: u64, sizes: &[usize], now: Time) {
        if !self.heard(link, now) {
            self.outputs.push_back(Output::Discard(sizes.len()));
            return;
        }
        match self.incoming.arrive(first, sizes) {
            Ok(duplicates) => {
                if duplicates > 0 {
                    self.outputs.push_back(Output::Discard(duplicates));
                }
                if duplicates < sizes.len() {
                    self.outputs.push_back(Output::Deliver(sizes.len() - duplicates));
                }
            }
            Err(fault) => {
                self.outputs.push_back(Output::Discard(sizes.len()));
                self.fail(link, fault);
            }
        }
    }

    /// A control frame arrived.
    pub fn control(&mut self, link: Link, frame: Control, now: Time) {
        if !self.heard(link, now) {
            return;
        }
        match frame {
            Control::Ack { taken, limit } => match self.outgoing.acknowledge(taken, limit) {
                Ok(released) => self.release(released),
                Err(fault) => self.fail(link, fault),
            },
            Control::Ping(nonce) => {
                if let Some(attachment) = self.attachment(link) {
                    attachment.pong = Some(nonce);
                }
            }
            Control::Pong(_) => {}
            Control::Bye(bye) => self.part(&bye),
        }
    }

    /// Something arrived that is no frame: part of one, say. The client lives.
    pub fn alive(&mut self, link: Link, now: Time) {
        if let Some(attachment) = self.attachment(link) {
            attachment.heard = now;
            attachment.probed = None;
        }
    }

    /// The connection was full and takes something again: the other end of it lives. That a connection with room takes
    /// something is no sign of that, and must not be reported: the system's buffers take it for a dead peer as well.
    pub fn progressed(&mut self, link: Link, now: Time) {
        if let Some(attachment) = self.attachment(link)
            && let Some(probed) = &mut attachment.probed
        {
            *probed = now;
        }
    }

    /// The deadline has come.
    pub fn timer(&mut self, now: Time) {
        let Settings {
            heartbeat,
            probe,
            resume,
            ..
        } = self.settings;
        match &mut self.state {
            State::Attached(attachment) if !heartbeat.is_zero() => {
                if now >= attachment.sent + heartbeat {
                    attachment.ping = true;
                }
                match attachment.probed {
                    Some(probed) if now >= probed + probe => {
                        if now.since(probed + probe) > LATE {
                            attachment.probed = Some(now);
                            attachment.ping = true;
                        } else {
                            self.drop_link(1001, "no answer to a ping");
                            self.wait_for_link(now);
                        }
                    }
                    None if now >= attachment.heard + heartbeat * 2 => {
                        attachment.probed = Some(now);
                        attachment.ping = true;
                    }
                    _ => {}
                }
            }
            State::Detached { until, .. } if now >= *until => {
                if now.since(*until) > LATE {
                    *until = now + resume.min(SECOND_CHANCE);
                } else {
                    self.end(1006, "not resumed in time");
                }
            }
            _ => {}
        }
        self.end_if_all_is_said(now);
        self.end_if_nobody_listens(now);
    }

    /// When [`timer`](Self::timer) is to be called: at once where that lies in the past.
    pub fn deadline(&self) -> Option<Time> {
        let closing = self.closing.as_ref().map(|&(_, until)| until);
        let own = match &self.state {
            State::Attached(attachment) => self.ack_due().into_iter().chain(self.beats(attachment)).min(),
            State::Detached { until, .. } => Some(*until),
            State::Ended => return None,
        };
        closing.into_iter().chain(own).min()
    }

    /// The same while the connection takes nothing: what has to be said can't be, and only what must be heard counts.
    pub fn deadline_while_blocked(&self) -> Option<Time> {
        let State::Attached(attachment) = &self.state else {
            return self.deadline();
        };
        let closing = self.closing.as_ref().map(|&(_, until)| until + LATE);
        closing.into_iter().chain(self.listens_until(attachment)).min()
    }

    pub(super) fn greet(&mut self, resumed: bool) -> Welcome {
        let (taken, limit) = self.incoming.tell();
        let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(LAST).min(LAST);
        Welcome {
            resumed,
            token: String::new(),
            taken,
            limit,
            resume_ms: millis(self.settings.resume),
            heartbeat_ms: millis(self.settings.heartbeat),
            max_message: self.settings.max_message,
            protocol: self.protocol.clone(),
        }
    }

    fn supersede(&mut self) {
        self.drop_link(4409, Self::SUPERSEDED);
    }

    pub(super) fn drop_link(&mut self, code: u16, reason: &'static str) {
        if let Some(link) = self.link() {
            self.outputs.push_back(Output::Drop { link, code, reason });
        }
    }

    /// Without a connection from now on.
    fn wait_for_link(&mut self, now: Time) {
        let until = now + self.settings.resume;
        self.state = State::Detached { since: now, until };
        self.outgoing.rewind();
        self.outputs.push_back(Output::Tell(Event::Detached));
    }

    pub(super) fn release(&mut self, count: usize) {
        if count > 0 {
            self.outputs.push_back(Output::Release(count));
        }
    }

    pub(super) fn attachment(&mut self, link: Link) -> Option<&mut Attachment> {
        match &mut self.state {
            State::Attached(attachment) if attachment.link == link => Some(attachment),
            _ => None,
        }
    }

    /// Whether the connection is this session's, which has been heard of now.
    fn heard(&mut self, link: Link, now: Time) -> bool {
        let Some(attachment) = self.attachment(link) else {
            return false;
        };
        attachment.heard = now;
        attachment.probed = None;
        self.used = true;
        true
    }

    /// When something is to be said, and when something must have been heard.
    fn beats(&self, attachment: &Attachment) -> Option<Time> {
        let listen = self.listens_until(attachment)?;
        let speak = attachment.sent + self.settings.heartbeat;
        Some(if attachment.ping { listen } else { listen.min(speak) })
    }

    /// When something must have been heard.
    fn listens_until(&self, attachment: &Attachment) -> Option<Time> {
        let Settings { heartbeat, probe, .. } = self.settings;
        let until = match attachment.probed {
            Some(probed) => probed + probe,
            None => attachment.heard + heartbeat * 2,
        };
        (!heartbeat.is_zero()).then_some(until)
    }
}
