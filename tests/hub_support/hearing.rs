//! Whole conversations, mostly damaged, of several connections at once with one hub, which has to bear them; and meanwhile an
//! application, timers and ends that come whenever they like. Nothing but the frames decides on all of that, so that what finds
//! something can be kept.

use std::time::Duration;

use tautline::hub::{Entrance, Peer, Quotas, Rules, Stats, TOKEN_BYTES};
use tautline::proto::Time;
use tautline::session::frame::decode_text;
use tautline::session::{Fault, FromClient, FromServer, Link, Settings};

use super::driver::{Driver, News};
use crate::session_support::frames::Frame;
use crate::session_support::random::Random;

/// Connections at a time.
const LINKS: usize = 3;

struct Hearing {
    random: Random,
    driver: Driver<usize>,
    links: Vec<Link>,
    /// Of all sessions that ever began.
    tokens: Vec<String>,
    delivered: usize,
}

/// A hub hears all of this. How many messages it delivers; an error or a panic says what it does wrong.
pub(crate) fn hub_hears(said: &[Frame]) -> Result<usize, String> {
    let bytes = said.iter().flat_map(Frame::bytes);
    let seed = bytes.fold(said.len() as u64, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    });
    let mut hearing = Hearing {
        random: Random::new(seed),
        driver: Driver::new(rules()),
        links: Vec::new(),
        tokens: Vec::new(),
        delivered: 0,
    };
    let mut now = 1_000;
    for frame in said {
        now += hearing.random.pick(&[0, 0, 1, 30, 200]);
        hearing.driver.hub.tell_time(Time::from_millis(now));
        for _ in 0..hearing.random.below(4) {
            hearing.something_happens();
            hearing.acts()?;
        }
        hearing.hears(frame);
        hearing.acts()?;
    }
    hearing.ends(now)
}

fn rules() -> Rules {
    Rules {
        settings: Settings {
            window: 16,
            max_message: 1 << 16,
            resume: Duration::from_millis(300),
            heartbeat: Duration::from_millis(50),
            probe: Duration::from_millis(20),
            outbox_messages: 8,
            outbox_bytes: 1000,
        },
        handshake_timeout: Duration::from_millis(100),
        close_timeout: Duration::from_millis(60),
        protocols: None,
        quotas: Quotas {
            sessions: 3,
            per_principal: 2,
            ..Quotas::default()
        },
        max_detached_bytes: 300,
        max_held_bytes: 500,
        ..Rules::default()
    }
}

impl Hearing {
    fn hears(&mut self, frame: &Frame) {
        if self.links.len() < LINKS && (self.links.is_empty() || self.random.one_in(2)) {
            let peer = Peer {
                principal: self.random.pick(&[None, Some("ann")]).map(String::from),
                ..Peer::default()
            };
            let entrance = if self.random.one_in(20) {
                Entrance::Foreign
            } else {
                Entrance::Listed
            };
            self.links.push(self.driver.connect(peer, entrance));
        }
        let link = self.random.pick(&self.links);
        match frame {
            Frame::Text(text) => match decode_text(text) {
                Ok((first, messages)) => self.driver.batch(link, first, messages.map(str::len).collect()),
                Err(fault) => self.driver.hub.fail(link, fault.into()),
            },
            Frame::Binary(bytes) => {
                let mut bytes = bytes.clone();
                if let Ok(FromClient::Hello(mut hello)) = FromClient::decode(&bytes)
                    && let Some(token) = self.some_token()
                {
                    // One that is known, else nobody comes back.
                    hello.token = token;
                    hello.attempt = self.random.below(9);
                    bytes = hello.encode();
                }
                let random = self.token_bytes();
                self.driver.binary(link, &bytes, random);
            }
        }
    }

    fn some_token(&mut self) -> Option<String> {
        let count = self.tokens.len() as u64;
        (count > 0 && !self.random.one_in(3)).then(|| self.tokens[self.random.below(count) as usize].clone())
    }

    fn token_bytes(&mut self) -> [u8; TOKEN_BYTES] {
        let mut bytes = [0; TOKEN_BYTES];
        for part in bytes.chunks_mut(8) {
            part.copy_from_slice(&self.random.next().to_be_bytes());
        }
        bytes
    }

    fn something_happens(&mut self) {
        let sessions: Vec<_> = self.driver.sessions.keys().copied().collect();
        // One that there never was, too.
        let session = self.random.pick(&[&sessions[..], &[77_777]].concat());
        let link = self.random.pick(&[&self.links[..], &[77_777]].concat());
        let code = self
            .random
            .pick(&[1000, 1001, 1002, 1005, 1006, 1007, 1009, 3000, 4000, 4400, 4413, 65_535]);
        let hub = &mut self.driver.hub;
        match self.random.below(60) {
            0..12 => {
                let size = self.random.pick(&[0, 1, 9, 200, 2000]);
                self.driver.send(session, size);
            }
            12..22 => drop(self.driver.take(session)),
            22..30 if self.driver.awaits_turn => self.driver.turn_ended(),
            30..38 => hub.timer(),
            38..41 => hub.blocked(link),
            41..44 => hub.unblocked(link),
            44..46 => hub.alive(link),
            46 => hub.close(session, code, "enough"),
            47 => hub.fail_session(session, code, "failed"),
            48 => hub.terminate(session),
            49..52 => {
                self.links.retain(|&other| other != link);
                self.driver.closed(link, code, "gone");
            }
            52 => hub.broken(link, 1007, "bad"),
            53 => hub.fail(link, Fault::Malformed),
            54 => hub.choose(link, "chat"),
            55 if self.random.one_in(20) => hub.forget(),
            56 if self.random.one_in(20) => hub.detach(),
            58 => {
                let bytes = self.random.pick(&[0, 50, 1000]);
                self.driver.waiting(session, bytes);
            }
            57 if self.random.one_in(20) => hub.bye(code, "the end", Duration::from_millis(50)),
            _ => {}
        }
    }

    /// All that is to be done, done.
    fn acts(&mut self) -> Result<(), String> {
        while let Some(news) = self.driver.next() {
            match news {
                News::Choose(link, protocols) if self.random.one_in(2) => {
                    let chosen = self.random.below(protocols.len() as u64) as usize;
                    self.driver.hub.choose(link, &protocols[chosen]);
                }
                News::Frame(_, bytes) => match FromServer::decode(&bytes) {
                    Ok(FromServer::Welcome(welcome)) => self.tokens.push(welcome.token),
                    Ok(FromServer::Control(_)) => {}
                    other => return Err(format!("the hub says {other:?}")),
                },
                News::Messages { messages, .. } if messages.is_empty() => return Err("a frame of no messages".into()),
                News::Delivered(_, count) => self.delivered += count,
                News::Closed(link, ..) => self.links.retain(|&other| other != link),
                _ => {}
            }
        }
        self.driver.check();
        let stats = self.driver.hub.stats();
        if stats.sessions > 3 || stats.detached_bytes > 300 {
            return Err(format!("{stats:?}"));
        }
        Ok(())
    }

    /// Everybody goes: nothing is left.
    fn ends(mut self, now: u64) -> Result<usize, String> {
        for link in std::mem::take(&mut self.links) {
            self.driver.closed(link, 1006, "");
        }
        self.acts()?;
        // The last ends may be told for the resume time.
        for step in 1..=5 {
            if self.driver.awaits_turn {
                self.driver.turn_ended();
            }
            self.driver.hub.tell_time(Time::from_millis(now + 100 * step));
            self.driver.hub.timer();
            self.acts()?;
        }
        match (self.driver.hub.stats(), self.driver.hub.deadline()) {
            (stats, None) if stats == Stats::default() => Ok(self.delivered),
            left => Err(format!("something is left: {left:?}")),
        }
    }
}
