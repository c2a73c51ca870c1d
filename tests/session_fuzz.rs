//! Damaged frames and conversations for as long as one likes: `cargo xtask fuzz --minutes 10`. A normal run takes a second.
//!
//! Whatever makes a decoder, one half of a session or a hub panic, or lose its bounds, is written to `tests/corpus/frames/`, where
//! `session_frames.rs` runs it every time.
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

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};
use std::{env, panic, thread};

use session_support::frames::{Frame, any, damage, judge};
use session_support::random::Random;
use session_support::{corpus, traffic};

/// Rounds of a run that nobody has given any time.
const ROUNDS: u64 = 10_000;
/// Nobody reads more.
const MOST_FINDS: usize = 20;

#[test]
fn nothing_that_arrives_does_harm() {
    let minutes: Option<u64> = env::var("TAUTLINE_FUZZ_MINUTES")
        .ok()
        .map(|minutes| minutes.parse().expect("a number of minutes"));
    let started = Instant::now();
    let end = minutes.map(|minutes| started + Duration::from_secs(60 * minutes));
    // A long run looks where none has looked before.
    let first = end.map_or(0, |_| {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        since.map_or(0, |since| since.as_micros() as u64)
    });
    let rounds = AtomicU64::new(0);
    let finds = Mutex::new(Vec::new());
    let work = |speaks: bool| {
        let mut told = started;
        loop {
            let round = rounds.fetch_add(1, Ordering::Relaxed);
            let is_over = match end {
                Some(end) => Instant::now() >= end,
                None => round >= ROUNDS,
            };
            let mut so_far = finds.lock().expect("nobody panics with it");
            if is_over || so_far.len() >= MOST_FINDS {
                return;
            }
            if speaks && told.elapsed() > Duration::from_secs(5) {
                told = Instant::now();
                let (seconds, count) = (started.elapsed().as_secs(), so_far.len());
                eprintln!("{round} rounds in {seconds} s, {count} finds");
            }
            drop(so_far);
            for find in tries(first + round) {
                so_far = finds.lock().expect("nobody panics with it");
                so_far.push(find);
                drop(so_far);
            }
        }
    };
    thread::scope(|scope| {
        let workers = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        for worker in 0..workers {
            let work = &work;
            scope.spawn(move || work(worker == 0));
        }
    });
    let finds = finds.into_inner().expect("nobody panics with it");
    println!("{} rounds from {first} on, {} finds", rounds.into_inner(), finds.len());
    assert!(finds.is_empty(), "{finds:#?}");
}

/// One round: a frame, and a conversation. What went wrong, and where it is kept.
fn tries(seed: u64) -> Vec<String> {
    let mut random = Random::new(seed);
    let mut finds = Vec::new();
    for _ in 0..20 {
        let frame = any(&mut random);
        let bytes = damage(&mut random, frame.bytes());
        let frame = frame.with_bytes(bytes);
        finds.extend(find(seed, "frame", std::slice::from_ref(&frame), |frames| {
            judge(&frames[0])
        }));
    }
    let said = traffic::conversation(&mut random);
    finds.extend(find(seed, "server", &said, |said| {
        traffic::server_hears(said).map(drop)
    }));
    finds.extend(find(seed, "client", &said, |said| {
        traffic::client_hears(said).map(drop)
    }));
    #[cfg(feature = "hub")]
    {
        // Several clients, one after the other and at the same time.
        let said: Vec<_> = (0..4).flat_map(|_| traffic::conversation(&mut random)).collect();
        finds.extend(find(seed, "hub", &said, |said| {
            hub_support::hearing::hub_hears(said).map(drop)
        }));
    }
    finds
}

fn find(
    seed: u64,
    what: &str,
    frames: &[Frame],
    check: impl Fn(&[Frame]) -> Result<(), String> + panic::RefUnwindSafe,
) -> Option<String> {
    let wrong = match panic::catch_unwind(|| check(frames)) {
        Ok(Ok(())) => return None,
        Ok(Err(wrong)) => wrong,
        Err(cause) => {
            let words = cause.downcast_ref::<String>().map(String::as_str);
            let words = words.or_else(|| cause.downcast_ref::<&str>().copied());
            format!("panic: {}", words.unwrap_or_default())
        }
    };
    let words = format!("Found at {seed}, {what}: {wrong}");
    let path = corpus::write(&format!("find-{what}-{seed}"), &words, frames);
    eprintln!("{words}\nkept in {}", path.display());
    Some(words)
}
