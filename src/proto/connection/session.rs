//! A connection that belongs to a durable session: how it greets, what it owes, and when it sends. `session/` has the rules
//! of the two directions.

use alloc::string::String;
use core::time::Duration;

use super::{Connection, Drain, Phase};
use crate::proto::backoff::Pace;
use crate::proto::error::Failure;
use crate::proto::event::{Close, Event};
use crate::proto::io::{Generation, Output};
use crate::proto::policy::{Config, Durable, Heartbeat, OnSessionLost};
use crate::proto::time::Time;
use crate::proto::timer::Timer;
use crate::session::{self, Batch, Bye, Client, Control, Fault, FromServer, Greeting, Welcome};

/// How long an answer to a PING may take.
const PROBE: Duration = Duration::from_secs(5);
/// How many connections may open without a WELCOME, if there never was one, until it counts as a server without sessions.
const MOST_UNANSWERED: u32 = 3;
/// Longer than anything is waited for.
const FOREVER: Duration = Duration::MAX;

/// What a connection knows of its session.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) client: Client,
    on_lost: OnSessionLost,
    pub(super) trusts_silence: bool,
    welcomed: bool,
    /// The connection went on with a session.
    resumed: bool,
    /// Connections that opened and brought no WELCOME, while there never was one.
    unanswered: u32,
    /// The server refused the credentials since the last WELCOME.
    pub(super) refused: bool,
    pub(super) turn: Turn,
    /// The nonce of a PING that is to be answered.
    pong: Option<u64>,
    /// When the HELLO or PING went out that is not answered.
    asked: Option<Time>,
    pub(super) rtt: Option<Duration>,
    pub(super) probe: Probe,
    /// When the last open connection was lost.
    pub(super) lost_at: Time,
}

/// How the messages of one turn of the event loop become frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nothing went out in this turn: what comes goes out at once.
    Quiet,
    /// Something went out, and the rest waits for the turn's end.
    Busy,
    /// It has ended: everything goes out.
    Ended,
}

/// Whether a PING that stays unanswered says something: not while the socket's buffer falls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Probe {
    Idle,
    /// Asked how much the socket held when the PING went out.
    Measuring,
    /// So much.
    Sent(usize),
    /// No answer came. One that has arrived may stand behind the timer: it has until the end of the turn.
    Late(usize),
    /// Asked again: how much it held, and how much it holds decide.
    Judging(usize),
}

impl Session {
    pub(super) fn new(config: &Config, durable: Durable) -> Self {
        let inbox = config.inbox;
        let largest = (inbox.bytes as u64).min(session::LAST);
        Self {
            client: Client::new(session::window(inbox.messages, inbox.bytes), largest, durable.protocols),
            on_lost: durable.on_session_lost,
            trusts_silence: durable.trusts_silence,
            welcomed: false,
            resumed: false,
            unanswered: 0,
            refused: false,
            turn: Turn::Quiet,
            pong: None,
            asked: None,
            rtt: None,
            probe: Probe::Idle,
            lost_at: Time::default(),
        }
    }

    /// How long a delay may be, lest the session be over when it ends.
    pub(super) fn longest_delay(&self, now: Time) -> Duration {
        let resume_ms = self.client.resume_ms();
        if self.client.has_session() && now.since(self.lost_at) < Duration::from_millis(resume_ms) {
            Duration::from_millis(resume_ms / 6)
        } else {
            FOREVER
        }
    }

    fn answered(&mut self, now: Time) {
        if let Some(asked) = self.asked.take() {
            self.rtt = Some(now.since(asked));
        }
    }

    /// How to tell whether the link lives, where the application has no opinion.
    fn heartbeat(&self) -> Heartbeat {
        let interval = match self.client.heartbeat_ms() {
            0 => FOREVER,
            _ if self.trusts_silence => FOREVER,
            millis => Duration::from_millis(millis.saturating_mul(2)),
        };
        Heartbeat {
            interval,
            timeout: PROBE,
        }
    }
}

/// What a PING of this instant carries.
const fn nonce_of(at: Time) -> u64 {
    at.as_micros() & 0xffff_ffff
}

impl Connection {
    /// The socket is open: the first frame is the client's.
    pub(super) fn greet(&mut self, now: Time) {
        if let Some(session) = &mut self.session {
            self.phase = Phase::Greeting;
            session.asked = Some(now);
            self.outputs.push_back(Output::Frame(session.client.hello()));
        }
    }

    pub(super) fn wrong_protocol(&mut self, generation: Generation, now: Time) {
        if self.is(generation, Phase::Connecting) {
            self.outputs.push_back(Output::Abandon(generation));
            self.unanswered(Failure::Unsupported, now);
        }
    }

    /// A connection opened and brought no WELCOME. Where there never was one, that is no accident for long.
    pub(super) fn unanswered(&mut self, failure: Failure, now: Time) {
        if let Some(session) = &mut self.session
            && !session.welcomed
        {
            session.unanswered += 1;
            if session.unanswered >= MOST_UNANSWERED {
                self.finish(Close::abnormal(), Some(Failure::Unsupported));
                return;
            }
        }
        self.come_back(failure, Pace::Usual, now);
    }

    /// Adds to the subprotocols that the application offers in a session. To be called before it begins.
    pub fn offer(&mut self, protocol: String) {
        if let Some(session) = &mut self.session {
            session.client.offer(protocol);
        }
    }

    /// A binary frame of a session arrived. Its messages, if it has any, are to be fed by [`batch`](Self::batch).
    pub fn frame<'a>(&mut self, generation: Generation, frame: &'a [u8], now: Time) -> Option<Batch<'a>> {
        match FromServer::decode(frame) {
            Ok(FromServer::Batch(batch)) => return Some(batch),
            _ => self.control_frame(generation, frame, now),
        }
        None
    }

    /// A binary frame of a session arrived, by whose first byte it brings no messages.
    pub fn control_frame(&mut self, generation: Generation, frame: &[u8], now: Time) {
        self.now = self.now.max(now);
        match FromServer::decode_control(frame) {
            Ok(FromServer::Welcome(welcome)) => self.welcome(generation, welcome, now),
            Ok(FromServer::Control(frame)) => self.control(generation, frame, now),
            _ => self.fault(generation, Fault::Malformed),
        }
    }

    /// Messages of these sizes arrived in a frame of a session, one after the other from position `first` on, and wait as the
    /// youngest in the driver's hands.
    pub fn batch(&mut self, generation: Generation, first: u64, sizes: &[usize], now: Time) {
        self.now = self.now.max(now);
        let count = sizes.len();
        if !self.hear(generation, now) {
            self.outputs.push_back(Output::Discard { count });
            return;
        }
        let Some(session) = &mut self.session else {
            return;
        };
        match session.client.incoming.arrive(first, sizes) {
            Ok(duplicates) => {
                let fresh = count - duplicates;
                self.received += fresh as u64;
                if duplicates > 0 {
                    self.outputs.push_back(Output::Discard { count: duplicates });
                }
                if fresh > 0 {
                    self.gets_on();
                    self.outputs.push_back(Output::Deliver { count: fresh });
                }
            }
            Err(fault) => {
                self.outputs.push_back(Output::Discard { count });
                self.fault(generation, fault);
            }
        }
    }

    fn welcome(&mut self, generation: Generation, welcome: Welcome, now: Time) {
        if self.is_talking(generation) && self.phase != Phase::Greeting {
            self.fault(generation, Fault::Unexpected);
        }
        let Some(session) = &mut self.session else {
            return;
        };
        if generation != self.generation || self.phase != Phase::Greeting {
            return;
        }
        let resend = match session.on_lost {
            OnSessionLost::Return => false,
            OnSessionLost::Resend => !session.refused,
            OnSessionLost::End => true,
        };
        let Ok(greeting) = session.client.welcome(welcome, resend) else {
            // The next HELLO asks for a new session.
            self.outputs.push_back(Output::Abandon(generation));
            self.come_back(Failure::Protocol, Pace::Usual, now);
            return;
        };
        session.answered(now);
        session.welcomed = true;
        let resumed = matches!(greeting, Greeting::Resumed { .. });
        session.resumed = resumed;
        session.refused = false;
        session.turn = Turn::Quiet;
        session.pong = None;
        session.probe = Probe::Idle;
        let ends = session.on_lost == OnSessionLost::End;
        let heartbeat = self.config.heartbeat.unwrap_or_else(|| session.heartbeat());
        let too_big = session.client.outgoing.largest() as u64 > session.client.max_message();
        self.reauthorized = false;
        match greeting {
            Greeting::Lost { .. } if ends => {
                // The new one need not be kept.
                self.send_control(&Control::Bye(Bye {
                    code: 1000,
                    reason: String::new(),
                }));
                self.leave(1000, "");
                self.finish(Close::abnormal(), Some(Failure::SessionLost));
                return;
            }
            Greeting::Lost { unknown } => self.outputs.push_back(Output::Tell(Event::SessionLost {
                unknown,
                returned: !resend,
            })),
            Greeting::Resumed { released } => self.release(released),
            Greeting::New => {}
        }
        self.established(Some(heartbeat), resumed, now);
        if too_big {
            // It can't be left out, and would end the session.
            self.fault(generation, Fault::TooBig);
        }
    }

    fn control(&mut self, generation: Generation, frame: Control, now: Time) {
        // A BYE may come in place of a WELCOME, and while this side closes.
        if let Control::Bye(bye) = frame {
            if self.is_talking(generation) {
                self.bye_received(bye);
            }
            return;
        }
        if !self.hear(generation, now) {
            return;
        }
        let Some(session) = &mut self.session else {
            return;
        };
        match frame {
            Control::Ack { taken, limit } => {
                // Whoever waits for room will send as soon as there is some: all of that goes out together.
                if session.client.outgoing.load().messages >= self.config.outbox.messages && session.turn == Turn::Quiet
                {
                    session.turn = Turn::Busy;
                    self.outputs.push_back(Output::AwaitTurn);
                }
                match session.client.outgoing.acknowledge(taken, limit) {
                    Ok(released) => self.release(released),
                    Err(fault) => self.fault(generation, fault),
                }
            }
            Control::Ping(nonce) => session.pong = Some(nonce),
            Control::Pong(nonce) if session.asked.is_some_and(|asked| nonce == nonce_of(asked)) => {
                session.answered(now);
            }
            Control::Pong(_) | Control::Bye(_) => {}
        }
    }

    /// The server broke a rule, or this side can't go on: the session ends.
    pub(super) fn fault(&mut self, generation: Generation, fault: Fault) {
        if !self.is_talking(generation) {
            return;
        }
        let close = Close {
            code: fault.code(),
            reason: String::from(fault.reason()),
            was_clean: false,
        };
        self.outputs.push_back(Output::Close {
            code: close.code,
            reason: close.reason.clone(),
        });
        self.abandon();
        let failure = if fault == Fault::TooBig {
            Failure::TooBig
        } else {
            Failure::Protocol
        };
        self.finish(close, Some(failure));
    }

    /// Whatever the server says counts as a sign of life. False where it has no meaning any more, or comes too early.
    fn hear(&mut self, generation: Generation, now: Time) -> bool {
        if self.is_talking(generation) && self.phase == Phase::Greeting {
            self.fault(generation, Fault::Unexpected);
        }
        if generation != self.generation || !self.is_conversing() {
            return false;
        }
        if let Some(session) = &mut self.session {
            session.probe = Probe::Idle;
        }
        self.heard(now);
        true
    }

    /// The session's connection is up, its greeting perhaps not yet done.
    fn is_talking(&self, generation: Generation) -> bool {
        generation == self.generation && matches!(self.phase, Phase::Greeting | Phase::Open)
    }

    fn bye_received(&mut self, bye: Bye) {
        let close = Close {
            code: bye.close_code(),
            reason: bye.reason,
            was_clean: true,
        };
        self.leave(1000, "");
        self.finish(close, None);
    }

    /// Ends the session, and leaves its connection without waiting for the other side.
    pub(super) fn bye(&mut self, code: u16, reason: &str) {
        self.say_bye(code, reason);
        self.leave(1000, "");
    }

    /// The last words of a session. What the other end has not been told of what was taken, it is told now or never.
    pub(super) fn say_bye(&mut self, code: u16, reason: &str) {
        // No code is no code of the wire's.
        let code = if code == 1005 { 1000 } else { code };
        if !self.is_conversing() {
            return;
        }
        let Some(session) = &mut self.session else {
            return;
        };
        if session.client.incoming.owes() {
            let (taken, limit) = session.client.incoming.tell();
            self.send_control(&Control::Ack { taken, limit });
        }
        self.send_control(&Control::Bye(Bye {
            code: code.into(),
            reason: reason.into(),
        }));
    }

    fn send_control(&mut self, frame: &Control) {
        self.outputs.push_back(Output::Frame(frame.encode()));
    }

    /// A session that goes on, and gets on, is as good as a connection that lasts: a link that is cut every few hundred
    /// milliseconds is to be tried again at once, each time. One that has just begun may be one of many, at a server that
    /// loses them.
    fn gets_on(&mut self) {
        if self.session.as_ref().is_some_and(|session| session.resumed) {
            self.forget_failures();
        }
    }

    /// The other application has taken so many.
    fn release(&mut self, count: usize) {
        if count > 0 {
            self.gets_on();
            self.outputs.push_back(Output::Release { count: count as u64 });
        }
    }

    /// The next frame of an open connection, and when to look again for one that is owed.
    pub(super) fn next_frame(&mut self) -> Option<Output> {
        let is_writable = self.is_writable();
        let session = self.session.as_mut()?;
        if !is_writable {
            self.timers.clear(Timer::Acknowledge);
            return None;
        }
        let incoming = &mut session.client.incoming;
        let due = incoming.ack_due();
        let flows = self.drain == Drain::Flowing;
        // Much is told when the turn ends, all in one frame; and in a hidden page timers are late, by up to a minute.
        let by_turn = self.hidden || incoming.is_much();
        let is_late = by_turn && session.turn == Turn::Ended;
        let is_asked = flows && session.pong.is_some();
        // Once something has left in this turn, an ACK goes beside it.
        let lead = u64::from(session.turn == Turn::Busy) * session::ACK_BESIDE.as_micros() as u64;
        if due.is_some_and(|due| due.as_micros() <= self.now.as_micros() + lead)
            || ((is_late || is_asked) && incoming.owes())
        {
            let (taken, limit) = incoming.tell();
            return Some(Output::Frame(Control::Ack { taken, limit }.encode()));
        }
        self.timers.set(Timer::Acknowledge, due.unwrap_or(Time::NEVER));
        if by_turn && due.is_some() && session.turn == Turn::Quiet {
            session.turn = Turn::Busy;
            return Some(Output::AwaitTurn);
        }
        if !flows {
            return None;
        }
        if let Some(nonce) = session.pong.take() {
            return Some(Output::Frame(Control::Pong(nonce).encode()));
        }
        if session.turn == Turn::Busy {
            return None;
        }
        if !session.client.outgoing.is_ready() {
            session.turn = Turn::Quiet;
            return None;
        }
        if let Some(measure) = self.measure_if_full() {
            return Some(measure);
        }
        let session = self.session.as_mut()?;
        let chunk = session.client.outgoing.next_chunk()?;
        self.buffered = self.buffered.saturating_add(chunk.bytes);
        // It stands behind what was held: a fall is a fall of that.
        if let Probe::Sent(held @ 1..) = &mut session.probe {
            *held = held.saturating_add(chunk.bytes);
        }
        self.sent += chunk.fresh as u64;
        if session.turn == Turn::Quiet {
            session.turn = Turn::Busy;
            self.outputs.push_back(Output::AwaitTurn);
        }
        Some(Output::Batch(chunk))
    }

    /// Whether anything waits for the end of the turn that [`Output::AwaitTurn`] asked for. A driver that hears of every turn
    /// in some other way need not ask the browser until then.
    pub fn waits_for_turn(&self) -> bool {
        self.session.as_ref().is_some_and(|session| {
            let incoming = &session.client.incoming;
            let tells = incoming.owes() && (self.hidden || incoming.is_much());
            let is_waiting = session.client.outgoing.is_ready() || tells;
            matches!(session.probe, Probe::Late(_)) || (session.turn == Turn::Busy && is_waiting)
        })
    }

    pub(super) fn turn_ended(&mut self) {
        let Some(session) = &mut self.session else {
            return;
        };
        if session.turn == Turn::Busy {
            session.turn = Turn::Ended;
        }
        if let Probe::Late(held) = session.probe
            && self.phase == Phase::Open
        {
            session.probe = Probe::Judging(held);
            self.outputs.push_back(Output::Measure);
        }
    }

    // Whether the link lives

    /// Asks the server for a sign of life.
    pub(super) fn ping(&mut self, now: Time) {
        if let Some(session) = &mut self.session {
            session.asked = Some(now);
            session.probe = Probe::Measuring;
            // Before the PING, which falls out of the buffer whatever becomes of it.
            self.outputs.push_back(Output::Measure);
            self.send_control(&Control::Ping(nonce_of(now)));
        }
    }

    /// Whether the link has a last chance before it counts as dead.
    pub(super) fn judges(&mut self) -> bool {
        let Some(session) = &mut self.session else {
            return false;
        };
        session.probe = Probe::Late(match session.probe {
            Probe::Sent(held) => held,
            _ => 0,
        });
        self.outputs.push_back(Output::AwaitTurn);
        true
    }

    /// How much the socket holds, for the probe under way.
    pub(super) fn judged(&mut self, bytes: usize, now: Time) {
        // The connection may be gone, and the socket closed for good, since it was asked.
        if self.phase != Phase::Open {
            return;
        }
        let Some(session) = &mut self.session else {
            return;
        };
        match session.probe {
            Probe::Measuring => session.probe = Probe::Sent(bytes),
            Probe::Judging(held) if bytes < held => self.probe_again(now),
            Probe::Judging(_) => self.dead(now),
            Probe::Idle | Probe::Sent(_) | Probe::Late(_) => {}
        }
    }
}
