//! Talks `tautline.v1`: messages in frames, acknowledgements, and an answer to every PING. What a client owes is the crate's own
//! `session::Client`; there are no cuts here, so that nothing is ever resumed.

use std::time::Instant;

use anyhow::{Context, Result, bail};
use tautline::proto::Time;
use tautline::session::{Client, Control, Fault, FromServer, Malformed, frame};

use super::texts::Texts;
use super::wire::{BINARY, TEXT, Wire};

/// As large as a page's, by default.
const WINDOW: u64 = 4096;
const MAX_MESSAGE: u64 = 64 << 20;

pub(crate) struct Durable {
    client: Client,
    texts: Texts,
    /// Messages that the server has acknowledged, and messages that came back.
    released: u64,
    received: u64,
    /// The nonce of a PING that is to be answered.
    pong: Option<u64>,
    pings: u64,
    sizes: Vec<usize>,
    started: Instant,
}

impl Durable {
    pub(crate) fn new(texts: Texts, wire: &mut Wire) -> Self {
        let mut client = Client::new(WINDOW, MAX_MESSAGE, Vec::new());
        wire.push(BINARY, &client.hello());
        Self {
            client,
            texts,
            released: 0,
            received: 0,
            pong: None,
            pings: 0,
            sizes: Vec::new(),
            started: Instant::now(),
        }
    }

    /// Sends so many messages more, as soon as the server's limit lets them go; and whatever else is due.
    pub(crate) fn send(&mut self, count: usize, wire: &mut Wire) -> Result<()> {
        let Client { outgoing, incoming, .. } = &mut self.client;
        for _ in 0..count {
            outgoing.push(self.texts.size());
        }
        if let Some(nonce) = self.pong.take() {
            wire.push(BINARY, &Control::Pong(nonce).encode());
        }
        let now = Time::from_micros(self.started.elapsed().as_micros() as u64);
        if incoming.is_much() || incoming.ack_due().is_some_and(|due| due <= now) {
            let (taken, limit) = incoming.tell();
            wire.push(BINARY, &Control::Ack { taken, limit }.encode());
        }
        if !self.client.has_session() {
            return Ok(());
        }
        while let Some(chunk) = self.client.outgoing.next_chunk() {
            let first = self.released + chunk.offset as u64;
            let texts = (first..first + chunk.count as u64).map(|n| self.texts.text(n));
            let frame = frame::encode_text(chunk.first, texts).context("a text with U+001E in it")?;
            wire.push(TEXT, frame.as_bytes());
        }
        Ok(())
    }

    /// How many messages a frame has. They are the next ones, and are taken at once.
    pub(crate) fn receive(&mut self, opcode: u8, payload: &[u8]) -> Result<usize> {
        if opcode == BINARY {
            self.control(payload)?;
            return Ok(0);
        }
        let (first, messages) = frame::decode_text(str::from_utf8(payload)?).map_err(malformed)?;
        self.sizes.clear();
        for message in messages {
            self.texts.check(self.received, message.as_bytes())?;
            self.received += 1;
            self.sizes.push(message.len());
        }
        let count = self.sizes.len();
        let duplicates = self.client.incoming.arrive(first, &self.sizes).map_err(broken)?;
        if duplicates > 0 {
            bail!("{duplicates} messages a second time, without a cut");
        }
        let now = Time::from_micros(self.started.elapsed().as_micros() as u64);
        self.client.incoming.take(count, now);
        Ok(count)
    }

    /// PINGs so far.
    pub(crate) const fn pings(&self) -> u64 {
        self.pings
    }

    /// Messages that came back so far.
    pub(crate) const fn received(&self) -> u64 {
        self.received
    }

    fn control(&mut self, payload: &[u8]) -> Result<()> {
        match FromServer::decode(payload).map_err(malformed)? {
            FromServer::Welcome(welcome) => {
                self.client.welcome(welcome, false).map_err(broken)?;
            }
            FromServer::Control(Control::Ack { taken, limit }) => {
                let released = self.client.outgoing.acknowledge(taken, limit).map_err(broken)?;
                self.released += released as u64;
            }
            FromServer::Control(Control::Ping(nonce)) => {
                self.pong = Some(nonce);
                self.pings += 1;
            }
            FromServer::Control(Control::Pong(_)) => {}
            FromServer::Control(Control::Bye(bye)) => bail!("the server ends the session: {} {}", bye.code, bye.reason),
            FromServer::Batch(_) => bail!("bytes, where text was sent"),
        }
        Ok(())
    }
}

fn malformed(_: Malformed) -> anyhow::Error {
    anyhow::Error::msg("the server sends what is no frame")
}

fn broken(fault: Fault) -> anyhow::Error {
    anyhow::Error::msg(format!("the server breaks a rule: {}", fault.reason()))
}
