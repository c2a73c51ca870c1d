//! The end of a session: the application's close, the last words, a broken rule.

use core::time::Duration;

use super::{Event, Frame, LATE, Link, Output, Server, State};
use crate::proto::Time;
use crate::session::fault::Fault;
use crate::session::frame::{Bye, Control};

impl Server {
    /// Ends the session, when the client has taken all that was sent, or after `timeout`.
    pub fn close(&mut self, code: u16, reason: &str, timeout: Duration, now: Time) {
        if self.is_ended() || self.closing.is_some() {
            return;
        }
        let bye = Bye {
            code: code.into(),
            reason: reason.into(),
        };
        self.closing = Some((bye, now + timeout));
        self.end_if_all_is_said(now);
    }

    /// What is to close waits no longer for what is queued.
    pub fn hurry(&mut self, now: Time) {
        if let Some((_, until)) = &mut self.closing {
            *until = (*until).min(now);
        }
        self.end_if_all_is_said(now);
    }

    /// What is to close ends now, even if its BYE does not leave.
    pub fn finish(&mut self) {
        if let Some((bye, _)) = self.closing.clone() {
            self.part(&bye);
        }
    }

    /// Ends this half at once, without a BYE. The code and the reason are those of the connection's close, too.
    pub fn abandon(&mut self, code: u16, reason: &'static str) {
        if !self.is_ended() {
            self.drop_link(code, reason);
            self.end(code, reason);
        }
    }

    /// The client broke a rule. The session ends.
    pub fn fail(&mut self, link: Link, fault: Fault) {
        if self.attachment(link).is_some() {
            self.drop_link(fault.code(), fault.reason());
            self.end(fault.code(), fault.reason());
        }
    }

    /// Whether the application has closed it, and it has not ended yet.
    pub const fn is_closing(&self) -> bool {
        self.closing.is_some() && !self.is_ended()
    }

    /// The BYE, once everything is taken or the patience is at its end.
    pub(super) fn farewell(&mut self, now: Time) -> Option<Frame> {
        if !self.may_leave(now) {
            return None;
        }
        let (bye, _) = self.closing.clone()?;
        self.part(&bye);
        Some(Frame::Control(Control::Bye(bye)))
    }

    /// Without a connection a session that is to close ends in silence; its client hears of it when it asks.
    pub(super) fn end_if_all_is_said(&mut self, now: Time) {
        if matches!(self.state, State::Detached { .. }) && self.may_leave(now) {
            self.finish();
        }
    }

    /// A connection that takes nothing does not take the BYE either: past the patience of the close it ends without.
    pub(super) fn end_if_nobody_listens(&mut self, now: Time) {
        let is_over = matches!(&self.closing, Some((_, until)) if now >= *until + LATE);
        if matches!(self.state, State::Attached(_)) && is_over {
            self.finish();
        }
    }

    /// The connection, if there is one, has no more to carry, and the session ends as the BYE says.
    pub(super) fn part(&mut self, bye: &Bye) {
        self.drop_link(1000, "");
        self.end(bye.close_code(), &bye.reason);
    }

    pub(super) fn end(&mut self, code: u16, reason: &str) {
        if !self.is_ended() {
            self.state = State::Ended;
            self.outputs.push_back(Output::Tell(Event::Ended {
                code,
                reason: reason.into(),
            }));
        }
    }

    pub(super) fn may_leave(&self, now: Time) -> bool {
        (self.closing.as_ref()).is_some_and(|&(_, until)| self.outgoing.is_empty() || now >= until)
    }
}
