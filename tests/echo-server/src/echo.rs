//! The conversation: every message is answered as the connection's work says. Started by `upgrade` on an open WebSocket, for as
//! long as the client keeps to the rules and no fault, order or stop ends it.

use std::{
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use tokio::{
    io::AsyncWriteExt,
    time::{self, Instant},
};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::{
    ending::{self, Ending, Outcome, Socket},
    faults::{Blow, Faults, Flood, Wishes},
    names::{Inbox, Line, Membership},
    server::Shared,
    work::Work,
};

/// Holds the whole conversation, to the very end.
pub(crate) async fn run(
    mut socket: Socket,
    wishes: &Wishes,
    membership: &Membership,
    mut inbox: Inbox,
    shared: &Arc<Shared>,
) -> Socket {
    let conversation = Conversation {
        socket: &mut socket,
        work: wishes.work,
        membership,
        max_message: shared.config.max_message,
        idle: shared.config.idle_timeout,
        echoed: 0,
        taken: 0,
    };
    // An order or a stop does not wait for a client that does not read.
    let outcome = tokio::select! {
        biased;
        Some(ending) = inbox.orders.recv() => Outcome::End(ending),
        () = shared.stop.cancelled() => Outcome::End(Ending::close(1001, "the server is going away")),
        outcome = conversation.hold(&wishes.faults, &mut inbox.pushes) => outcome,
    };
    tracing::debug!(?outcome, "WebSocket ends");
    ending::carry_out(outcome, &mut socket, &mut inbox.orders, &shared.stop, membership).await;
    socket
}

struct Conversation<'a> {
    socket: &'a mut Socket,
    work: Work,
    membership: &'a Membership,
    max_message: usize,
    idle: Option<Duration>,
    echoed: u64,
    /// Those of them that have no answer yet.
    taken: u64,
}

impl Conversation<'_> {
    async fn hold(mut self, faults: &Faults, pushes: &mut Line<String>) -> Outcome {
        match self.talk(faults, pushes).await {
            Ok(outcome) | Err(outcome) => outcome,
        }
    }

    async fn talk(&mut self, faults: &Faults, pushes: &mut Line<String>) -> Result<Outcome, Outcome> {
        if let Some(flood) = &faults.flood {
            self.flood(flood).await?;
        }
        loop {
            // The number of echoes to stop at.
            let until = (faults.strike.as_ref().map(|strike| strike.after)).filter(|&after| after > self.echoed);
            let until = until.unwrap_or(u64::MAX);
            if let Some(strike) = &faults.strike
                && strike.after == self.echoed
                && let Some(outcome) = self.strike(&strike.blow).await?
            {
                return Ok(outcome);
            }
            // One message more, so that a strike that leaves the connection open strikes once.
            let before = self.echoed;
            while self.echoed == before {
                let Some(item) = self.next(until, pushes).await? else {
                    return Ok(Outcome::Lost);
                };
                match item? {
                    message @ (Message::Text(_) | Message::Binary(_)) => {
                        self.membership.message();
                        if message.len() > self.max_message {
                            return Ok(Outcome::too_big(self.max_message));
                        }
                        tracing::trace!(bytes = message.len(), "echo");
                        for answer in self.work.answer(message, &mut self.taken) {
                            self.feed(answer).await?;
                        }
                        self.echoed += 1;
                    }
                    Message::Close(frame) => {
                        self.membership.closed(frame.as_ref());
                        // Reading on is what sends the answer.
                        let _ = time::timeout(ending::CLOSE_WAIT, self.socket.next()).await;
                        return Ok(Outcome::Closed);
                    }
                    // The codec answers pings.
                    Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
                }
            }
        }
    }

    /// The next thing from the client. Flushes first if it has to wait for it; texts that are pushed go out meanwhile.
    async fn next(&mut self, until: u64, pushes: &mut Line<String>) -> Result<Option<Result<Message, Error>>, Outcome> {
        // With this task's own waker: to change it for each message costs more than the message.
        if let Poll::Ready(item) = poll_fn(|cx| Poll::Ready(self.poll_next(cx, until))).await {
            return Ok(item);
        }
        self.flush().await?;
        let mut since = Instant::now();
        loop {
            let received = self.socket.get_ref().received();
            tokio::select! {
                item = self.socket.next() => return Ok(item),
                Some(text) = pushes.recv() => {
                    self.feed(Message::text(text)).await?;
                    self.flush().await?;
                }
                idle = idle(self.idle, since) => {
                    // A large message may be on its way, slowly.
                    if self.socket.get_ref().received() == received {
                        let reason = format!("nothing received for {} ms", idle.as_millis());
                        return Err(Outcome::End(Ending::close(1001, reason)));
                    }
                    since = Instant::now();
                }
            }
        }
    }

    /// The next thing that has arrived. What is only to be echoed is echoed here and now, as long as that has not to wait, and
    /// short of so many: few other messages come this way.
    fn poll_next(&mut self, cx: &mut Context<'_>, until: u64) -> Poll<Option<Result<Message, Error>>> {
        loop {
            let item = ready!(self.socket.poll_next_unpin(cx));
            let message = match item {
                Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => message,
                other => return Poll::Ready(other),
            };
            let is_easy = self.work == Work::Echo && self.echoed + 1 < until && message.len() <= self.max_message;
            if !is_easy || !matches!(self.socket.poll_ready_unpin(cx), Poll::Ready(Ok(()))) {
                return Poll::Ready(Some(Ok(message)));
            }
            if let Err(error) = self.socket.start_send_unpin(message) {
                return Poll::Ready(Some(Err(error)));
            }
            self.membership.message();
            self.echoed += 1;
        }
    }

    async fn flood(&mut self, flood: &Flood) -> Result<(), Outcome> {
        for n in 1..=flood.count {
            self.feed(Message::text(flood.message(n))).await?;
        }
        self.flush().await
    }

    /// Does what was asked for; the outcome, if that ends the conversation.
    async fn strike(&mut self, blow: &Blow) -> Result<Option<Outcome>, Outcome> {
        self.flush().await?;
        tracing::info!(?blow, echoed = self.echoed, "fault, as asked for");
        match blow {
            Blow::End(ending) => Ok(Some(Outcome::End(ending.clone()))),
            Blow::Malformed(kind) => {
                // Past the codec, which would not write this.
                let wire = self.socket.get_mut();
                if wire.write_all(kind.bytes()).await.is_err() || wire.flush().await.is_err() {
                    return Err(Outcome::Lost);
                }
                let ends = *kind == crate::frame::Malformed::Truncated;
                Ok(ends.then_some(Outcome::End(Ending::Drop)))
            }
        }
    }

    /// Hands a message to the codec, whose buffer is bounded: waits while the client does not read.
    async fn feed(&mut self, message: Message) -> Result<(), Outcome> {
        within(self.idle, self.socket.feed(message)).await
    }

    async fn flush(&mut self) -> Result<(), Outcome> {
        within(self.idle, self.socket.flush()).await
    }
}

/// Ends `timeout` after `since`; never, without one.
async fn idle(timeout: Option<Duration>, since: Instant) -> Duration {
    match timeout {
        Some(timeout) => {
            time::sleep_until(since + timeout).await;
            timeout
        }
        None => std::future::pending().await,
    }
}

/// A client that does not read for as long as it may be idle is lost: no close frame would reach it.
async fn within(timeout: Option<Duration>, sending: impl Future<Output = Result<(), Error>>) -> Result<(), Outcome> {
    let result = match timeout {
        Some(timeout) => time::timeout(timeout, sending).await.map_err(|_| Outcome::Lost)?,
        None => sending.await,
    };
    result.map_err(Outcome::from)
}
