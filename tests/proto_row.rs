//! Messages that arrive closely behind each other: which of them wait for the end of the turn.
#![cfg(not(target_arch = "wasm32"))]

use tautline::proto::{Row, Time};

const fn at(micros: u64) -> Time {
    Time::from_micros(micros)
}

#[test]
fn the_third_of_those_that_are_close_begins_a_row() {
    let mut row = Row::default();
    assert!(!row.begins(at(1000)));
    assert!(!row.begins(at(1049)));
    assert!(row.begins(at(1098)));
}

#[test]
fn those_that_are_apart_begin_none() {
    let mut row = Row::default();
    for n in 1..100 {
        assert!(!row.begins(at(n * 50)));
    }
    assert!(!row.begins(at(4999)), "two that are close are none yet");
    assert!(!row.begins(at(5100)));
}

#[test]
fn some_wait_and_every_64th_does_not() {
    let mut row = Row::default();
    let waits: Vec<bool> = (1..=128).map(|_| row.joins(100)).collect();
    assert!(row.is_open());
    for (index, waits) in waits.iter().enumerate() {
        assert_eq!(*waits, (index + 1) % 64 != 0, "{index}");
    }
}

#[test]
fn less_than_64_kib_wait() {
    let mut row = Row::default();
    let waits: Vec<bool> = (1..=6).map(|_| row.joins(25 * 1024)).collect();
    assert_eq!(waits, [true, true, false, true, true, false]);
    assert!(!row.joins(64 * 1024));
}

#[test]
fn a_row_is_followed_by_another_and_one_in_vain_by_none() {
    let mut row = Row::default();
    for time in [1000, 1010, 1020] {
        row.begins(at(time));
    }
    row.joins(1);
    row.joins(1);
    row.end(at(1200));
    assert!(!row.is_open());
    assert!(row.begins(at(2199)), "the first that comes within a millisecond");
    row.joins(1);
    row.end(at(2210));
    assert!(!row.begins(at(2220)), "it was alone");
}

/// Round trips of 300 µs, one after the other: how many of so many wait for a turn's end.
fn in_vain(row: &mut Row, count: u64, tick: u64) -> u64 {
    let mut waited = 0;
    for n in 0..count {
        let now = at(n * 300 / tick * tick);
        if row.begins(now) {
            row.joins(100);
            row.end(now);
            waited += 1;
        }
    }
    waited
}

#[test]
fn where_the_clock_is_coarse_messages_that_are_alone_do_not_wait_again_and_again() {
    assert_eq!(in_vain(&mut Row::default(), 1000, 1), 0);
    assert_eq!(in_vain(&mut Row::default(), 1000, 100), 0);
    let waited = in_vain(&mut Row::default(), 1000, 1000);
    assert!(waited <= 1, "{waited} of 1,000");
    // Where it never goes on.
    let waited = in_vain(&mut Row::default(), 1000, 1_000_000);
    assert!(waited < 30, "{waited} of 1,000");
}

#[test]
fn after_one_that_was_worth_it_three_are_enough_again() {
    let mut row = Row::default();
    in_vain(&mut row, 100, 1_000_000);
    let mut needed = 1;
    while !row.begins(at(10_000_000)) {
        needed += 1;
    }
    assert!(needed > 3);
    row.joins(1);
    row.joins(1);
    row.end(at(10_000_000));
    for (time, begins) in [(20_000_000, false), (20_000_001, false), (20_000_002, true)] {
        assert_eq!(row.begins(at(time)), begins, "{time}");
    }
}
