//! The server's half of a session, as scenarios drive it.

use std::time::Duration;

use tautline::proto::{Admission, Time};
use tautline::session::{Chunk, Control, Event, Frame, Hello, Link, Output, Server, Settings, Welcome};

pub(crate) const LINK: Link = 7;

pub(crate) fn at(millis: u64) -> Time {
    Time::from_millis(1_000_000 + millis)
}

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) fn settings() -> Settings {
    Settings {
        window: 8,
        max_message: 1000,
        resume: ms(60_000),
        heartbeat: ms(10_000),
        probe: ms(2_000),
        ..Settings::default()
    }
}

pub(crate) fn hello(token: &str, attempt: u64) -> Hello {
    Hello {
        token: token.into(),
        limit: 20,
        attempt,
        max_message: 100,
        ..Hello::default()
    }
}

pub(crate) fn begun() -> (Server, Welcome) {
    Server::new(settings(), &hello("", 1), "chat".into(), LINK, at(0))
}

pub(crate) fn server() -> Server {
    begun().0
}

pub(crate) fn outputs(server: &mut Server) -> Vec<Output> {
    std::iter::from_fn(|| server.poll()).collect()
}

pub(crate) fn frames(server: &mut Server, link: Link, now: Time) -> Vec<Frame> {
    std::iter::from_fn(|| server.next_frame(link, now)).collect()
}

pub(crate) fn ack(taken: u64, limit: u64) -> Control {
    Control::Ack { taken, limit }
}

pub(crate) fn sends(server: &mut Server, count: usize) {
    for _ in 0..count {
        assert_eq!(server.admits(10), Admission::Accept);
        server.send(10);
    }
}

pub(crate) fn chunk(frames: &[Frame]) -> Option<&Chunk> {
    frames.iter().find_map(|frame| match frame {
        Frame::Chunk(chunk) => Some(chunk),
        Frame::Control(_) => None,
    })
}

pub(crate) fn ended(code: u16, reason: &str) -> Output {
    Output::Tell(Event::Ended {
        code,
        reason: reason.into(),
    })
}
