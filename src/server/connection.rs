//! A connection that carries a session: what arrives goes in, and what is due comes out while the other end takes it.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_sink::Sink;
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use super::commit::Why;
use super::core::Core;
use super::held::Run;
use super::message::{Message, Parting};
use super::outbox::Outbox;
use super::registry::{Registry, STORE_PATIENCE};
use super::serve::left;
use super::welcome::Attached;
use crate::codec::{Payload, packing};
use crate::hub::goodbye::{Goodbye, bye, clipped, is_fatal};
use crate::proto::Time;
use crate::session::frame::{Control, FromClient};
use crate::session::{Fault, Frame, Server};

/// So many frames leave before it is looked at what has arrived; and so many arrive before what is to leave is written, though
/// there may be more to write with it.
const BURST: usize = 16;

/// A connection that carries a session.
pub(super) struct Connection<'a, F> {
    registry: &'a Arc<Registry>,
    frames: Pin<&'a mut F>,
    attached: Attached,
    /// The WELCOME, before it has left.
    first: Option<Message>,
    /// The sink takes a message.
    is_ready: bool,
    /// It has some that it has not written.
    is_unflushed: bool,
    /// How many messages have arrived since it last wrote all.
    arrivals: usize,
    /// It could not write all that it had.
    is_blocked: bool,
    /// There may be more to send.
    is_busy: bool,
    /// When the store is told that the session lives.
    alive: Instant,
}

enum Happened {
    Arrived(Message),
    Gone(Parting),
    Goodbye(Goodbye),
    /// The sink takes a message again; or somebody has something to send.
    Work,
    Deadline,
}

impl<'a, F, E> Connection<'a, F>
where
    F: Stream<Item = Result<Message, E>> + Sink<Message>,
{
    pub(super) fn new(registry: &'a Arc<Registry>, frames: Pin<&'a mut F>, attached: Attached, first: Message) -> Self {
        Self {
            registry,
            frames,
            attached,
            first: Some(first),
            is_ready: false,
            is_unflushed: false,
            arrivals: 0,
            is_blocked: false,
            is_busy: true,
            alive: Instant::now() + registry.lifetime() / 3,
        }
    }

    pub(super) async fn run(mut self) -> Parting {
        let mut sleep = pin!(sleep_until(Instant::now()));
        let driver = self.attached.driver.clone();
        loop {
            if let Err(parting) = self.pump().await {
                return parting;
            }
            let deadline = self.arm();
            if sleep.deadline() != deadline {
                sleep.as_mut().reset(deadline);
            }
            let mut work = pin!(driver.notified());
            match poll_fn(|cx| self.poll(cx, sleep.as_mut(), work.as_mut())).await {
                Happened::Arrived(Message::Broken(code, reason)) => {
                    self.ended_by_client(code, &reason);
                    return self.settled(Goodbye::new(code, reason)).await;
                }
                Happened::Arrived(message) => {
                    if let Err(parting) = self.arrived(message) {
                        return parting;
                    }
                }
                Happened::Gone(parting) => return parting,
                Happened::Goodbye(goodbye) => return self.settled(goodbye).await,
                Happened::Work => {}
                Happened::Deadline => {
                    self.attached.core.change(Server::timer);
                    if Instant::now() >= self.alive
                        && let Err(parting) = self.keep_books().await
                    {
                        return parting;
                    }
                }
            }
            self.is_busy = true;
        }
    }

    /// Sends what may be sent and can be.
    async fn pump(&mut self) -> Result<(), Parting> {
        if !self.is_busy {
            return Ok(());
        }
        for _ in 0..BURST {
            if !self.is_ready && !self.readied().await? {
                return Ok(());
            }
            let Some(message) = self.next().await? else {
                self.is_busy = false;
                return self.keep_books().await;
            };
            self.frames.as_mut().start_send(message).map_err(|_| Parting::Lost)?;
            self.is_ready = false;
            self.is_unflushed = true;
        }
        Ok(())
    }

    /// The next frame, once the store knows that it leaves.
    async fn next(&mut self) -> Result<Option<Message>, Parting> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        let Attached { core, link, .. } = &self.attached;
        let (frame, message) = {
            let mut state = core.state();
            let now = self.registry.now();
            let is_due = |due: Option<Time>| due.is_some_and(|due| due <= now);
            if state.corked.is_some() && !is_due(state.corked) && !is_due(state.server.deadline()) {
                return Ok(None);
            }
            state.corked = None;
            let Some(frame) = state.server.next_frame(*link, now) else {
                core.settle(&mut state);
                return Ok(None);
            };
            let message = message(&frame, &state.outbox);
            core.settle(&mut state);
            (frame, message)
        };
        match frame {
            // It makes no difference to anybody but this connection.
            Frame::Control(Control::Ping(_) | Control::Pong(_)) => {}
            Frame::Control(Control::Bye(_)) => {
                if timeout(STORE_PATIENCE, core.ended()).await.is_err() {
                    return Err(overloaded());
                }
                if core.has_moved() {
                    // Another process has it.
                    return Ok(None);
                }
            }
            Frame::Control(Control::Ack { .. }) | Frame::Chunk(_) => {
                commit(&self.attached.core, Why::Changes).await?;
                if self.attached.core.is_ending() {
                    // It was not this process's to send.
                    return Ok(None);
                }
            }
        }
        Ok(Some(message))
    }

    /// Tells the store what no frame waits for.
    async fn keep_books(&mut self) -> Result<(), Parting> {
        let now = Instant::now();
        if now < self.alive {
            return commit(&self.attached.core, Why::Changes).await;
        }
        self.alive = now + self.registry.lifetime() / 3;
        commit(&self.attached.core, Why::Alive).await
    }

    /// Whether the sink takes a message now.
    async fn readied(&mut self) -> Result<bool, Parting> {
        let ready = poll_fn(|cx| Poll::Ready(self.frames.as_mut().poll_ready(cx))).await;
        self.note_ready(&ready).map(|ready| ready.is_ready())
    }

    fn note_ready<T>(&mut self, ready: &Poll<Result<(), T>>) -> Result<Poll<()>, Parting> {
        match ready {
            Poll::Pending => {
                self.is_blocked = true;
                Ok(Poll::Pending)
            }
            Poll::Ready(Err(_)) => Err(Parting::Lost),
            Poll::Ready(Ok(())) => {
                self.is_ready = true;
                self.unblocked();
                Ok(Poll::Ready(()))
            }
        }
    }

    /// That something was written says nothing: the system takes it, whoever is there. That there is room again says that the
    /// other end has taken some.
    fn unblocked(&mut self) {
        if std::mem::take(&mut self.is_blocked) {
            let Attached { core, link, .. } = &self.attached;
            core.change(|server, now| server.progressed(*link, now));
        }
    }

    /// When the next thing is due.
    fn arm(&self) -> Instant {
        let mut state = self.attached.core.state();
        state.armed = if self.is_ready {
            state.server.deadline()
        } else {
            state.server.deadline_while_blocked()
        };
        let corked = state.corked.filter(|_| self.is_ready);
        let due = state
            .armed
            .into_iter()
            .chain(corked)
            .min()
            .map(|due| self.registry.instant(due));
        drop(state);
        due.map_or(self.alive, |due| due.min(self.alive))
    }

    /// What happens next.
    fn poll(&mut self, cx: &mut Context<'_>, sleep: Pin<&mut Sleep>, work: Pin<&mut impl Future>) -> Poll<Happened> {
        if let Poll::Ready(goodbye) = Pin::new(&mut self.attached.closed).poll(cx) {
            // Never gone without a word while it is attached.
            let goodbye = goodbye.unwrap_or_else(|_| Goodbye::new(1011, "session dropped"));
            return Poll::Ready(Happened::Goodbye(goodbye));
        }
        // Where what arrives never pauses, what is to leave must not wait for a pause.
        if self.arrivals >= BURST && self.poll_flush(cx).is_err() {
            return Poll::Ready(Happened::Gone(Parting::Lost));
        }
        if let Poll::Ready(item) = self.frames.as_mut().poll_next(cx) {
            self.arrivals += 1;
            return Poll::Ready(match item {
                Some(Ok(message)) => Happened::Arrived(message),
                Some(Err(_)) | None => Happened::Gone(Parting::Lost),
            });
        }
        if !self.is_ready {
            let ready = self.frames.as_mut().poll_ready(cx);
            match self.note_ready(&ready) {
                Err(parting) => return Poll::Ready(Happened::Gone(parting)),
                Ok(Poll::Ready(())) => return Poll::Ready(Happened::Work),
                Ok(Poll::Pending) => {}
            }
        }
        if self.is_busy && self.is_ready {
            return Poll::Ready(Happened::Work);
        }
        if self.is_ready && self.poll_flush(cx).is_err() {
            return Poll::Ready(Happened::Gone(Parting::Lost));
        }
        if work.poll(cx).is_ready() {
            return Poll::Ready(Happened::Work);
        }
        sleep.poll(cx).map(|()| Happened::Deadline)
    }

    /// Writes what the sink has, as far as it can be written.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Result<(), F::Error> {
        self.arrivals = 0;
        if !self.is_unflushed {
            return Ok(());
        }
        match self.frames.as_mut().poll_flush(cx) {
            Poll::Ready(written) => {
                written?;
                self.is_unflushed = false;
                self.unblocked();
            }
            Poll::Pending => self.is_blocked = true,
        }
        Ok(())
    }

    fn arrived(&self, message: Message) -> Result<(), Parting> {
        let Attached { core, link, .. } = &self.attached;
        let link = *link;
        match message {
            Message::Control => core.change(|server, now| server.alive(link, now)),
            // Dealt with before.
            Message::Broken(..) => {}
            Message::Close(reason) => {
                if let Some((code, reason)) = &reason
                    && is_fatal(*code)
                {
                    self.ended_by_client(*code, reason);
                }
                return Err(left(reason));
            }
            Message::Text(text) => self.frame(Payload::Text(text)),
            Message::Binary(bytes) => self.frame(Payload::Bytes(bytes)),
        }
        Ok(())
    }

    fn frame(&self, frame: Payload) {
        let Attached { core, link, .. } = &self.attached;
        let link = *link;
        let fail = |fault| core.change(|server, _| server.fail(link, fault));
        match &frame {
            Payload::Text(text) => match packing::unpack_text(text) {
                Ok((first, extents)) => core.batch(link, first, Run::new(frame, extents)),
                Err(fault) => fail(fault.into()),
            },
            Payload::Bytes(bytes) => match FromClient::decode(bytes) {
                Ok(FromClient::Batch(batch)) => {
                    let (first, extents) = (batch.first, packing::unpack_batch(bytes, &batch));
                    core.batch(link, first, Run::new(frame, extents));
                }
                Ok(FromClient::Control(control)) => core.control(link, clipped(control)),
                Ok(FromClient::Hello(_)) => fail(Fault::Unexpected),
                Err(fault) => fail(fault.into()),
            },
        }
    }

    /// No client comes back after this, so that the session is over as after its BYE.
    fn ended_by_client(&self, code: u16, reason: &str) {
        let Attached { core, link, .. } = &self.attached;
        core.control(*link, Control::Bye(bye(code, reason)));
    }

    /// How to close it, once the store knows why.
    async fn settled(self, goodbye: Goodbye) -> Parting {
        let core = &self.attached.core;
        let mut goodbye = goodbye;
        if core.is_ending() {
            match timeout(STORE_PATIENCE, core.ended()).await {
                Ok(end) if core.has_moved() && end.code == 4409 => goodbye = Goodbye::new(4409, end.reason.clone()),
                Ok(_) => {}
                Err(_) => return overloaded(),
            }
        }
        let goodbye = goodbye.sendable();
        Parting::Closed {
            code: goodbye.code,
            reason: goodbye.reason.into(),
        }
    }
}

/// A frame as it goes out.
fn message(frame: &Frame, outbox: &Outbox) -> Message {
    match frame {
        Frame::Control(control) => Message::Binary(control.encode()),
        Frame::Chunk(chunk) => outbox.frame(chunk).into(),
    }
}

/// Not a method: what it waits for must not hold the frames, which may be of a kind that only one thread may see.
async fn commit(core: &Arc<Core>, why: Why) -> Result<(), Parting> {
    if !core.owes(why) {
        return Ok(());
    }
    match timeout(STORE_PATIENCE, core.commit(why)).await {
        Ok(Ok(())) => Ok(()),
        _ => Err(overloaded()),
    }
}

fn overloaded() -> Parting {
    Parting::Closed {
        code: 4429,
        reason: "the store of sessions can't be asked".into(),
    }
}
