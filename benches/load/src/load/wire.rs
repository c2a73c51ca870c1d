//! One connection, as frames. The handshake is tokio-tungstenite's; past it frames are written and read here: the load must
//! cost much less than the server, or it is the load that is measured.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;

use anyhow::{Context, Result, bail};
use tokio::io::Interest;
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderValue, header};

pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// What is read at once: little where there are thousands of connections, until one needs more.
const LEAST_READ: usize = 1024;
const MOST_READ: usize = 256 * 1024;

pub(crate) struct Wire {
    tcp: TcpStream,
    input: Vec<u8>,
    /// What of it is read and not yet taken.
    unread: Range<usize>,
    output: Vec<u8>,
    /// How much of it is written.
    written: usize,
}

impl Wire {
    /// Opens a WebSocket, with a subprotocol where one is given. There are some 28,000 ports to an address, so that many
    /// connections need several: `from` is one of this machine's.
    pub(crate) async fn open(url: &str, protocol: Option<&'static str>, from: Ipv4Addr) -> Result<Self> {
        let mut request = url.into_client_request()?;
        let authority = request.uri().authority().context("a URL without an address")?;
        let to: SocketAddr = authority
            .as_str()
            .parse()
            .context("the URL must have an address and a port, in numbers")?;
        let socket = TcpSocket::new_v4()?;
        socket.bind((from, 0).into())?;
        let tcp = socket.connect(to).await?;
        tcp.set_nodelay(true)?;
        if let Some(protocol) = protocol {
            let offer = HeaderValue::from_static(protocol);
            request.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, offer);
        }
        // No server of ours says anything before its client does: nothing is lost with the codec's buffer.
        let (socket, _) = tokio_tungstenite::client_async(request, tcp).await?;
        Ok(Self {
            tcp: socket.into_inner(),
            input: vec![0; LEAST_READ],
            unread: 0..0,
            output: Vec::new(),
            written: 0,
        })
    }

    /// Puts a frame into what is to be written.
    pub(crate) fn push(&mut self, opcode: u8, payload: &[u8]) {
        push(&mut self.output, opcode, payload);
    }

    /// Puts frames there that are whole already.
    pub(crate) fn push_whole(&mut self, frames: &[u8]) {
        self.output.extend_from_slice(frames);
    }

    /// Writes, and reads something. Never waits for the one without the other: two ends that only write would wait for ever.
    pub(crate) async fn exchange(&mut self) -> Result<()> {
        self.make_room();
        loop {
            let interest = if self.write()? {
                Interest::READABLE
            } else {
                Interest::READABLE | Interest::WRITABLE
            };
            match self.tcp.try_read(&mut self.input[self.unread.end..]) {
                Ok(0) => bail!("the server has ended the connection"),
                Ok(count) => {
                    self.unread.end += count;
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
            self.tcp.ready(interest).await?;
        }
    }

    /// The next message that was read whole: its opcode and its payload. Pings are answered.
    pub(crate) fn next(&mut self) -> Result<Option<(u8, &[u8])>> {
        while let Some((opcode, payload)) = frame(&self.input[self.unread.clone()])? {
            let payload = self.unread.start + payload.start..self.unread.start + payload.end;
            self.unread.start = payload.end;
            match opcode {
                TEXT | BINARY => return Ok(Some((opcode, &self.input[payload]))),
                PING => push(&mut self.output, PONG, &self.input[payload]),
                PONG => {}
                CLOSE => bail!("the server closes: {:?}", String::from_utf8_lossy(&self.input[payload])),
                _ => bail!("a frame of kind {opcode}, which nobody asked for"),
            }
        }
        Ok(None)
    }

    /// Writes what can be written. Whether that is all.
    fn write(&mut self) -> Result<bool> {
        while self.written < self.output.len() {
            match self.tcp.try_write(&self.output[self.written..]) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
        self.output.clear();
        self.written = 0;
        Ok(true)
    }

    fn make_room(&mut self) {
        let is_full = self.unread.end == self.input.len();
        let rest = self.unread.len();
        self.input.copy_within(self.unread.clone(), 0);
        self.unread = 0..rest;
        if rest == self.input.len() || (is_full && self.input.len() < MOST_READ) {
            self.input.resize(self.input.len() * 2, 0);
        }
    }
}

/// A client's frame. The mask is of zeros: the server undoes it like any other.
pub(crate) fn push(output: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    output.push(0x80 | opcode);
    match payload.len() {
        length @ 0..=125 => output.push(0x80 | length as u8),
        length @ 126..=0xffff => {
            output.push(0x80 | 126);
            output.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            output.push(0x80 | 127);
            output.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    output.extend_from_slice(&[0; 4]);
    output.extend_from_slice(payload);
}

/// The first frame of a server's, if it is there whole: its opcode, and where its payload is.
fn frame(bytes: &[u8]) -> Result<Option<(u8, Range<usize>)>> {
    let [first, second, rest @ ..] = bytes else {
        return Ok(None);
    };
    if first & 0xf0 != 0x80 || second & 0x80 != 0 {
        bail!("a frame in fragments, of an extension, or masked");
    }
    let (header, length) = match (second, rest) {
        (126, [a, b, ..]) => (4, u64::from(u16::from_be_bytes([*a, *b]))),
        (127, [a, b, c, d, e, f, g, h, ..]) => (10, u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h])),
        (126 | 127, _) => return Ok(None),
        (length, _) => (2, u64::from(*length)),
    };
    let end = usize::try_from(length)
        .ok()
        .and_then(|length| length.checked_add(header));
    let end = end.context("a frame larger than any memory")?;
    Ok((end <= bytes.len()).then_some((first & 0xf, header..end)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_frame_is_found_once_it_is_whole() {
        for length in [0_usize, 125, 126, 0xffff, 0x10000] {
            let mut bytes = match length {
                0..=125 => vec![0x81, length as u8],
                126..=0xffff => [&[0x81, 126][..], &(length as u16).to_be_bytes()].concat(),
                _ => [&[0x81, 127][..], &(length as u64).to_be_bytes()].concat(),
            };
            let header = bytes.len();
            bytes.resize(header + length, b'x');
            assert_eq!(frame(&bytes).unwrap(), Some((TEXT, header..header + length)));
            for end in [0, 1, header - 1, header + length - 1] {
                assert_eq!(frame(&bytes[..end]).unwrap(), None, "{length}, {end}");
            }
            bytes.push(0x81);
            assert_eq!(frame(&bytes).unwrap(), Some((TEXT, header..header + length)));
        }
        for odd in [[0x01, 0], [0xc1, 0], [0x81, 0x80]] {
            assert!(frame(&odd).is_err());
        }
    }
}
