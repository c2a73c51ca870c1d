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
    let waits: Vec<bool> = (1..=128).map(|_| row.joins()).collect();
    assert!(row.is_open());
    for (index, waits) in waits.iter().enumerate() {
        assert_eq!(*waits, (index + 1) % 64 != 0, "{index}");
    }
}

#[test]
fn a_row_is_followed_by_another_and_one_in_vain_by_none() {
    let mut row = Row::default();
    for time in [1000, 1010, 1020] {
        row.begins(at(time));
    }
    row.joins();
    row.joins();
    row.end(at(1200));
    assert!(!row.is_open());
    assert!(row.begins(at(2199)), "the first that comes within a millisecond");
    row.joins();
    row.end(at(2210));
    assert!(!row.begins(at(2220)), "it was alone");
}
