//! The two directions of a session as one end sees them: scenarios. `session_client.rs` has what a client remembers,
//! `session_server.rs` the server's half.
#![cfg(not(target_arch = "wasm32"))]

use std::time::Duration;

use tautline::proto::{Load, Time};
use tautline::session::{FRAME_BYTES, Fault, Incoming, LAST, Outgoing, span};

const START: Time = Time::from_millis(1_000);

fn after(millis: u64) -> Time {
    START + Duration::from_millis(millis)
}

/// Whether an ACK is due at this instant.
fn is_due(incoming: &Incoming, now: Time) -> bool {
    incoming.ack_due().is_some_and(|due| due <= now)
}

// Positions

#[test]
fn a_message_takes_up_a_position_and_one_more_for_each_4_kib() {
    let spans = [(0, 1), (1, 1), (4095, 1), (4096, 2), (8191, 2), (8192, 3), (10_000, 3)];
    for (size, positions) in spans {
        assert_eq!(span(size), positions, "{size} bytes");
    }
    let mut outgoing = Outgoing::new(LAST);
    for (size, _) in spans {
        outgoing.push(size);
    }
    let chunk = outgoing.next_chunk().expect("all of it");
    assert_eq!((chunk.first, chunk.count), (1, spans.len()));
    assert_eq!(outgoing.sent_to(), 13);
}

// What goes out

/// The messages of the next frame: the position of the first, and how many.
fn chunk(outgoing: &mut Outgoing) -> Option<(u64, usize)> {
    outgoing.next_chunk().map(|chunk| (chunk.first, chunk.count))
}

fn sending(limit: u64, sizes: &[usize]) -> Outgoing {
    let mut outgoing = Outgoing::new(limit);
    for &size in sizes {
        outgoing.push(size);
    }
    outgoing
}

#[test]
fn what_is_queued_goes_out_in_one_frame_and_stays_in_the_outbox() {
    let mut outgoing = sending(10, &[5, 0, 7]);
    let chunk = outgoing.next_chunk().expect("a frame");
    assert_eq!(
        (chunk.offset, chunk.count, chunk.first, chunk.bytes, chunk.fresh),
        (0, 3, 1, 12, 3)
    );
    assert_eq!(outgoing.next_chunk(), None);
    assert_eq!(outgoing.load(), Load { messages: 3, bytes: 12 });
    assert_eq!(outgoing.unacknowledged(), 3);
}

#[test]
fn a_frame_has_64_kib_at_most() {
    let mut outgoing = sending(1000, &[16_000; 10]);
    assert_eq!(chunk(&mut outgoing), Some((1, 4)));
    assert_eq!(chunk(&mut outgoing), Some((17, 4)));
    assert_eq!(chunk(&mut outgoing), Some((33, 2)));
    assert_eq!(chunk(&mut outgoing), None);
    // What stands between the messages counts.
    let mut outgoing = sending(1 << 20, &vec![0; FRAME_BYTES]);
    let (_, count) = chunk(&mut outgoing).expect("a frame");
    assert!(count * 5 <= FRAME_BYTES && count > FRAME_BYTES / 6, "{count}");
}

#[test]
fn a_big_message_goes_alone() {
    let mut outgoing = sending(1000, &[1, 100_000, 1]);
    assert_eq!(chunk(&mut outgoing), Some((1, 1)));
    assert_eq!(chunk(&mut outgoing), Some((2, 1)));
    assert_eq!(chunk(&mut outgoing), Some((27, 1)));
}

#[test]
fn nothing_begins_past_the_limit_and_a_message_may_run_past_it() {
    let mut outgoing = sending(2, &[1, 10_000, 1]);
    assert_eq!(
        chunk(&mut outgoing),
        Some((1, 2)),
        "the second begins at 2 and ends at 4"
    );
    assert!(!outgoing.is_ready());
    assert_eq!(outgoing.acknowledge(1, 4), Ok(1));
    assert_eq!(chunk(&mut outgoing), None, "the third begins at 5");
    assert_eq!(outgoing.acknowledge(1, 5), Ok(0));
    assert_eq!(chunk(&mut outgoing), Some((5, 1)));
}

#[test]
fn the_limit_never_falls_and_an_old_acknowledgement_is_ignored() {
    let mut outgoing = sending(5, &[1; 9]);
    assert_eq!(chunk(&mut outgoing), Some((1, 5)));
    assert_eq!(outgoing.acknowledge(3, 8), Ok(3));
    assert_eq!(outgoing.acknowledge(2, 4), Ok(0));
    assert_eq!((outgoing.taken(), outgoing.limit()), (3, 8));
}

#[test]
fn what_was_never_sent_can_not_be_acknowledged() {
    let mut outgoing = sending(2, &[1, 1, 1]);
    assert_eq!(
        outgoing.acknowledge(1, 2),
        Err(Fault::BadAcknowledgement),
        "queued is not sent"
    );
    assert_eq!(chunk(&mut outgoing), Some((1, 2)));
    assert_eq!(
        outgoing.acknowledge(3, 9),
        Err(Fault::BadAcknowledgement),
        "it was held back"
    );
    assert_eq!(outgoing.limit(), 2, "nothing came of it");
    assert_eq!(outgoing.acknowledge(2, 9), Ok(2));
}

#[test]
fn part_of_a_message_can_not_be_acknowledged() {
    let mut outgoing = sending(9, &[10_000, 1]);
    chunk(&mut outgoing).expect("a frame");
    assert_eq!(outgoing.acknowledge(2, 9), Err(Fault::BadAcknowledgement));
    assert_eq!(outgoing.load().messages, 2, "nothing came of it");
    assert_eq!(outgoing.acknowledge(3, 9), Ok(1));
}

#[test]
fn a_resume_drops_what_was_taken_and_sends_the_rest_again_where_it_was() {
    let mut outgoing = sending(9, &[1, 4096, 1, 1]);
    chunk(&mut outgoing).expect("a frame");
    outgoing.push(1);
    assert_eq!(outgoing.resume(3, 9), Ok(2));
    let again = outgoing.next_chunk().expect("a frame");
    assert_eq!(
        (again.first, again.count, again.fresh),
        (4, 3, 1),
        "one of them goes out for the first time"
    );
    assert_eq!(outgoing.resume(3, 9), Ok(0));
    assert_eq!(chunk(&mut outgoing), Some((4, 3)), "and again");
}

#[test]
fn an_acknowledgement_of_the_old_connection_counts_on_the_new_one() {
    let mut outgoing = sending(9, &[1, 1, 1]);
    chunk(&mut outgoing).expect("a frame");
    outgoing.resume(0, 9).expect("nothing is taken");
    assert_eq!(outgoing.acknowledge(2, 9), Ok(2), "before anything went out again");
    assert_eq!(chunk(&mut outgoing), Some((3, 1)));
}

#[test]
fn the_other_end_must_not_forget_what_it_had_taken() {
    let mut outgoing = sending(9, &[1, 1]);
    chunk(&mut outgoing).expect("a frame");
    assert_eq!(outgoing.acknowledge(2, 9), Ok(2));
    assert_eq!(outgoing.resume(1, 9), Err(Fault::BadAcknowledgement));
}

#[test]
fn what_a_store_kept_goes_on_where_it_was() {
    let mut outgoing = Outgoing::restored(4, 7, 6, [4096, 1, 1]);
    assert_eq!((outgoing.unacknowledged(), outgoing.load().messages), (1, 3));
    assert_eq!(outgoing.acknowledge(6, 7), Ok(1), "the one that went out");
    assert_eq!(outgoing.acknowledge(7, 7), Err(Fault::BadAcknowledgement));
    assert_eq!(
        chunk(&mut outgoing),
        Some((7, 1)),
        "the other one begins past the limit"
    );
}

// What comes in

fn holding(window: u64, sizes: &[usize]) -> Incoming {
    let mut incoming = Incoming::new(window, 1 << 20);
    incoming.tell();
    assert_eq!(incoming.arrive(1, sizes), Ok(0));
    incoming
}

#[test]
fn what_was_there_before_is_dropped_and_what_is_new_is_held() {
    let mut incoming = holding(10, &[1, 1, 4096]);
    assert_eq!(incoming.arrive(1, &[1, 1, 4096]), Ok(3));
    assert_eq!(incoming.arrive(2, &[1, 4096, 1]), Ok(2));
    assert_eq!(incoming.load().messages, 4);
    assert_eq!(incoming.held(), 5);
    incoming.take(4, START);
    assert_eq!(incoming.arrive(5, &[1]), Ok(1), "taken is there before, too");
}

#[test]
fn a_gap_is_a_fault_and_holds_nothing() {
    let mut incoming = holding(10, &[1]);
    assert_eq!(incoming.arrive(3, &[1]), Err(Fault::Gap));
    assert_eq!(incoming.arrive(LAST, &[1]), Err(Fault::Gap));
    assert_eq!((incoming.held(), incoming.load().messages), (1, 1));
    assert_eq!(incoming.arrive(2, &[1]), Ok(0));
}

#[test]
fn a_message_that_begins_past_the_limit_is_a_fault() {
    let mut incoming = holding(2, &[1]);
    assert_eq!(
        incoming.clone().arrive(2, &[1, 1]),
        Err(Fault::PastLimit),
        "nothing of the frame is held"
    );
    assert_eq!(incoming.arrive(2, &[100_000]), Ok(0), "it may run past");
    assert_eq!(incoming.arrive(27, &[1]), Err(Fault::PastLimit));
}

#[test]
fn a_message_that_is_too_big_is_a_fault() {
    let mut incoming = Incoming::new(100, 10);
    incoming.tell();
    assert_eq!(incoming.arrive(1, &[1, 11]), Err(Fault::TooBig));
    assert_eq!(incoming.load().messages, 0);
    assert_eq!(incoming.arrive(1, &[10]), Ok(0));
}

#[test]
fn what_has_only_arrived_is_owed_no_acknowledgement() {
    let incoming = holding(10, &[1, 1]);
    assert!(!incoming.owes());
    assert_eq!(incoming.ack_due(), None);
    assert_eq!(incoming.taken(), 0);
}

#[test]
fn what_was_taken_is_told_within_25_ms_of_the_first() {
    let mut incoming = holding(100, &[1; 9]);
    incoming.take(1, after(0));
    incoming.take(1, after(20));
    assert!(!is_due(&incoming, after(24)));
    assert!(is_due(&incoming, after(25)));
    assert_eq!(incoming.tell(), (2, 102));
    assert_eq!(incoming.ack_due(), None);
    incoming.take(1, after(100));
    assert!(!is_due(&incoming, after(124)) && is_due(&incoming, after(125)));
}

#[test]
fn half_the_window_is_told_at_once() {
    let mut incoming = holding(20, &[1; 15]);
    incoming.take(9, START);
    assert!(!is_due(&incoming, START));
    incoming.take(1, START);
    assert!(is_due(&incoming, START));
}

#[test]
fn two_hundred_and_fifty_six_positions_are_much() {
    let mut incoming = holding(10_000, &[1; 300]);
    incoming.take(255, START);
    assert!(!incoming.is_much());
    incoming.take(1, START);
    assert!(incoming.is_much());
    assert!(
        !is_due(&incoming, START),
        "not yet: it can be told with what else is taken"
    );
    incoming.tell();
    assert!(!incoming.is_much());
}

#[test]
fn a_peer_that_stands_at_the_limit_is_told_at_once() {
    let mut incoming = holding(8, &[1; 8]);
    assert!(!is_due(&incoming, START));
    incoming.take(1, START);
    assert!(is_due(&incoming, START));
    assert_eq!(incoming.tell(), (1, 9));
}

#[test]
fn what_is_told_with_patience_is_due_no_later_than_what_is_told_one_by_one() {
    for window in [1, 2, 8, 100, 1024, 100_000] {
        for size in [0, 100, 4095, 4096, 10_000] {
            let is_large = |n| size > 100 && n % 50 == 7;
            let sizes: Vec<_> = (0..2000).map(|n| if is_large(n) { 60_000 } else { size }).collect();
            let mut each = holding(window, &[]);
            let mut gathered = each.clone();
            let (mut arrived, mut position, mut taken, mut calls) = (0, 1, 0, 0);
            while taken < sizes.len() {
                // As many as are allowed, then a few are taken.
                while arrived < sizes.len() && each.arrive(position, &sizes[arrived..=arrived]).is_ok() {
                    assert_eq!(gathered.arrive(position, &sizes[arrived..=arrived]), Ok(0));
                    position += span(sizes[arrived]);
                    arrived += 1;
                }
                // The other end may stand at its limit by now.
                if is_due(&each, START) {
                    assert_eq!(gathered.tell(), each.tell());
                }
                let mut untold = 0;
                for last in (0..each.load().messages.min(1 + taken)).rev() {
                    each.take(1, START);
                    taken += 1;
                    untold += 1;
                    // What arrives next is an input, before which all is told.
                    if untold > gathered.patience() || last == 0 {
                        gathered.take(untold as usize, START);
                        untold = 0;
                        calls += 1;
                    }
                    let seen = |incoming: &Incoming| (incoming.ack_due(), incoming.is_much());
                    assert_eq!(seen(&gathered), seen(&each), "{taken} of {size} bytes, window {window}");
                    if is_due(&each, START) {
                        assert_eq!(gathered.tell(), each.tell());
                    }
                }
            }
            let is_gathered = size > 100 || window < 100_000 || calls < 200;
            assert!(is_gathered, "{calls} calls for 2,000 small messages");
        }
    }
}

#[test]
fn the_limit_is_what_is_taken_and_the_room() {
    let mut incoming = holding(4, &[1, 10_000]);
    assert_eq!(incoming.limit(), 4);
    incoming.take(1, START);
    assert_eq!(incoming.limit(), 5);
    incoming.take(1, START);
    assert_eq!(incoming.limit(), 8);
}

#[test]
fn a_limit_that_was_granted_stays_where_the_window_is_smaller_now() {
    let mut incoming = Incoming::restored(2, 1 << 20, 5, 50);
    assert_eq!(incoming.tell(), (5, 50));
    assert_eq!(incoming.arrive(6, &[1; 45]), Ok(0), "all that was granted");
    incoming.take(45, START);
    assert_eq!(incoming.tell(), (50, 52));
}

#[test]
fn what_is_left_of_an_old_session_takes_up_room_and_no_position() {
    let mut incoming = holding(6, &[4096, 1]);
    assert_eq!(incoming.limit_of_new(), 3);
    incoming.renew(None);
    assert_eq!(incoming.load().messages, 2, "it is still the application's");
    assert!(
        is_due(&incoming, Time::default()),
        "a peer that knows no limit hears of it first of all"
    );
    assert_eq!(incoming.tell(), (0, 3));
    assert_eq!(incoming.arrive(1, &[1, 1, 1]), Ok(0));
    incoming.take(1, START);
    assert_eq!(
        (incoming.taken(), incoming.limit()),
        (0, 5),
        "room, and nothing taken of this session"
    );
    incoming.take(2, START);
    assert_eq!((incoming.taken(), incoming.limit()), (1, 7));
}

#[test]
fn a_full_inbox_of_an_old_session_grants_nothing_until_it_is_taken() {
    let mut incoming = holding(2, &[1, 100_000]);
    assert_eq!(incoming.limit_of_new(), 0);
    incoming.renew(None);
    assert_eq!(incoming.tell(), (0, 0));
    incoming.take(1, START);
    assert_eq!(incoming.limit(), 0);
    incoming.take(1, START);
    assert!(is_due(&incoming, START));
    assert_eq!(incoming.tell(), (0, 2));
}
