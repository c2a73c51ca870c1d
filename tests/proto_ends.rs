//! Which ends are final, what the application's own policy changes about that, and that each failure has its words.
#![cfg(not(target_arch = "wasm32"))]

mod support;

use support::{Rig, close, config, ms, secs};
use tautline::proto::{Failure, State};

const CODES_OF_API: [&str; 17] = [
    "closed",
    "aborted",
    "overflow",
    "decode",
    "encode",
    "too-big",
    "url",
    "timeout",
    "attempts",
    "refused",
    "protocol",
    "unsupported",
    "session-lost",
    "superseded",
    "unauthorized",
    "consumer",
    "wasm",
];

/// A socket that was open and ended with this.
fn ended(code: u16, retry: Option<bool>) -> Rig {
    let mut rig = Rig::open(config(), 1);
    rig.ends_with(code, retry);
    rig
}

#[test]
fn what_would_fail_again_is_final() {
    for (code, failure) in [
        (1002, Failure::Protocol),
        (1007, Failure::Protocol),
        (1009, Failure::TooBig),
    ] {
        assert_eq!(ended(code, None).end(), Some(&(close(code), Some(failure))));
    }
}

#[test]
fn every_other_end_is_retried() {
    for code in (1000..=1015).chain([3000, 3001, 3003, 4000, 4401, 4429, 4999]) {
        if !matches!(code, 1002 | 1007 | 1009) {
            assert_eq!(ended(code, None).state(), State::Waiting, "{code}");
        }
    }
}

#[test]
fn the_applications_policy_may_insist_on_coming_back() {
    for code in [1000, 1002, 1006, 1007, 1009, 1012, 1013, 3000, 4401, 4429] {
        assert_eq!(ended(code, Some(true)).state(), State::Waiting, "{code}");
    }
}

#[test]
fn the_applications_policy_may_refuse_to_come_back() {
    for code in [1000, 1002, 1006, 1009, 1012, 1013, 4401] {
        assert_eq!(
            ended(code, Some(false)).end(),
            Some(&(close(code), Some(Failure::Closed)))
        );
    }
    let mut rig = Rig::connecting(config(), 1);
    rig.ends_with(1006, Some(false));
    assert_eq!(rig.end(), Some(&(close(1006), Some(Failure::Closed))));
}

#[test]
fn insisting_does_not_override_the_number_of_attempts_or_no_policy_at_all() {
    let mut config = config();
    config.reconnect.as_mut().expect("set").max_attempts = Some(1);
    let mut rig = Rig::open(config.clone(), 1);
    rig.ends_with(1001, Some(true));
    assert_eq!(rig.end(), Some(&(close(1001), Some(Failure::Attempts))));

    config.reconnect = None;
    let mut rig = Rig::open(config, 1);
    rig.ends_with(1001, Some(true));
    assert_eq!(rig.end(), Some(&(close(1001), Some(Failure::Closed))));
}

#[test]
fn fresh_credentials_are_asked_for_once() {
    for code in [3000, 4401] {
        let mut config = config();
        config.ask_url = true;
        let mut rig = Rig::connecting(config, 1);
        rig.url_ready();
        rig.opens();
        rig.ends(code);
        assert_eq!(rig.state(), State::Waiting);
        rig.passes_until_attempt();
        assert!(rig.asking.is_some());
        rig.url_ready();
        rig.opens();
        rig.passes(ms(4_999));
        rig.ends(code);
        assert_eq!(rig.end(), Some(&(close(code), Some(Failure::Unauthorized))));
    }
}

#[test]
fn a_failure_in_between_does_not_renew_the_credentials_chance() {
    let mut rig = ended(4401, None);
    rig.passes_until_attempt();
    rig.refuses();
    rig.passes_until_attempt();
    rig.opens();
    rig.ends(3000);
    assert_eq!(rig.end().and_then(|end| end.1), Some(Failure::Unauthorized));
}

#[test]
fn a_stable_connection_renews_the_credentials_chance() {
    let mut rig = ended(4401, None);
    for _ in 0..3 {
        rig.passes_until_attempt();
        rig.opens();
        rig.passes(secs(5));
        rig.ends(4401);
        assert_eq!(rig.state(), State::Waiting);
    }
}

#[test]
fn the_applications_policy_may_insist_on_unwelcome_credentials() {
    let mut rig = Rig::open(config(), 1);
    for _ in 0..5 {
        rig.ends_with(4401, Some(true));
        assert_eq!(rig.state(), State::Waiting);
        rig.passes_until_attempt();
        rig.opens();
    }
}

#[test]
fn the_end_of_a_socket_is_in_the_figures() {
    let rig = ended(1009, None);
    let stats = rig.machine.stats();
    assert_eq!((stats.state, stats.last_close), (State::Closed, Some(close(1009))));
}

#[test]
fn each_failure_has_a_code_of_the_api_and_words_of_its_own() {
    let all = [
        Failure::Refused,
        Failure::Timeout,
        Failure::Url,
        Failure::Closed,
        Failure::Attempts,
        Failure::Overflow,
        Failure::TooBig,
        Failure::Protocol,
        Failure::Unauthorized,
        Failure::Silent,
        Failure::Offline,
        Failure::PageHidden,
        Failure::Aborted,
    ];
    let mut words = Vec::new();
    for failure in all {
        assert!(CODES_OF_API.contains(&failure.code()), "{}", failure.code());
        assert!(failure.message().split(' ').count() >= 4, "{}", failure.message());
        assert_eq!(failure.to_string(), failure.message());
        words.push(failure.message());
    }
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), all.len(), "no two say the same");
    assert!(
        Failure::Refused.message().contains("401"),
        "1006 hides everything, and the words say so"
    );
}
