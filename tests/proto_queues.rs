//! The outbox and the inbox: their bounds and policies, the order, and a socket whose buffer is full.
#![cfg(not(target_arch = "wasm32"))]

mod support;

use support::{Message, Rig, UserCall, config, ms, secs};
use tautline::proto::{
    Admission, Close, Config, Failure, Inbox, InboxOverflow, Input, Load, Outbox, OutboxOverflow, Output, State, Time,
};

const MIB: usize = 1 << 20;
/// So much the socket may hold.
const FULL: usize = 4 * MIB;

fn outbox(messages: usize, bytes: usize, overflow: OutboxOverflow) -> Config {
    let mut config = config();
    config.outbox = Outbox {
        messages,
        bytes,
        overflow,
    };
    config
}

fn inbox(messages: usize, bytes: usize, overflow: InboxOverflow) -> Config {
    let mut config = config();
    config.inbox = Inbox {
        messages,
        bytes,
        overflow,
    };
    config
}

fn numbers<'a>(messages: impl IntoIterator<Item = &'a Message>) -> Vec<u64> {
    messages.into_iter().map(|message| message.number).collect()
}

fn sent(outputs: &[Output]) -> Vec<(u64, u64)> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Transmit { first, count } => Some((*first, *count)),
            _ => None,
        })
        .collect()
}

#[test]
fn what_is_accepted_while_down_goes_out_in_order_once_up() {
    let mut rig = Rig::connecting(config(), 1);
    rig.send(1);
    rig.refuses();
    rig.send(2);
    rig.passes_until_attempt();
    rig.send(3);
    rig.forget();
    rig.opens();
    assert_eq!(sent(&rig.outputs()), [(1, 3)]);
    rig.send(4);
    assert_eq!(rig.wire, [1, 2, 3, 4]);
    assert_eq!(rig.machine.stats().sent, 4);
}

#[test]
fn what_was_handed_on_is_never_handed_on_again() {
    let mut rig = Rig::open(config(), 1);
    rig.send(1);
    rig.send(1);
    rig.ends(1006);
    rig.send(1);
    rig.passes_until_attempt();
    rig.opens();
    assert_eq!(rig.wire, [1, 2, 3]);
}

#[test]
fn a_message_goes_out_even_before_it_began() {
    let mut rig = Rig::idle(config(), 1);
    assert_eq!(rig.send(1), Admission::Accept);
    rig.handle(Input::Connect);
    rig.opens();
    assert_eq!(rig.wire, [1]);
}

#[test]
fn a_full_outbox_makes_senders_wait_or_refuses_them() {
    for (overflow, answer) in [
        (OutboxOverflow::Wait, Admission::Wait),
        (OutboxOverflow::Reject, Admission::Reject),
    ] {
        // Full by count.
        let mut rig = Rig::connecting(outbox(2, 100, overflow), 1);
        assert_eq!(rig.send(10), Admission::Accept);
        assert_eq!(rig.send(0), Admission::Accept);
        assert_eq!(rig.send(0), answer);
        // Full by bytes.
        let mut rig = Rig::connecting(outbox(20, 100, overflow), 1);
        assert_eq!(rig.send(60), Admission::Accept);
        assert_eq!(rig.send(41), answer);
        assert_eq!(rig.send(40), Admission::Accept);
        assert_eq!(rig.send(1), answer);
        rig.opens();
        assert_eq!(rig.send(100), Admission::Accept);
        assert_eq!(rig.wire, [1, 2, 3]);
        assert!(rig.dropped.is_empty());
    }
}

#[test]
fn the_oldest_make_room_in_an_outbox_that_drops() {
    let mut rig = Rig::connecting(outbox(3, 100, OutboxOverflow::DropOldest), 1);
    for _ in 0..5 {
        assert_eq!(rig.send(10), Admission::Accept);
    }
    assert_eq!(rig.dropped, [1, 2]);
    // By bytes: as many as it takes.
    rig.send(90);
    assert_eq!(rig.dropped, [1, 2, 3, 4]);
    assert_eq!(numbers(&rig.outbox), [5, 6]);
    rig.send(100);
    assert_eq!(numbers(&rig.outbox), [7]);
    rig.opens();
    assert_eq!(rig.wire, [7]);
}

#[test]
fn a_message_larger_than_the_whole_outbox_is_refused_by_every_policy() {
    for overflow in [OutboxOverflow::Wait, OutboxOverflow::Reject, OutboxOverflow::DropOldest] {
        let mut rig = Rig::connecting(outbox(3, 100, overflow), 1);
        assert_eq!(rig.send(50), Admission::Accept);
        assert_eq!(rig.send(101), Admission::TooBig);
        rig.opens();
        assert_eq!(rig.send(101), Admission::TooBig);
        assert_eq!(rig.wire, [1]);
    }
}

#[test]
fn what_is_sent_while_it_is_told_of_the_opening_follows_what_was_queued() {
    let mut rig = Rig::connecting(outbox(2, 100, OutboxOverflow::DropOldest), 1);
    rig.send(1);
    rig.send(1);
    rig.on_tell = Some(UserCall::Send(1));
    rig.opens();
    assert_eq!((rig.dropped.as_slice(), rig.wire.as_slice()), (&[1][..], &[2, 3][..]));
}

#[test]
fn a_socket_with_a_full_buffer_gets_no_more_until_it_has_drained() {
    let mut rig = Rig::open(outbox(100, 64 * MIB, OutboxOverflow::Wait), 1);
    for _ in 0..4 {
        rig.send(FULL / 2);
    }
    // It took as much as it may hold, then was measured, and found full.
    assert_eq!(rig.wire, [1, 2]);
    let outputs = rig.outputs();
    assert_eq!(sent(&outputs), [(1, 1), (2, 1)]);
    assert_eq!(outputs.iter().filter(|output| **output == Output::Measure).count(), 1);
    // It is looked at every few milliseconds while something waits.
    rig.passes(ms(50));
    let looks = rig
        .outputs()
        .iter()
        .filter(|output| **output == Output::Measure)
        .count();
    assert!((5..=10).contains(&looks), "{looks} looks in 50 ms");
    assert_eq!(rig.wire, [1, 2]);
    rig.drains(FULL / 2);
    rig.passes(ms(5));
    assert_eq!(rig.wire, [1, 2, 3]);
    rig.drains(8 * FULL);
    rig.passes(ms(5));
    assert_eq!(rig.wire, [1, 2, 3, 4]);
    // Nobody looks when nothing waits.
    rig.passes(secs(20));
    rig.forget();
    rig.passes(secs(20));
    assert_eq!((rig.outputs(), rig.timer), (vec![], None));
}

#[test]
fn what_a_full_socket_did_not_take_survives_it() {
    let mut rig = Rig::open(outbox(100, 64 * MIB, OutboxOverflow::Wait), 1);
    for _ in 0..6 {
        rig.send(FULL);
    }
    assert_eq!(rig.wire, [1]);
    rig.ends(1006);
    rig.passes_until_attempt();
    rig.forget();
    rig.opens();
    let outputs = rig.outputs();
    let first = outputs
        .iter()
        .find(|output| matches!(output, Output::Transmit { .. } | Output::Measure));
    assert_eq!(first, Some(&Output::Transmit { first: 2, count: 1 }));
    assert_eq!(rig.wire, [1, 2], "a new socket has a buffer of its own");
    for _ in 0..5 {
        rig.drains(FULL);
        rig.passes(ms(5));
    }
    assert_eq!(rig.wire, [1, 2, 3, 4, 5, 6]);
}

#[test]
fn what_a_driver_holds_goes_out_in_a_row_when_it_goes_on() {
    let mut rig = Rig::open(config(), 1);
    rig.holds();
    rig.send(1);
    rig.send(1);
    assert_eq!(sent(&rig.outputs()), []);
    rig.goes_on();
    assert_eq!(sent(&rig.outputs()), [(1, 2)]);
    rig.send(1);
    assert_eq!(rig.wire, [1, 2, 3]);
}

#[test]
fn what_may_be_held() {
    for (overflow, may) in [
        (OutboxOverflow::Wait, true),
        (OutboxOverflow::Reject, false),
        (OutboxOverflow::DropOldest, false),
    ] {
        let mut rig = Rig::open(outbox(10, MIB, overflow), 1);
        assert_eq!(rig.machine.may_hold(), may, "{overflow:?}");
        rig.send(1);
        rig.close(1000, ms(5_000));
        assert!(!rig.machine.may_hold(), "a close waits for nobody");
    }
}

#[test]
fn what_is_held_leaves_room_for_the_next() {
    for (sizes, may) in [(&[1, 1][..], true), (&[1, 1, 1], false), (&[5], true), (&[6], false)] {
        let mut rig = Rig::open(outbox(3, 10, OutboxOverflow::Wait), 1);
        rig.holds();
        for &size in sizes {
            rig.send(size);
        }
        assert_eq!(rig.machine.may_hold(), may, "{sizes:?}");
    }
}

#[test]
fn how_full_a_socket_is_counts_only_when_it_was_asked() {
    let mut rig = Rig::connecting(config(), 1);
    rig.ignores(&Input::Buffered(8 * FULL));
    rig.opens();
    rig.ignores(&Input::Buffered(8 * FULL));
    rig.send(1);
    assert_eq!(rig.wire, [1]);
    rig.abort();
    rig.ignores(&Input::Buffered(8 * FULL));
}

#[test]
fn a_socket_that_closes_by_itself_gets_nothing_more() {
    let mut rig = Rig::open(config(), 1);
    rig.begins_to_close();
    rig.send(1);
    assert!(rig.wire.is_empty());
    rig.ends(1001);
    rig.passes_until_attempt();
    rig.opens();
    assert_eq!(rig.wire, [1]);
}

#[test]
fn a_socket_that_closes_by_itself_has_three_seconds_and_then_counts_as_lost() {
    let mut rig = Rig::open(config(), 1);
    let generation = rig.machine.generation();
    rig.passes(secs(1));
    rig.begins_to_close();
    // What is still under way from the other side arrives.
    rig.arrives(1);
    rig.passes(ms(2_999));
    assert_eq!(rig.state(), State::Open);
    rig.passes(ms(1));
    assert!(rig.outputs().contains(&Output::Abandon(generation)));
    assert_eq!(rig.state(), State::Waiting);
    assert_eq!(rig.machine.stats().last_close, Some(Close::abnormal()));
    assert_eq!(numbers(&rig.inbox), [1]);
}

#[test]
fn messages_are_delivered_in_order_and_wait_until_they_are_taken() {
    let mut rig = Rig::open(config(), 1);
    for size in 1..=3 {
        rig.arrives(size);
    }
    assert_eq!(numbers(&rig.inbox), [1, 2, 3]);
    assert_eq!(rig.machine.stats().inbox, Load { messages: 3, bytes: 6 });
    rig.take(2);
    assert_eq!(rig.machine.stats().inbox, Load { messages: 1, bytes: 3 });
    rig.ends(1000);
    assert_eq!(numbers(&rig.inbox), [3], "what arrived outlives its connection");
    assert_eq!(rig.machine.stats().received, 3);
}

#[test]
fn taking_more_than_there_is_is_harmless() {
    let mut rig = Rig::open(config(), 1);
    rig.ignores(&Input::Taken { count: u64::MAX });
    rig.arrives(1);
    assert_eq!(numbers(&rig.inbox), [1]);
}

#[test]
fn a_full_inbox_closes_the_socket_with_words_that_say_so() {
    // Full by count, full by bytes, too small for the message.
    for (messages, bytes, sizes) in [(2, 100, &[1, 1, 1][..]), (9, 10, &[6, 5][..]), (9, 10, &[11][..])] {
        let mut rig = Rig::open(inbox(messages, bytes, InboxOverflow::Close), 1);
        let generation = rig.machine.generation();
        for &size in sizes {
            assert_eq!(rig.state(), State::Open);
            rig.forget();
            rig.arrives(size);
        }
        let code = 4429;
        let reason = String::from("inbox full");
        assert_eq!(
            rig.outputs()[..3],
            [
                Output::Discard { count: 1 },
                Output::Close {
                    code,
                    reason: reason.clone(),
                },
                Output::Abandon(generation),
            ]
        );
        let was_clean = false;
        let end = (
            Close {
                code,
                reason,
                was_clean,
            },
            Some(Failure::Overflow),
        );
        assert_eq!(rig.end(), Some(&end));
        // What was in it can still be taken.
        assert_eq!(rig.inbox.len(), sizes.len() - 1);
        rig.take(9);
        assert_eq!(rig.machine.stats().inbox, Load::default());
    }
}

#[test]
fn an_inbox_at_its_bounds_is_not_over_them() {
    let mut rig = Rig::open(inbox(3, 10, InboxOverflow::Close), 1);
    for size in [5, 5, 0] {
        rig.arrives(size);
    }
    assert_eq!(rig.state(), State::Open);
    rig.take(1);
    rig.arrives(5);
    assert_eq!(rig.state(), State::Open);
}

#[test]
fn a_driver_in_a_hurry_hears_at_once_that_a_message_is_all_there_is() {
    let mut machine = Rig::open(inbox(2, 10, InboxOverflow::DropOldest), 1).machine;
    let (generation, now) = (machine.generation(), Time::default() + secs(2_000));
    assert!(machine.message(generation, 1, now));
    assert!(machine.message(generation, 1, now));
    assert_eq!((machine.poll(), machine.inbox().messages), (None, 2));
    // Not where room is made for it, nor where something waits to be done; and the order stays.
    assert!(!machine.message(generation, 1, now));
    assert!(!machine.message(generation, 1, now));
    let outputs: Vec<Output> = std::iter::from_fn(|| machine.poll()).collect();
    let (drop, deliver) = (Output::Drop { count: 1 }, Output::Deliver { count: 1 });
    assert_eq!(outputs, [drop.clone(), deliver.clone(), drop, deliver]);
    assert_eq!((machine.inbox().messages, machine.stats().received), (2, 4));
}

#[test]
fn an_inbox_has_room_for_what_a_driver_is_lent_until_it_gives_that_back() {
    let mut machine = Rig::open(inbox(2, 10, InboxOverflow::Close), 1).machine;
    let (generation, now) = (machine.generation(), Time::default() + secs(2_000));
    let mut lent = Load::default();
    for _ in 0..4 {
        assert!(machine.message(generation, 5, now));
        let Load { messages, bytes } = machine.lend_room(5);
        lent.messages += messages;
        lent.bytes += bytes;
    }
    assert_eq!(machine.inbox(), Load { messages: 4, bytes: 20 });
    machine.take_room_back(lent);
    machine.handle(Input::Taken { count: 4 }, now);
    for _ in 0..2 {
        assert!(machine.message(generation, 5, now));
    }
    assert_eq!(machine.state(), State::Open);
    assert!(!machine.message(generation, 5, now));
    assert_eq!(machine.state(), State::Closed);
}

#[test]
fn only_an_inbox_that_ends_its_connection_where_it_is_full_lends_room() {
    for (overflow, lends) in [(InboxOverflow::Close, true), (InboxOverflow::DropOldest, false)] {
        let rig = Rig::open(inbox(3, 10, overflow), 1);
        assert_eq!(rig.machine.lends_room(), lends, "{overflow:?}");
    }
}

#[test]
fn of_an_inbox_without_bounds_nothing_can_be_lent() {
    let mut machine = Rig::open(inbox(usize::MAX, usize::MAX - 3, InboxOverflow::Close), 1).machine;
    let lent = machine.lend_room(5);
    assert_eq!(lent, Load { messages: 0, bytes: 3 });
    machine.take_room_back(lent);
    assert_eq!(machine.lend_room(1), Load { messages: 0, bytes: 1 });
}

#[test]
fn the_oldest_make_room_in_an_inbox_that_drops() {
    let mut rig = Rig::open(inbox(3, 10, InboxOverflow::DropOldest), 1);
    for _ in 0..5 {
        rig.arrives(1);
    }
    assert_eq!(numbers(&rig.inbox), [3, 4, 5]);
    rig.arrives(9);
    assert_eq!(numbers(&rig.inbox), [5, 6]);
    rig.arrives(10);
    assert_eq!(numbers(&rig.inbox), [7]);
    assert_eq!((rig.state(), rig.machine.stats().received), (State::Open, 7));
    // No room can be made for this one.
    rig.arrives(11);
    assert_eq!(rig.end().map(|end| end.1), Some(Some(Failure::Overflow)));
}
