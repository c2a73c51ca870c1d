//! The TCP stream of one connection, as hyper and the WebSocket codec see it. It can hold bytes back, so that the
//! answer to an upgrade and the first message leave in one segment, it counts what arrives, for the idle timeout, and it
//! reads ahead. Made by `accept`, taken back from hyper by `upgrade`.

use std::{
    cell::Cell,
    io, mem,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// So many bytes are read at a time.
const AHEAD: usize = 64 * 1024;

thread_local! {
    /// What the next connection reads into: each keeps it only while something in it is to be given yet.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Tells a [`Wire`] that is in hyper's hands to keep what is written to it. Travels with each request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hold(Arc<AtomicBool>);

impl Hold {
    /// From now on, keep.
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

#[derive(Debug)]
pub(crate) struct Wire {
    tcp: TcpStream,
    hold: Hold,
    held: Vec<u8>,
    received: u64,
    ahead: Ahead,
}

/// Bytes that were read before anybody asked for them: asking the system for every few kilobytes costs more than they do. It has
/// memory only while there are any.
#[derive(Debug, Default)]
struct Ahead {
    buffer: Vec<u8>,
    given: usize,
    end: usize,
}

impl Ahead {
    const fn len(&self) -> usize {
        self.end - self.given
    }

    /// Reads what there is, when there is nothing left; the number of bytes.
    fn fill(&mut self, tcp: Pin<&mut TcpStream>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut buffer = SPARE.take();
        buffer.resize(AHEAD, 0);
        let mut read = ReadBuf::new(&mut buffer);
        let polled = tcp.poll_read(cx, &mut read);
        let end = read.filled().len();
        *self = Self { buffer, given: 0, end };
        if end == 0 {
            self.spare();
        }
        polled.map_ok(|()| end)
    }

    fn give(&mut self, buf: &mut ReadBuf<'_>) {
        let count = self.len().min(buf.remaining());
        buf.put_slice(&self.buffer[self.given..self.given + count]);
        self.given += count;
        if count > 0 && self.len() == 0 {
            self.spare();
        }
    }

    fn spare(&mut self) {
        SPARE.set(mem::take(&mut self.buffer));
    }
}

impl Wire {
    pub(crate) fn new(tcp: TcpStream, hold: Hold) -> Self {
        Self {
            tcp,
            hold,
            held: Vec::new(),
            received: 0,
            ahead: Ahead::default(),
        }
    }

    /// Stops holding, and gives out what was kept.
    pub(crate) fn release(&mut self) -> Vec<u8> {
        self.hold.0.store(false, Ordering::Release);
        mem::take(&mut self.held)
    }

    /// Bytes that have arrived so far.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// The stream itself, for socket options and readiness.
    pub(crate) fn tcp(&self) -> &TcpStream {
        &self.tcp
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.ahead.len() == 0 {
            this.received += ready!(this.ahead.fill(Pin::new(&mut this.tcp), cx))? as u64;
        }
        this.ahead.give(buf);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.hold.is_set() {
            // Only ever the head of one response: a bounded amount.
            self.held.extend_from_slice(bytes);
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(&mut self.tcp).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    #[tokio::test]
    async fn what_is_read_ahead_comes_in_its_order_and_leaves_no_memory_behind() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let mut other = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let mut wire = Wire::new(listener.accept().await.unwrap().0, Hold::default());
        let sent: Vec<u8> = (0..300_000_u32).map(|n| (n % 251) as u8).collect();
        let all = sent.clone();
        let sending = tokio::spawn(async move {
            other.write_all(&all).await.unwrap();
            other
        });

        let mut got = Vec::new();
        let mut most_ahead = 0;
        let mut piece = [0; 1000];
        while got.len() < sent.len() {
            let count = wire.read(&mut piece).await.unwrap();
            got.extend_from_slice(&piece[..count]);
            most_ahead = most_ahead.max(wire.ahead.len());
            assert!(wire.received() >= got.len() as u64);
        }
        assert!(got == sent);
        assert_eq!(wire.received(), sent.len() as u64);
        assert!(most_ahead > 0 && most_ahead <= AHEAD, "{most_ahead}");

        let other = sending.await.unwrap();
        let is_pending = poll_fn(|cx| {
            Poll::Ready(
                Pin::new(&mut wire)
                    .poll_read(cx, &mut ReadBuf::new(&mut piece))
                    .is_pending(),
            )
        })
        .await;
        assert!(is_pending);
        assert_eq!(wire.ahead.buffer.capacity(), 0);
        drop(other);
        assert_eq!(wire.read(&mut piece).await.unwrap(), 0);
    }
}
