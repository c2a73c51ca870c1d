//! Frames of durable sessions: what goes in comes out, whatever arrives is judged without a panic, and the examples of the
//! specification are what they say.
//!
//! Random frames have a seed, which a failure prints: `TAUTLINE_SEED=… cargo test --test session_frames` takes that one
//! alone. `tests/corpus/frames/` has frames that are worth a look every time, and finds of `cargo xtask fuzz`.
#![cfg(not(target_arch = "wasm32"))]

#[cfg(feature = "hub")]
#[allow(dead_code, reason = "each test binary uses some of it")]
mod hub_support {
    pub(crate) mod driver;
    pub(crate) mod hearing;
}
#[allow(dead_code, reason = "each test binary uses some of it")]
mod session_support {
    pub(crate) mod corpus;
    pub(crate) mod frames;
    #[path = "../support/random.rs"]
    pub(crate) mod random;
    pub(crate) mod traffic;
}

use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs, panic};

use session_support::frames::{Frame, KINDS, any, damage, hello, judge, kind_of, valid, welcome};
use session_support::random::Random;
use session_support::{corpus, traffic};
use tautline::session::frame::{decode_text, encode_text};
use tautline::session::{Batch, Control, FromClient, FromServer, Hello, Kind, LAST, Malformed, Part};

/// Does something with each of so many generators; a failure says which.
fn with_seeds(count: u64, check: impl Fn(&mut Random) + panic::RefUnwindSafe) {
    let one: Option<u64> = env::var("TAUTLINE_SEED")
        .ok()
        .map(|seed| seed.parse().expect("a number"));
    let seeds = one.map_or(0..count, |seed| seed..seed + 1);
    for seed in seeds {
        if let Err(cause) = panic::catch_unwind(|| check(&mut Random::new(seed))) {
            eprintln!("run it again with TAUTLINE_SEED={seed}");
            panic::resume_unwind(cause);
        }
    }
}

fn assert_judged(frame: &Frame) {
    assert_eq!(judge(frame), Ok(()), "{frame:x?}");
}

#[test]
fn what_is_encoded_decodes_to_itself() {
    with_seeds(5_000, |random| {
        let hello = hello(random);
        assert_eq!(FromClient::decode(&hello.encode()), Ok(FromClient::Hello(hello)));
        let welcome = welcome(random);
        assert_eq!(FromServer::decode(&welcome.encode()), Ok(FromServer::Welcome(welcome)));
        for kind in KINDS {
            let frame = valid(random, kind);
            assert_eq!(kind_of(&frame), Some(kind), "{frame:x?}");
            assert_judged(&frame);
        }
    });
}

#[test]
fn messages_come_out_as_they_went_in() {
    with_seeds(5_000, |random| {
        let messages: Vec<Vec<u8>> = (0..=random.below(8))
            .map(|_| vec![b'x'; random.pick(&[0, 1, 63, 64, 127, 128, 8191, 8192])])
            .collect();
        let kinds: Vec<_> = messages
            .iter()
            .map(|_| random.pick(&[Kind::Text, Kind::Bytes]))
            .collect();
        let parts = || messages.iter().zip(&kinds).map(|(bytes, &kind)| Part { kind, bytes });
        let frame = Batch::encode(5, parts());
        let Ok(FromClient::Batch(batch)) = FromClient::decode(&frame) else {
            panic!("no batch: {frame:x?}");
        };
        assert_eq!(batch.first, 5);
        assert!(batch.parts().eq(parts()));
        // Where each ends, for those who want views of the frame instead of copies.
        for (part, rest) in batch.places() {
            let end = frame.len() - rest;
            assert_eq!(&frame[end - part.bytes.len()..end], part.bytes);
        }

        let texts = messages.iter().map(|bytes| str::from_utf8(bytes).expect("ASCII"));
        let frame = encode_text(5, texts.clone()).expect("no separator in there");
        let (first, decoded) = decode_text(&frame).expect("a text frame");
        assert_eq!(first, 5);
        assert!(decoded.eq(texts));
    });
}

#[test]
fn a_text_with_a_separator_in_it_does_not_go_into_a_text_frame() {
    assert_eq!(encode_text(1, ["a", "b\u{1e}c"]), None);
}

#[test]
fn every_truncation_is_judged() {
    with_seeds(300, |random| {
        for kind in KINDS {
            let frame = valid(random, kind);
            for length in 0..frame.bytes().len() {
                let short = frame.with_bytes(frame.bytes()[..length].to_vec());
                assert_judged(&short);
                // Only messages may end sooner: a shorter text is a text, too, and a batch may lack its last ones.
                let may_be_one = matches!(kind, "TEXT" | "BATCH");
                assert!(may_be_one || kind_of(&short).is_none(), "{short:x?} passes");
            }
        }
    });
}

#[test]
fn every_change_of_a_byte_is_judged() {
    with_seeds(30, |random| {
        for kind in KINDS {
            let frame = valid(random, kind);
            for place in 0..frame.bytes().len().min(80) {
                for byte in 0..=255 {
                    let mut bytes = frame.bytes().to_vec();
                    bytes[place] = byte;
                    assert_judged(&frame.with_bytes(bytes));
                }
            }
        }
    });
}

#[test]
fn damaged_frames_are_judged() {
    with_seeds(50_000, |random| {
        let frame = any(random);
        let bytes = damage(random, frame.bytes());
        assert_judged(&frame.with_bytes(bytes.clone()));
        assert_judged(&Frame::Binary(bytes));
    });
}

#[test]
fn damaged_conversations_are_borne() {
    let delivered = [AtomicUsize::new(0), AtomicUsize::new(0)];
    with_seeds(5_000, |random| {
        let said = traffic::conversation(random);
        let heard = [traffic::server_hears(&said), traffic::client_hears(&said)];
        for (heard, delivered) in heard.into_iter().zip(&delivered) {
            let count = heard.unwrap_or_else(|wrong| panic!("{wrong}: {said:x?}"));
            delivered.fetch_add(count, Ordering::Relaxed);
        }
    });
    if env::var_os("TAUTLINE_SEED").is_none() {
        let delivered = delivered.map(AtomicUsize::into_inner);
        assert!(
            delivered.iter().all(|&count| count > 5_000),
            "messages get through: {delivered:?}"
        );
    }
}

#[cfg(feature = "hub")]
#[test]
fn a_hub_bears_damaged_conversations_of_several_clients() {
    let delivered = AtomicUsize::new(0);
    with_seeds(3_000, |random| {
        let said: Vec<_> = (0..4).flat_map(|_| traffic::conversation(random)).collect();
        let heard = hub_support::hearing::hub_hears(&said);
        let count = heard.unwrap_or_else(|wrong| panic!("{wrong}: {said:x?}"));
        delivered.fetch_add(count, Ordering::Relaxed);
    });
    if env::var_os("TAUTLINE_SEED").is_none() {
        let delivered = delivered.into_inner();
        assert!(delivered > 3_000, "messages get through: {delivered}");
    }
}

#[test]
fn the_corpus_is_borne() {
    let files = corpus::read();
    assert!(files.len() >= 3, "the corpus is there");
    for (name, frames) in files {
        for frame in &frames {
            assert_eq!(judge(frame), Ok(()), "{name}");
        }
        for heard in [traffic::server_hears(&frames), traffic::client_hears(&frames)] {
            assert!(heard.is_ok(), "{name}: {heard:?}");
        }
        #[cfg(feature = "hub")]
        {
            let heard = hub_support::hearing::hub_hears(&frames);
            assert!(heard.is_ok(), "{name}: {heard:?}");
        }
    }
}

// What is no frame

fn assert_malformed(frames: &[&[u8]]) {
    for frame in frames {
        assert_eq!(FromClient::decode(frame), Err(Malformed), "{frame:x?}");
        assert_eq!(FromServer::decode(frame), Err(Malformed), "{frame:x?}");
    }
}

#[test]
fn nothing_and_types_that_nobody_knows_are_malformed() {
    assert_malformed(&[&[], &[7, 0], &[0x80, 0], &[0xff]]);
    // What the other side says.
    assert_eq!(FromServer::decode(&Hello::default().encode()), Err(Malformed));
    assert_eq!(FromClient::decode(&[2, 0, 0, 0, 0, 0, 0, 1, 0]), Err(Malformed));
    assert!(FromServer::decode(&[2, 0, 0, 0, 0, 0, 0, 1, 0]).is_ok());
}

#[test]
fn numbers_have_their_shortest_form_and_an_end() {
    let pings: [&[u8]; 6] = [
        // 0, 1 and 127 with a byte too many.
        &[4, 0x80, 0x00],
        &[4, 0x81, 0x00],
        &[4, 0xff, 0x00],
        // 2^53 and more.
        &[4, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10],
        &[4, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
        // No end.
        &[4, 0x80],
    ];
    assert_malformed(&pings);
    let last = [4, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f];
    assert_eq!(FromClient::decode(&last), Ok(FromClient::Control(Control::Ping(LAST))));
}

#[test]
fn nothing_follows_what_has_an_end_but_a_greeting() {
    assert_malformed(&[&[3, 1, 1, 0], &[4, 1, 0], &[5, 1, 0], &[6, 1, 0, 0]]);
    with_seeds(100, |random| {
        let (hello, welcome) = (hello(random), welcome(random));
        let more = |mut bytes: Vec<u8>| {
            bytes.extend([1, 2, 3]);
            bytes
        };
        assert_eq!(
            FromClient::decode(&more(hello.encode())),
            Ok(FromClient::Hello(hello)),
            "room to grow"
        );
        assert_eq!(
            FromServer::decode(&more(welcome.encode())),
            Ok(FromServer::Welcome(welcome)),
            "room to grow"
        );
    });
}

#[test]
fn flags_that_nobody_knows_are_ignored() {
    with_seeds(100, |random| {
        let welcome = welcome(random);
        let mut bytes = welcome.encode();
        bytes[1] |= 0x7e;
        assert_eq!(FromServer::decode(&bytes), Ok(FromServer::Welcome(welcome)));
    });
}

#[test]
fn greetings_have_their_bounds() {
    let hello = |token: usize, protocols: usize, max_message: u64| {
        let hello = Hello {
            token: "x".repeat(token),
            max_message,
            protocols: vec![String::new(); protocols],
            ..Hello::default()
        };
        FromClient::decode(&hello.encode()).map(|_| ())
    };
    assert_eq!(hello(128, 32, 1), Ok(()));
    assert_eq!(hello(129, 0, 1), Err(Malformed), "a long token");
    assert_eq!(hello(0, 33, 1), Err(Malformed), "many subprotocols");
    assert_eq!(hello(0, 0, 0), Err(Malformed), "no message at all");
    let mut whole = Hello {
        max_message: 1,
        protocols: vec!["p".repeat(8_000)],
        ..Hello::default()
    }
    .encode();
    whole.resize(8_192, 0);
    assert!(FromClient::decode(&whole).is_ok(), "room to grow");
    whole.push(0);
    assert_eq!(FromClient::decode(&whole), Err(Malformed), "too much of it");
    assert_malformed(&[&[2, 0, 0, 0, 0, 0, 0, 0, 0]]);
}

#[test]
fn text_is_utf_8() {
    let cut: [&[u8]; 4] = [
        // Half of "ß", a surrogate, in a message, a token, a reason and a subprotocol.
        &[0, 1, 2, 0xc3],
        &[1, 3, 0xed, 0xa0, 0x80, 0, 0, 1, 1, 0],
        &[6, 0, 1, 0xff],
        &[1, 0, 0, 0, 1, 1, 1, 2, 0xc3, 0x28],
    ];
    assert_malformed(&cut);
    // The same bytes as bytes.
    assert!(FromClient::decode(&[0, 1, 3, 0xc3]).is_ok());
}

#[test]
fn a_batch_has_a_position_and_a_message() {
    assert_malformed(&[&[0], &[0, 0, 0], &[0, 1], &[0, 1, 4, b'a'], &[0, 1, 0, 4]]);
}

#[test]
fn a_text_frame_begins_with_a_position() {
    for frame in [
        "",
        "1",
        "\u{1e}a",
        "0\u{1e}a",
        "01\u{1e}a",
        "+1\u{1e}a",
        "-1\u{1e}a",
        " 1\u{1e}a",
        "1 \u{1e}a",
        "1.0\u{1e}a",
        "1e3\u{1e}a",
        "0x1\u{1e}a",
        "١\u{1e}a",
        "9007199254740992\u{1e}a",
        "99999999999999999999999\u{1e}a",
    ] {
        assert!(decode_text(frame).is_err(), "{frame:?}");
    }
    assert!(decode_text("9007199254740991\u{1e}a").is_ok());
    assert!(decode_text("1\u{1e}").is_ok(), "an empty message is one");
}

// The specification

#[test]
fn the_examples_of_the_specification_are_what_they_say() {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/PROTOCOL.md")).expect("the page is there");
    let mut seen = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let is_text = match line.trim() {
            "```hex" => false,
            "```hex text" => true,
            _ => continue,
        };
        let block: Vec<_> = lines.by_ref().take_while(|line| line.trim() != "```").collect();
        let (words, digits): (Vec<&str>, Vec<&str>) = block.iter().partition(|line| line.starts_with('#'));
        let title = words.first().expect("a block has a title");
        let name = title.trim_start_matches("# ").split(':').next().unwrap_or_default();
        let bytes = corpus::bytes(&digits.concat()).unwrap_or_else(|| panic!("{title}: pairs of digits"));
        let frame = if is_text {
            Frame::Text(String::from_utf8(bytes).expect("UTF-8"))
        } else {
            Frame::Binary(bytes)
        };
        assert_eq!(kind_of(&frame), Some(name), "{title}");
        assert_eq!(judge(&frame), Ok(()), "{title}");
        seen.push(name.to_owned());
    }
    for kind in KINDS {
        assert!(seen.iter().any(|name| name == kind), "{kind} has an example");
    }
}
