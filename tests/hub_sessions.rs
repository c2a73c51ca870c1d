//! Sessions of a hub: turns, connections that take nothing, signs of life, and what they may hold. Scenarios.
#![cfg(all(feature = "hub", not(target_arch = "wasm32")))]

#[allow(dead_code, reason = "each test binary uses some of it")]
mod hub_support {
    pub(crate) mod driver;
    pub(crate) mod house;
}

use hub_support::driver::News;
use hub_support::house::*;
use tautline::hub::{Peer, Rules};
use tautline::proto::Admission;
use tautline::session::{Control, Fault};

// Turns of the event loop

#[test]
fn the_first_message_of_a_turn_leaves_at_once_and_the_rest_at_its_end_in_one_frame() {
    let mut house = House::new(calm_rules());
    let client = house.client(Peer::default());
    house.turn();
    for _ in 0..3 {
        let next = house.driver.hub.outbox(client.session).messages as u64 + 1;
        house.sends(&client, &[1]);
        assert!(!house.driver.hub.awaits_turn(client.session));
        assert_eq!(batches(&house.now(), client.link), [(next, 1)]);
        assert!(house.driver.awaits_turn);
        for _ in 0..3 {
            house.sends(&client, &[1]);
            assert!(house.driver.hub.awaits_turn(client.session));
            assert_eq!(house.now(), []);
        }
        assert_eq!(batches(&house.turn(), client.link), [(next + 1, 3)]);
    }
}

#[test]
fn what_an_application_answers_leaves_when_it_has_taken_all_or_the_turn_ends() {
    let mut house = House::new(calm_rules());
    let client = house.client(Peer::default());
    house.turn();
    house.messages(client.link, 1, &[1, 1, 1]);
    house.takes(&client, 1);
    house.sends(&client, &[1]);
    assert_eq!(house.now(), [], "there is more to take, and to answer");
    house.takes(&client, 1);
    house.sends(&client, &[1]);
    house.takes(&client, 1);
    house.sends(&client, &[1]);
    assert_eq!(batches(&house.turn(), client.link), [(1, 3)]);
}

#[test]
fn the_answer_to_the_last_message_leaves_at_once() {
    let mut house = House::new(calm_rules());
    let client = house.client(Peer::default());
    house.turn();
    house.messages(client.link, 1, &[1]);
    house.turn();
    house.takes(&client, 1);
    house.sends(&client, &[1]);
    assert_eq!(batches(&house.now(), client.link), [(1, 1)]);
}

#[test]
fn each_session_has_its_own_turn() {
    let mut house = House::new(calm_rules());
    let (one, other) = (house.client(Peer::default()), house.client(Peer::default()));
    house.turn();
    house.sends(&one, &[1, 1]);
    house.now();
    house.sends(&one, &[1]);
    house.sends(&other, &[1]);
    let told = house.now();
    assert_eq!(batches(&told, other.link), [(1, 1)]);
    house.sends(&other, &[1]);
    let told = house.turn();
    assert_eq!(
        (batches(&told, one.link), batches(&told, other.link)),
        (vec![(3, 1)], vec![(2, 1)])
    );
}

#[test]
fn a_slow_application_does_not_hold_up_answers_to_pings_nor_acknowledgements() {
    let mut house = House::new(rules());
    let client = house.client(Peer::default());
    house.messages(client.link, 1, &[1, 1]);
    house.turn();
    house.control(client.link, &Control::Ping(77));
    assert_eq!(controls(&house.turn(), client.link), [Control::Pong(77)]);
    house.takes(&client, 1);
    house.turn();
    let told = house.passes(200);
    assert_eq!(controls(&told, client.link), [Control::Ack { taken: 1, limit: 9 }]);
}

#[test]
fn a_session_that_loses_its_connection_within_a_turn_keeps_its_deadline() {
    let mut house = House::new(calm_rules());
    let client = house.client(Peer::default());
    house.sends(&client, &[1, 1]);
    house.now();
    house.loses(client.link);
    let told = house.turn();
    assert_eq!(told, []);
    assert_eq!(
        ends(&house.passes(60_000)),
        [(client.session, 1006, "not resumed in time", 2)]
    );
}

#[test]
fn a_session_that_ends_within_a_turn_leaves_nothing_behind() {
    let mut house = House::new(calm_rules());
    let client = house.client(Peer::default());
    house.sends(&client, &[1]);
    house.now();
    assert!(house.driver.awaits_turn);
    house.driver.hub.terminate(client.session);
    assert_eq!(ends(&house.now()), [(client.session, 1006, "terminated", 1)]);
    assert_eq!(house.turn(), []);
    assert_eq!(house.driver.hub.deadline(), None);
}

#[test]
fn a_session_that_comes_back_within_a_turn_sends_all_at_once() {
    let mut house = House::new(calm_rules());
    let client = house.client(Peer::default());
    house.turn();
    house.sends(&client, &[1]);
    house.now();
    house.sends(&client, &[1, 1]);
    house.now();
    let (link, told) = house.comes_back(Peer::default(), &client.welcome.token, 2, 0);
    assert_eq!(batches(&told, link), [(1, 3)]);
    house.sends(&client, &[1]);
    let mut told = house.now();
    told.extend(house.turn());
    assert_eq!(batches(&told, link), [(4, 1)]);
}

// Connections that take nothing

#[test]
fn nothing_is_sent_on_a_connection_that_takes_nothing_and_all_of_it_after() {
    let mut house = House::new(calm_rules());
    let client = house.client(Peer::default());
    house.driver.hub.blocked(client.link);
    house.sends(&client, &[1, 1]);
    house.control(client.link, &Control::Ping(5));
    let mut told = house.turn();
    house.messages(client.link, 1, &[1]);
    house.takes(&client, 1);
    told.extend(house.turn());
    told.extend(house.passes(1_000));
    assert!(!says_anything(&told, client.link), "{told:?}");
    house.driver.hub.unblocked(client.link);
    let told = house.turn();
    assert_eq!(batches(&told, client.link), [(1, 2)]);
    assert_eq!(
        controls(&told, client.link),
        [Control::Ack { taken: 1, limit: 9 }, Control::Pong(5)]
    );
}

#[test]
fn a_new_connection_is_not_blocked_because_the_old_one_was() {
    let mut house = House::new(calm_rules());
    let client = house.client(Peer::default());
    house.driver.hub.blocked(client.link);
    house.sends(&client, &[1]);
    house.turn();
    let (link, told) = house.comes_back(Peer::default(), &client.welcome.token, 2, 0);
    assert_eq!(batches(&told, link), [(1, 1)]);
}

#[test]
fn a_blocked_connection_whose_client_says_nothing_is_dead_and_one_that_reads_is_not() {
    for reads in [false, true] {
        let mut house = House::new(rules());
        let client = house.client(Peer::default());
        house.driver.hub.blocked(client.link);
        let mut told = house.passes(21_000);
        if reads {
            house.driver.hub.unblocked(client.link);
            house.turn();
            house.driver.hub.blocked(client.link);
        }
        told.extend(house.passes(1_000));
        let closed = closes(&told);
        if reads {
            assert_eq!(closed, []);
            // Not for ever: nor does it answer.
            assert_eq!(
                closes(&house.passes(1_000)),
                [(client.link, 1001, "no answer to a ping")]
            );
        } else {
            assert_eq!(closed, [(client.link, 1001, "no answer to a ping")]);
        }
        assert_eq!(house.figures(), (1, 0, 0));
    }
}

#[test]
fn what_becomes_due_while_it_is_blocked_wakes_nobody() {
    let mut house = House::new(calm_rules());
    let client = house.client(Peer::default());
    house.messages(client.link, 1, &[1]);
    house.takes(&client, 1);
    house.turn();
    house.driver.hub.blocked(client.link);
    house.passes(1_000);
    assert_eq!(house.driver.hub.deadline(), None, "the acknowledgement has to wait");
}

// Signs of life

#[test]
fn something_is_said_at_every_heartbeat() {
    let mut house = House::new(rules());
    let client = house.client(Peer::default());
    let told = house.passes(9_999);
    assert!(!says_anything(&told, client.link));
    for _ in 0..3 {
        let told = house.passes(1);
        assert!(
            matches!(controls(&told, client.link)[..], [Control::Ping(_)]),
            "{told:?}"
        );
        house.control(client.link, &Control::Pong(0));
        assert_eq!(controls(&house.passes(9_999), client.link), []);
    }
}

#[test]
fn a_client_that_says_nothing_is_asked_and_then_given_up_but_not_its_session() {
    let mut house = House::new(rules());
    let client = house.client(Peer::default());
    let told = house.passes(19_999);
    assert_eq!((controls(&told, client.link).len(), closes(&told).len()), (1, 0));
    let told = house.passes(1);
    assert!(matches!(controls(&told, client.link)[..], [Control::Ping(_)]));
    assert_eq!(closes(&house.passes(1_999)), []);
    let told = house.passes(1);
    assert_eq!(closes(&told), [(client.link, 1001, "no answer to a ping")]);
    assert!(told.contains(&News::Detached(client.session)));
    let (link, told) = house.comes_back(Peer::default(), &client.welcome.token, 2, 0);
    assert!(welcome(&told, link).is_some_and(|welcome| welcome.resumed));
}

#[test]
fn part_of_a_message_is_a_sign_of_life() {
    let mut house = House::new(rules());
    let client = house.client(Peer::default());
    for _ in 0..5 {
        assert_eq!(closes(&house.passes(15_000)), []);
        house.driver.hub.alive(client.link);
    }
}

#[test]
fn a_process_that_stood_still_asks_first() {
    let mut house = House::new(rules());
    let client = house.client(Peer::default());
    let told = house.jumps(3_600_000);
    assert!(matches!(controls(&told, client.link)[..], [Control::Ping(_)]));
    assert_eq!(closes(&told), []);
    assert_eq!(
        closes(&house.passes(2_000)),
        [(client.link, 1001, "no answer to a ping")]
    );
}

#[test]
fn a_session_outlives_its_connection_for_the_resume_time_and_no_longer() {
    let mut house = House::new(rules());
    let client = house.client(Peer::default());
    house.sends(&client, &[1]);
    house.turn();
    house.loses(client.link);
    assert_eq!(ends(&house.passes(59_999)), []);
    let (link, told) = house.comes_back(Peer::default(), &client.welcome.token, 2, 0);
    assert!(welcome(&told, link).is_some_and(|welcome| welcome.resumed));
    house.loses(link);
    // From the later loss on.
    assert_eq!(ends(&house.passes(59_999)), []);
    assert_eq!(
        ends(&house.passes(1)),
        [(client.session, 1006, "not resumed in time", 1)]
    );
    let (link, told) = house.comes_back(Peer::default(), &client.welcome.token, 3, 0);
    assert!(began(&told, link).is_some_and(|new| !new.welcome.resumed));
}

#[test]
fn a_process_that_stood_still_lets_its_clients_come_back_first() {
    let mut house = House::new(calm_rules());
    let (client, other) = (house.client(Peer::default()), house.client(Peer::default()));
    house.loses(client.link);
    house.loses(other.link);
    for _ in 0..2 {
        assert_eq!(ends(&house.jumps(3_600_000)), [], "they could not");
    }
    assert_eq!(ends(&house.passes(4_999)), []);
    let (link, told) = house.comes_back(Peer::default(), &client.welcome.token, 2, 0);
    assert!(welcome(&told, link).is_some_and(|welcome| welcome.resumed));
    assert_eq!(
        ends(&house.passes(1)),
        [(other.session, 1006, "not resumed in time", 0)]
    );
}

// What sessions may hold

#[test]
fn past_what_all_sessions_may_hold_each_gets_on_one_message_at_a_time() {
    let mut house = House::new(Rules {
        max_held_bytes: 500,
        ..calm_rules()
    });
    let (one, other) = (house.client(Peer::default()), house.client(Peer::default()));
    house.sends(&one, &[400]);
    // That was below the bound; from here on it is full.
    house.sends(&one, &[100]);
    assert_eq!(house.driver.send(one.session, 1), Admission::Wait);
    house.sends(&other, &[10]);
    assert_eq!(house.driver.send(other.session, 10), Admission::Wait);
    house.turn();
    house.control(other.link, &Control::Ack { taken: 1, limit: 20 });
    house.sends(&other, &[10]);
    house.turn();
    house.control(one.link, &Control::Ack { taken: 2, limit: 20 });
    house.sends(&one, &[1, 1]);
}

#[test]
fn what_waits_for_room_in_an_outbox_is_held_as_well() {
    let mut house = House::new(Rules {
        max_held_bytes: 1_000,
        max_detached_bytes: 500,
        ..calm_rules()
    });
    let (one, other) = (house.client(user("one")), house.client(user("other")));
    house.sends(&other, &[1]);
    let stats = |house: &House| {
        let stats = house.driver.hub.stats();
        (stats.held_bytes, stats.detached_bytes)
    };
    house.driver.waiting(one.session, 900);
    assert_eq!(stats(&house), (933, 0));
    house.sends(&other, &[100]);
    assert_eq!(
        house.driver.send(other.session, 1),
        Admission::Wait,
        "all hold too much"
    );
    house.driver.waiting(one.session, 300);
    house.sends(&other, &[1]);
    house.turn();
    house.loses(one.link);
    house.loses(other.link);
    assert_eq!(stats(&house), (300 + 198, 300 + 198));
    assert_eq!(ends(&house.now()), []);
    // One that waits without a connection.
    house.driver.waiting(other.session, 20);
    let told = house.now();
    assert_eq!(ends(&told), [(one.session, 1006, "no room to keep it", 0)]);
    assert_eq!(stats(&house), (218, 218));
    house.driver.waiting(one.session, 7);
    assert_eq!(stats(&house), (218, 218), "it has ended");
    house.driver.hub.terminate(other.session);
    house.now();
    assert_eq!(stats(&house), (0, 0));
}

#[test]
fn a_message_waits_for_room_or_is_too_big_or_too_late() {
    let mut rules = calm_rules();
    rules.settings.outbox_messages = 2;
    rules.settings.outbox_bytes = 900;
    let mut house = House::new(rules);
    let client = house.client(Peer::default());
    assert_eq!(house.driver.send(client.session, 901), Admission::TooBig);
    house.sends(&client, &[1, 1]);
    assert_eq!(house.driver.send(client.session, 1), Admission::Wait);
    house.driver.hub.close(client.session, 1000, "");
    assert_eq!(house.driver.send(client.session, 1), Admission::Closed);
    house.driver.hub.terminate(client.session);
    house.now();
    assert_eq!(house.driver.send(client.session, 1), Admission::Closed);
    assert_eq!(house.driver.hub.outbox(client.session).messages, 0);
}

#[test]
fn a_client_that_breaks_a_rule_ends_its_session_and_no_other() {
    let mut house = House::new(calm_rules());
    let witness = house.client(Peer::default());
    for (sizes, code) in [(&[0; 9][..], 4400), (&[1001], 4413)] {
        let client = house.client(Peer::default());
        let told = house.messages(client.link, 1, sizes);
        assert!(matches!(ends(&told)[..], [(ended, found, _, 0)] if ended == client.session && found == code));
        assert!(matches!(closes(&told)[..], [(closed, found, _)] if closed == client.link && found == code));
    }
    for frame in [&[][..], &[200, 1]] {
        let client = house.client(Peer::default());
        let told = house.says(client.link, frame);
        assert!(matches!(ends(&told)[..], [(ended, 4400, _, 0)] if ended == client.session));
    }
    let client = house.client(Peer::default());
    house.driver.hub.fail(client.link, Fault::Malformed);
    assert!(matches!(ends(&house.now())[..], [(ended, 4400, _, 0)] if ended == client.session));
    assert_eq!(house.figures(), (1, 1, 1));
    house.sends(&witness, &[1]);
    assert_eq!(batches(&house.turn(), witness.link), [(1, 1)]);
}

#[test]
fn past_what_sessions_without_a_connection_may_hold_the_last_one_of_the_greediest_goes() {
    let mut house = House::new(Rules {
        max_detached_bytes: 1_000,
        ..calm_rules()
    });
    let greedy = [0; 3].map(|_| house.client(user("greedy")));
    let modest = house.client(user("modest"));
    house.sends(&modest, &[300]);
    for (client, size) in greedy.iter().zip([200, 100, 100]) {
        house.sends(client, &[size]);
    }
    let mut told = house.turn();
    for client in &greedy {
        told.extend(house.loses(client.link));
        told.extend(house.passes(1));
    }
    assert_eq!(ends(&told), [], "that is within the bound");
    let told = house.loses(modest.link);
    assert_eq!(ends(&told), [], "still: 332 + 132 + 132 + 232");
    // What is sent without a connection counts, too.
    house.sends(&greedy[0], &[200]);
    let told = house.now();
    assert_eq!(ends(&told), [(greedy[2].session, 1006, "no room to keep it", 1)]);
    assert_eq!(house.driver.hub.stats().detached_bytes, 332 + 132 + 232 + 232);
    // A single one may be the greediest.
    house.sends(&modest, &[600]);
    let told = house.now();
    assert_eq!(ends(&told), [(modest.session, 1006, "no room to keep it", 2)]);
    let (link, told) = house.comes_back(user("modest"), &modest.welcome.token, 2, 0);
    assert!(began(&told, link).is_some(), "nobody remembers it");
}

#[test]
fn a_connection_that_is_lost_may_leave_too_much_behind() {
    let mut house = House::new(Rules {
        max_detached_bytes: 100,
        ..calm_rules()
    });
    let client = house.client(Peer::default());
    house.messages(client.link, 1, &[50, 50]);
    house.turn();
    let told = house.loses(client.link);
    assert_eq!(ends(&told), [(client.session, 1006, "no room to keep it", 0)]);
}

#[test]
fn a_connection_that_is_found_dead_may_leave_too_much_behind() {
    let mut house = House::new(Rules {
        max_detached_bytes: 100,
        ..rules()
    });
    let client = house.client(Peer::default());
    house.sends(&client, &[100]);
    assert_eq!(ends(&house.turn()), []);
    let told = house.passes(22_000);
    assert_eq!(ends(&told), [(client.session, 1006, "no room to keep it", 1)]);
    assert_eq!(house.driver.hub.deadline(), None);
}
