//! What the handles and the driver share: the machine, the two queues of payloads, and everybody who waits.
//!
//! Handles may be on any thread; the driver is where it was spawned. Each method takes the lock, changes what there is to
//! change, lets go of the lock, and only then wakes.

use std::collections::VecDeque;
use std::mem;
use std::string::String;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use std::vec::Vec;

use futures_channel::{mpsc, oneshot};

use super::error::{Closed, SendError};
use super::event::{Event, Events};
use crate::codec::Payload;
use crate::proto::{self, Admission, Connection, Input, State, Stats, Time};

/// How long `close` may take, unless it is told otherwise.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct Core {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    machine: Connection,
    /// Shared with the driver while it hands them on.
    outbox: VecDeque<Arc<Payload>>,
    /// Payloads that were dropped ahead of the `Release` that says so.
    dropped: u64,
    inbox: VecDeque<Payload>,
    /// Messages ever accepted into the outbox, and ever taken out of it again.
    accepted: u64,
    released: u64,
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
                dropped: 0,
                inbox: VecDeque::new(),
                accepted: 0,
                released: 0,
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
        inner.outbox.push_back(Arc::new(payload));
        inner.accepted += 1;
        inner.tell_machine(Input::Send { size });
        inner.drop_what_made_room();
        wake(inner.driver.take(), inner);
        Accepted::Done
    }

    /// The number of the last message accepted so far.
    pub(super) fn accepted(&self) -> u64 {
        self.lock().accepted
    }

    /// Waits until the first `count` messages ever accepted have left the outbox.
    pub(super) fn poll_released(&self, count: u64, cx: &Context<'_>) -> Poll<Result<(), SendError>> {
        let mut inner = self.lock();
        if inner.released >= count {
            return Poll::Ready(Ok(()));
        }
        if inner.closed.is_some() {
            return Poll::Ready(Err(SendError::Closed));
        }
        inner.wait_for_room(cx.waker());
        Poll::Pending
    }

    // For the receiver

    /// The next payload; `None` once the socket is closed and everything is taken.
    pub(super) fn poll_receive(&self, cx: &Context<'_>) -> Poll<Option<Payload>> {
        let mut inner = self.lock();
        if let Some(payload) = inner.inbox.pop_front() {
            inner.tell_machine(Input::Taken { count: 1 });
            return Poll::Ready(Some(payload));
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
        inner.tell_machine(Input::Taken { count });
        drop(inner);
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
        wake(inner.driver.take(), inner);
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
        self.lock().protocol.clone()
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

    /// Leaves the driver's waker; a close that came meanwhile.
    pub(super) fn attend(&self, waker: &Waker) -> Option<Input> {
        let mut inner = self.lock();
        inner.driver = Some(waker.clone());
        if inner.machine.admits(0) == Admission::Closed {
            return None;
        }
        let (code, reason) = inner.close.clone()?;
        Some(Input::Close {
            code,
            reason,
            timeout: CLOSE_TIMEOUT,
        })
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

    /// The oldest payloads of the outbox.
    pub(super) fn outgoing(&self, count: u64) -> Vec<Arc<Payload>> {
        self.lock().outbox.iter().take(count as usize).cloned().collect()
    }

    pub(super) fn release(&self, count: u64) {
        let mut inner = self.lock();
        inner.released += count;
        let ahead = inner.dropped.min(count);
        inner.dropped -= ahead;
        let count = ((count - ahead) as usize).min(inner.outbox.len());
        inner.outbox.drain(..count);
        let senders = mem::take(&mut inner.senders);
        wake(senders, inner);
    }

    pub(super) fn deliver(&self, payload: Payload) {
        let mut inner = self.lock();
        if inner.receiver_gone {
            inner.tell_machine(Input::Taken { count: 1 });
            return;
        }
        inner.inbox.push_back(payload);
        wake(inner.receiver.take(), inner);
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
        if matches!(event, proto::Event::Open) {
            inner.opened = true;
            opened = mem::take(&mut inner.on_opened);
        }
        let mut events = mem::take(&mut inner.events);
        drop(inner);
        for sender in opened {
            let _ = sender.send(Ok(()));
        }
        if let Some(event) = Event::from_proto(event) {
            for sender in &mut events {
                // A reader that is too slow misses it; `Events` says so.
                let _ = sender.try_send(event.clone());
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
            unacknowledged: mem::take(&mut inner.outbox)
                .into_iter()
                .map(Arc::unwrap_or_clone)
                .collect(),
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

impl Inner {
    /// For inputs that take no time: the machine does not look at the clock for them.
    fn tell_machine(&mut self, input: Input) {
        self.machine.handle(input, Time::default());
    }

    /// With drop-oldest, payloads go at once, not when the driver comes to it: the bound is a bound.
    fn drop_what_made_room(&mut self) {
        let queued = self.machine.outbox().messages;
        while self.outbox.len() > queued {
            self.outbox.pop_front();
            self.dropped += 1;
        }
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
