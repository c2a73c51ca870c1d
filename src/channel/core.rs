//! What the handles and the driver share: the machine, the two queues of payloads, and everybody who waits.
//!
//! Handles may be on any thread; the driver is where it was spawned. Each method takes the lock, changes what there is to
//! change, lets go of the lock, and only then wakes.

use std::collections::VecDeque;
use std::mem;
use std::string::String;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use std::vec::Vec;

use futures_channel::{mpsc, oneshot};

use super::error::{Closed, SendError};
use super::event::{Event, Events};
use crate::codec::{Arrival, Payload, packing};
use crate::proto::{self, Admission, Connection, Input, Load, State, Stats, Time};
use crate::session::Chunk;

/// How long `close` may take, unless it is told otherwise.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct Core {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    machine: Connection,
    outbox: VecDeque<Payload>,
    /// Payloads that left the outbox ahead of the `Release` that says so.
    ahead: u64,
    inbox: VecDeque<Arrival>,
    /// What the machine has lent it for messages whose receiver is yet to be woken.
    lent: Load,
    /// Messages ever accepted into the outbox, and ever taken out of it again.
    accepted: u64,
    released: u64,
    /// Behind which of them the outcome of some is unknown, for each session that was lost.
    losses: Vec<u64>,
    /// Messages taken that the machine has not heard of, because it wants to know when.
    taken: u64,
    /// A close that the driver has not seen yet.
    close: Option<(u16, String)>,
    split: bool,
    receiver_gone: bool,
    opened: bool,
    protocol: String,
    closed: Option<Closed>,
    driver: Option<Waker>,
    receiver: Option<Waker>,
    /// Senders that wait for room or for the end of a flush.
    senders: Vec<Waker>,
    events: Vec<mpsc::Sender<Event>>,
    on_opened: Vec<oneshot::Sender<Result<(), Closed>>>,
    on_closed: Vec<oneshot::Sender<Closed>>,
}

impl Core {
    pub(super) fn new(machine: Connection) -> Self {
        Self {
            inner: Mutex::new(Inner {
                machine,
                outbox: VecDeque::new(),
                ahead: 0,
                inbox: VecDeque::new(),
                lent: Load::default(),
                accepted: 0,
                released: 0,
                losses: Vec::new(),
                taken: 0,
                close: None,
                split: false,
                receiver_gone: false,
                opened: false,
                protocol: String::new(),
                closed: None,
                driver: None,
                receiver: None,
                senders: Vec::new(),
                events: Vec::new(),
                on_opened: Vec::new(),
                on_closed: Vec::new(),
            }),
        }
    }

    // For the sender

    /// Accepts the payload, or says why not. Where it has to wait, `cx` is woken when there is room.
    pub(super) fn accept(&self, payload: Payload, cx: Option<&Context<'_>>) -> Accepted {
        let mut inner = self.lock();
        if inner.close.is_some() {
            return Accepted::Refused(SendError::Closed);
        }
        let size = payload.len();
        match inner.machine.admits(size) {
            Admission::Accept => {}
            Admission::Wait => {
                if let Some(cx) = cx {
                    inner.wait_for_room(cx.waker());
                }
                return Accepted::Wait(payload);
            }
            Admission::Reject => return Accepted::Refused(SendError::Full),
            Admission::TooBig => return Accepted::Refused(SendError::TooBig { size }),
            Admission::Closed => return Accepted::Refused(SendError::Closed),
        }
        let queued = inner.machine.outbox().messages;
        inner.outbox.push_back(payload);
        inner.accepted += 1;
        inner.tell_machine(Input::Send { size });
        if !inner.machine.is_durable() {
            inner.drop_what_made_room(queued);
        }
        wake(inner.driver.take(), inner);
        Accepted::Done
    }

    /// How much a flush that begins now has to wait for.
    pub(super) fn begin_flush(&self) -> Flush {
        let inner = self.lock();
        Flush {
            count: inner.accepted,
            losses: inner.losses.len(),
        }
    }

    /// Waits until the messages of a flush have left the outbox; in a session, until they are taken.
    pub(super) fn poll_flushed(&self, flush: Flush, cx: &Context<'_>) -> Poll<Result<(), SendError>> {
        let mut inner = self.lock();
        // Those that were lost were the oldest of all that it waited for.
        if inner.losses.iter().skip(flush.losses).any(|&after| flush.count > after) {
            return Poll::Ready(Err(SendError::SessionLost));
        }
        if inner.released >= flush.count {
            return Poll::Ready(Ok(()));
        }
        if inner.closed.is_some() {
            return Poll::Ready(Err(SendError::Closed));
        }
        inner.wait_for_room(cx.waker());
        Poll::Pending
    }

    // For the receiver

    /// The next message; `None` once the socket is closed and everything is taken.
    pub(super) fn poll_receive(&self, cx: &Context<'_>) -> Poll<Option<Arrival>> {
        let mut inner = self.lock();
        if let Some(arrival) = inner.inbox.pop_front() {
            wake(inner.take(1), inner);
            return Poll::Ready(Some(arrival));
        }
        if inner.closed.is_some() {
            return Poll::Ready(None);
        }
        let earlier = inner.receiver.replace(cx.waker().clone());
        // What a waker holds may be anything, a handle of this socket too: never drop one under the lock.
        drop(inner);
        drop(earlier);
        Poll::Pending
    }

    /// Nobody takes messages any more: what is there and what comes counts as taken.
    pub(super) fn drop_receiver(&self) {
        let mut inner = self.lock();
        inner.receiver_gone = true;
        let waker = inner.receiver.take();
        let count = inner.inbox.len() as u64;
        inner.inbox = VecDeque::new();
        let driver = inner.take(count);
        wake(driver, inner);
        drop(waker);
    }

    /// Whether this was the first time.
    pub(super) fn split(&self) -> bool {
        !mem::replace(&mut self.lock().split, true)
    }

    // For every handle

    /// Asks the driver to send what is queued and to close.
    pub(super) fn close(&self, code: u16, reason: &str) {
        let mut inner = self.lock();
        if inner.close.is_none() && inner.closed.is_none() {
            inner.close = Some((code, reason.into()));
        }
        // Those that wait for room are refused now.
        let mut wakers = mem::take(&mut inner.senders);
        wakers.extend(inner.driver.take());
        wake(wakers, inner);
    }

    /// Whether it takes no more messages.
    pub(super) fn is_closing(&self) -> bool {
        let inner = self.lock();
        inner.close.is_some() || inner.machine.admits(0) == Admission::Closed
    }

    pub(super) fn stats(&self) -> Stats {
        self.lock().machine.stats()
    }

    pub(super) fn state(&self) -> State {
        self.lock().machine.state()
    }

    pub(super) fn protocol(&self) -> String {
        let inner = self.lock();
        match inner.machine.session_protocol() {
            Some(protocol) => protocol.into(),
            None => inner.protocol.clone(),
        }
    }

    pub(super) fn events(&self) -> Events {
        let (sender, events) = mpsc::channel(Events::CAPACITY);
        let mut inner = self.lock();
        if inner.closed.is_none() {
            let (gone, mut listening): (Vec<_>, Vec<_>) = mem::take(&mut inner.events)
                .into_iter()
                .partition(mpsc::Sender::is_closed);
            listening.push(sender);
            inner.events = listening;
            // The last sender of a stream wakes its reader.
            drop(inner);
            drop(gone);
        }
        Events { events }
    }

    /// `Ok` as soon as it has been open once, `Err` where it closed before.
    pub(super) fn on_opened(&self) -> oneshot::Receiver<Result<(), Closed>> {
        let (sender, receiver) = oneshot::channel();
        let mut inner = self.lock();
        if inner.opened {
            let _ = sender.send(Ok(()));
        } else if let Some(closed) = inner.closed.clone() {
            let _ = sender.send(Err(closed));
        } else {
            inner.on_opened.retain(|sender| !sender.is_canceled());
            inner.on_opened.push(sender);
        }
        receiver
    }

    pub(super) fn on_closed(&self) -> oneshot::Receiver<Closed> {
        let (sender, receiver) = oneshot::channel();
        let mut inner = self.lock();
        if let Some(closed) = inner.closed.clone() {
            let _ = sender.send(closed);
        } else {
            inner.on_closed.retain(|sender| !sender.is_canceled());
            inner.on_closed.push(sender);
        }
        receiver
    }

    // For the driver

    /// Leaves the driver's waker; what was taken and a close that came meanwhile.
    pub(super) fn attend(&self, waker: &Waker) -> (Option<Input>, Option<Input>) {
        let mut inner = self.lock();
        let earlier = inner.driver.replace(waker.clone());
        let count = mem::take(&mut inner.taken);
        let taken = (count > 0).then_some(Input::Taken { count });
        let is_closing = inner.machine.admits(0) == Admission::Closed;
        let close = inner.close.clone().filter(|_| !is_closing);
        drop(inner);
        drop(earlier);
        let close = close.map(|(code, reason)| Input::Close {
            code,
            reason,
            timeout: CLOSE_TIMEOUT,
        });
        (taken, close)
    }

    pub(super) fn wake_driver(&self) {
        let mut inner = self.lock();
        wake(inner.driver.take(), inner);
    }

    pub(super) fn machine<R>(&self, work: impl FnOnce(&mut Connection) -> R) -> R {
        work(&mut self.lock().machine)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed.is_some()
    }

    pub(super) fn set_protocol(&self, protocol: String) {
        self.lock().protocol = protocol;
    }

    /// Takes the oldest payload out of the outbox. Its `Release` is still to come.
    pub(super) fn next_outgoing(&self) -> Option<Payload> {
        let mut inner = self.lock();
        let payload = inner.outbox.pop_front()?;
        inner.ahead += 1;
        Some(payload)
    }

    /// The frame of these payloads of the outbox, which stay in it.
    pub(super) fn frame(&self, chunk: Chunk) -> Vec<u8> {
        let inner = self.lock();
        packing::pack_bytes(chunk.first, inner.outbox.iter().skip(chunk.offset).take(chunk.count))
    }

    pub(super) fn release(&self, count: u64) {
        let mut inner = self.lock();
        inner.released += count;
        let ahead = inner.ahead.min(count);
        inner.ahead -= ahead;
        let count = ((count - ahead) as usize).min(inner.outbox.len());
        inner.outbox.drain(..count);
        let senders = mem::take(&mut inner.senders);
        wake(senders, inner);
    }

    /// Puts messages into the inbox, and wakes whoever waits for them, unless that is left to [`wake_receiver`](Self::wake_receiver).
    pub(super) fn deliver(&self, mut arrivals: VecDeque<Arrival>, wakes: bool) {
        let mut inner = self.lock();
        let wakes = wakes || inner.receiver.is_none();
        if inner.receiver_gone {
            wake(inner.take(arrivals.len() as u64), inner);
            return;
        }
        if !wakes {
            for arrival in &arrivals {
                let lent = inner.machine.lend_room(arrival.len());
                inner.lent.messages += lent.messages;
                inner.lent.bytes += lent.bytes;
            }
        }
        if inner.inbox.is_empty() {
            mem::swap(&mut inner.inbox, &mut arrivals);
        } else {
            inner.inbox.append(&mut arrivals);
        }
        if wakes {
            drop(inner);
            self.wake_receiver();
        }
    }

    /// Whether somebody waits for messages.
    pub(super) fn is_awaited(&self) -> bool {
        self.lock().receiver.is_some()
    }

    /// Wakes whoever waits for messages.
    pub(super) fn wake_receiver(&self) {
        let mut inner = self.lock();
        let lent = mem::take(&mut inner.lent);
        inner.machine.take_room_back(lent);
        // The driver right behind the receiver: it sends what that answers, and need not be woken once more for it.
        let wakers = inner.receiver.take().into_iter().chain(inner.driver.take());
        wake(wakers, inner);
    }

    pub(super) fn drop_oldest(&self, count: u64) {
        let mut inner = self.lock();
        let count = (count as usize).min(inner.inbox.len());
        inner.inbox.drain(..count);
    }

    /// The event for everybody who listens.
    pub(super) fn tell(&self, event: &proto::Event) {
        let mut inner = self.lock();
        let mut opened = Vec::new();
        let mut unacknowledged = Vec::new();
        if let proto::Event::SessionLost { unknown, returned } = event
            && *returned
        {
            unacknowledged = inner.lose(*unknown);
        }
        if matches!(event, proto::Event::Open { .. }) {
            inner.opened = true;
            opened = mem::take(&mut inner.on_opened);
        }
        let mut events = mem::take(&mut inner.events);
        let senders = match event {
            proto::Event::SessionLost { .. } => mem::take(&mut inner.senders),
            _ => Vec::new(),
        };
        wake(senders, inner);
        for sender in opened {
            let _ = sender.send(Ok(()));
        }
        if let Some(event) = Event::from_proto(event, unacknowledged) {
            for sender in &mut events {
                // A reader that is too slow misses it; `Events` says so. Messages that come back it does not miss: every new
                // sender of the channel has a place of its own.
                if sender.try_send(event.clone()).is_err() && matches!(event, Event::SessionLost { .. }) {
                    let _ = sender.clone().try_send(event.clone());
                }
            }
        }
        if let proto::Event::Closed { close, failure } = event {
            drop(events);
            self.finish(close, *failure);
        } else {
            self.lock().events.append(&mut events);
        }
    }

    fn finish(&self, close: &proto::Close, failure: Option<proto::Failure>) {
        let mut inner = self.lock();
        let closed = Closed {
            code: close.code,
            reason: close.reason.clone(),
            was_clean: close.was_clean,
            failure,
            unacknowledged: mem::take(&mut inner.outbox).into(),
        };
        inner.closed = Some(closed.clone());
        let on_opened = mem::take(&mut inner.on_opened);
        let on_closed = mem::take(&mut inner.on_closed);
        let late_events = mem::take(&mut inner.events);
        let mut wakers = mem::take(&mut inner.senders);
        wakers.extend(inner.receiver.take());
        wakers.extend(inner.driver.take());
        drop(inner);
        drop(late_events);
        for sender in on_opened {
            let _ = sender.send(Err(closed.clone()));
        }
        for sender in on_closed {
            let _ = sender.send(closed.clone());
        }
        wakers.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing panics while it holds the lock, and if it did, the data would still be whole.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a flush waits for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flush {
    /// The number of the last message.
    count: u64,
    /// How many sessions were lost before it began.
    losses: usize,
}

impl Inner {
    /// Messages have been taken out of the inbox. Whom to wake.
    fn take(&mut self, count: u64) -> Option<Waker> {
        // In a session it wants to know when, unless that makes no difference.
        let needs_time = self.machine.is_durable() && (self.taken > 0 || count > self.machine.patience());
        if needs_time {
            self.taken += count;
            self.driver.take()
        } else {
            self.tell_machine(Input::Taken { count });
            None
        }
    }

    /// The session is lost, and with it the outcome of the oldest messages, which are given back.
    fn lose(&mut self, unknown: usize) -> Vec<Payload> {
        let count = unknown.min(self.outbox.len());
        if count > 0 {
            self.losses.push(self.released);
            self.released += count as u64;
        }
        self.outbox.drain(..count).collect()
    }

    /// For inputs that take no time: the machine does not look at the clock for them.
    fn tell_machine(&mut self, input: Input) {
        self.machine.handle(input, Time::default());
    }

    /// With drop-oldest, payloads go at once, not when the driver comes to it: the bound is a bound. So many were queued before
    /// the latest; older ones are on their way out, and the driver is about to come for them.
    fn drop_what_made_room(&mut self, queued: usize) {
        let leaving = self.outbox.len() - 1 - queued;
        let dropped = queued + 1 - self.machine.outbox().messages;
        self.outbox.drain(leaving..leaving + dropped);
        self.ahead += dropped as u64;
    }

    fn wait_for_room(&mut self, waker: &Waker) {
        if !self.senders.iter().any(|other| other.will_wake(waker)) {
            self.senders.push(waker.clone());
        }
    }
}

/// What became of a payload.
pub(super) enum Accepted {
    Done,
    /// It waits for room; here it is back.
    Wait(Payload),
    Refused(SendError),
}

/// Wakes after letting go of the lock: a waker may run anything.
fn wake(wakers: impl IntoIterator<Item = Waker>, inner: MutexGuard<'_, Inner>) {
    drop(inner);
    wakers.into_iter().for_each(Waker::wake);
}
