//! What an application is told of a session beside its messages.

use std::string::String;
use std::sync::Arc;
use std::vec::Vec;

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::core::Core;
use crate::codec::Payload;

/// Something that happened to a session.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// Its connection is lost. It waits for the next one, for the resume time at most; what is sent meanwhile waits with it.
    Detached,
    /// It has a connection again.
    Resumed,
    /// It has ended. The last event.
    Ended(Ended),
}

/// How a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ended {
    /// The code of the BYE of either side, or of the close: 1006 where the client did not come back in time, 4400 and 4413
    /// where it broke a rule, 4409 where the session went on in another process, 4429 where it made room for others.
    pub code: u16,
    /// The reason.
    pub reason: String,
    /// The messages that were sent and that the client's application has not taken, as far as anybody knows. Where the session
    /// went on in another process: those that did not go with it.
    pub unacknowledged: Vec<Payload>,
}

/// The events of a session, from [`Session::events`](super::Session::events) on.
///
/// Up to 64 wait for a slow reader, who misses the oldest of those beyond, but never the end.
pub struct Events {
    core: Arc<Core>,
    events: Option<broadcast::Receiver<Event>>,
    is_over: bool,
}

impl Events {
    pub(super) fn new(core: &Arc<Core>) -> Self {
        Self {
            core: core.clone(),
            events: core.subscribe(),
            is_over: false,
        }
    }

    /// The next event; `None` after [`Event::Ended`].
    pub async fn next(&mut self) -> Option<Event> {
        while let Some(events) = &mut self.events {
            match events.recv().await {
                Ok(event) => return Some(event),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => self.events = None,
            }
        }
        if std::mem::replace(&mut self.is_over, true) {
            return None;
        }
        let end = self.core.ended().await;
        Some(Event::Ended(Ended::clone(&end)))
    }
}
