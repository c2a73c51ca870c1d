//! WebSocket frames as bytes, for what the codec would not write: the first message in the same segment as the
//! handshake, and frames that no server may send. Used by `upgrade` and `echo`.

use crate::query::BadQuery;

/// A way to break the WebSocket protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Malformed {
    Opcode,
    Rsv,
    Utf8,
    Masked,
    Control,
    Continuation,
    Oversize,
    Truncated,
}

impl Malformed {
    const ALL: [(&str, Self); 8] = [
        ("opcode", Self::Opcode),
        ("rsv", Self::Rsv),
        ("utf8", Self::Utf8),
        ("masked", Self::Masked),
        ("control", Self::Control),
        ("continuation", Self::Continuation),
        ("oversize", Self::Oversize),
        ("truncated", Self::Truncated),
    ];

    pub(crate) fn parse(kind: &str) -> Result<Self, BadQuery> {
        Self::ALL
            .iter()
            .find(|(name, _)| *name == kind)
            .map(|&(_, kind)| kind)
            .ok_or_else(|| {
                let kinds = Self::ALL.map(|(name, _)| name).join(", ");
                BadQuery::new(format!("`malformed={kind}`: must be one of {kinds}"))
            })
    }

    /// The bytes to send. First byte: FIN 0x80, RSV1 0x40, opcode (1 text, 9 ping); second: MASK 0x80, length.
    pub(crate) fn bytes(self) -> &'static [u8] {
        match self {
            // Opcode 3 is reserved.
            Self::Opcode => b"\x83\x02hi",
            // RSV1 belongs to an extension, and none was negotiated.
            Self::Rsv => b"\xc1\x02hi",
            // A text whose bytes are no UTF-8.
            Self::Utf8 => b"\x81\x02\xff\xfe",
            // Only clients mask. A mask of zeros leaves the payload readable.
            Self::Masked => b"\x81\x82\0\0\0\0hi",
            // A ping in fragments.
            Self::Control => b"\x09\x02hi",
            // The continuation of nothing.
            Self::Continuation => b"\x80\x02hi",
            // A text of 2^62 bytes, of which two come.
            Self::Oversize => b"\x81\x7f\x40\0\0\0\0\0\0\0hi",
            // A text of 100 bytes, of which two come; the end of the stream follows.
            Self::Truncated => b"\x81\x64hi",
        }
    }
}

/// A text message in one frame, as a server sends it.
pub(crate) fn text(payload: &str) -> Vec<u8> {
    let mut frame = vec![0x81];
    let length = payload.len();
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(length @ 0..=125), _) => frame.push(length),
        (_, Ok(length)) => {
            frame.push(126);
            frame.extend_from_slice(&length.to_be_bytes());
        }
        _ => {
            frame.push(127);
            frame.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(payload.as_bytes());
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_frame_has_the_shortest_length_that_fits() {
        assert_eq!(text(""), [0x81, 0]);
        assert_eq!(text("hi"), [0x81, 2, b'h', b'i']);
        assert_eq!(text(&"x".repeat(125))[..2], [0x81, 125]);
        assert_eq!(text(&"x".repeat(126))[..4], [0x81, 126, 0, 126]);
        assert_eq!(text(&"x".repeat(65535))[..4], [0x81, 126, 0xff, 0xff]);
        assert_eq!(text(&"x".repeat(65536))[..10], [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
        assert_eq!(text(&"x".repeat(65536)).len(), 65546);
    }
}
