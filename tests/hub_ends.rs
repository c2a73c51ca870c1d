//! How sessions of a hub end, one by one and all together: scenarios.
#![cfg(all(feature = "hub", not(target_arch = "wasm32")))]

#[allow(dead_code, reason = "each test binary uses some of it")]
mod hub_support {
    pub(crate) mod driver;
    pub(crate) mod house;
}

use hub_support::driver::News;
use hub_support::house::*;
use tautline::hub::{Entrance, Peer};
use tautline::session::{Bye, Control};

fn bye(code: u64, reason: &str) -> Control {
    Control::Bye(Bye {
        code,
        reason: reason.into(),
    })
}

/// What whoever comes back with this session's token hears.
fn answer(house: &mut House, client: &Client) -> Option<Control> {
    let (link, told) = house.comes_back(Peer::default(), &client.welcome.token, 9, 0);
    assert!(closes(&told).contains(&(link, 1000, "")) != began(&told, link).is_some());
    controls(&told, link).into_iter().next()
}

// One by one

#[test]
fn close_waits_until_all_is_taken() {
    let mut house = House::new(calm_rules());
    let client = house.client(Peer::default());
    house.sends(&client, &[1, 2]);
    house.driver.hub.close(client.session, 3000, "done");
    let told = house.turn();
    assert_eq!((batches(&told, client.link), ends(&told)), (vec![(1, 2)], vec![]));
    let told = house.control(client.link, &Control::Ack { taken: 1, limit: 20 });
    assert_eq!(ends(&told), []);
    let told = house.control(client.link, &Control::Ack { taken: 2, limit: 20 });
    let mut told = told;
    told.extend(house.turn());
    assert_eq!(controls(&told, client.link), [bye(3000, "done")]);
    assert_eq!(closes(&told), [(client.link, 1000, "")]);
    assert_eq!(ends(&told), [(client.session, 3000, "done", 0)]);
    assert_eq!(answer(&mut house, &client), Some(bye(3000, "done")));
}

#[test]
fn close_does_not_wait_for_ever() {
    let mut house = House::new(calm_rules());
    let client = house.client(Peer::default());
    house.sends(&client, &[1, 2]);
    house.driver.hub.close(client.session, 3000, "done");
    house.turn();
    assert_eq!(ends(&house.passes(4_999)), []);
    let told = house.passes(1);
    assert_eq!(controls(&told, client.link), [bye(3000, "done")]);
    assert_eq!(ends(&told), [(client.session, 3000, "done", 2)]);
}

#[test]
fn nor_for_a_connection_that_takes_nothing() {
    let mut house = House::new(calm_rules());
    let client = house.client(Peer::default());
    house.driver.hub.blocked(client.link);
    house.sends(&client, &[1]);
    house.driver.hub.close(client.session, 3000, "done");
    house.turn();
    assert_eq!(ends(&house.passes(5_999)), []);
    let told = house.passes(1);
    assert_eq!(ends(&told), [(client.session, 3000, "done", 1)]);
    assert!(!says_anything(&told, client.link));
    assert_eq!(closes(&told), [(client.link, 1000, "")]);
    assert_eq!(answer(&mut house, &client), Some(bye(3000, "done")));
}

#[test]
fn nor_for_a_client_that_is_away() {
    let mut house = House::new(calm_rules());
    let client = house.client(Peer::default());
    house.sends(&client, &[1]);
    house.turn();
    house.loses(client.link);
    house.driver.hub.close(client.session, 3000, "done");
    assert_eq!(ends(&house.passes(4_999)), []);
    assert_eq!(ends(&house.passes(1)), [(client.session, 3000, "done", 1)]);
    assert_eq!(answer(&mut house, &client), Some(bye(3000, "done")));
    // With nothing to wait for it has ended at once.
    let client = house.client(Peer::default());
    house.loses(client.link);
    house.driver.hub.close(client.session, 3000, "done");
    assert_eq!(ends(&house.now()), [(client.session, 3000, "done", 0)]);
}

#[test]
fn codes_and_reasons_are_such_as_may_be_said() {
    let long = "ä".repeat(100);
    let mut house = House::new(calm_rules());
    for (code, said) in [
        (1000, 1000),
        (3000, 3000),
        (4999, 4999),
        (1001, 1000),
        (1006, 1000),
        (5000, 1000),
        (0, 1000),
    ] {
        let client = house.client(Peer::default());
        house.driver.hub.close(client.session, code, &long);
        let told = house.turn();
        assert_eq!(ends(&told), [(client.session, said, &*"ä".repeat(61), 0)]);
    }
    for (code, said) in [
        (1011, 1011),
        (1001, 1001),
        (1006, 1000),
        (1005, 1000),
        (1015, 1000),
        (2000, 1000),
    ] {
        let client = house.client(Peer::default());
        house.driver.hub.fail_session(client.session, code, &long);
        let told = house.turn();
        assert_eq!(ends(&told), [(client.session, said, &*"ä".repeat(61), 0)]);
    }
}

#[test]
fn a_session_that_is_terminated_ends_without_a_word() {
    let mut house = House::new(calm_rules());
    let client = house.client(Peer::default());
    house.sends(&client, &[1]);
    house.turn();
    house.driver.hub.terminate(client.session);
    let told = house.now();
    assert_eq!(
        told,
        [
            News::Closed(client.link, 1001, "terminated".into()),
            News::Ended {
                session: client.session,
                code: 1006,
                reason: "terminated".into(),
                left: vec![1],
            },
        ]
    );
    house.driver.hub.terminate(client.session);
    assert_eq!(house.now(), []);
    assert_eq!(answer(&mut house, &client), None);
}

#[test]
fn the_clients_bye_ends_it_and_is_remembered() {
    let mut house = House::new(calm_rules());
    // Whatever its code: 1006 is no loss where it was said.
    for (code, heard) in [(1000, 1000), (4000, 4000), (1006, 1006)] {
        let client = house.client(Peer::default());
        house.sends(&client, &[1]);
        house.turn();
        let told = house.control(client.link, &bye(code, &"x".repeat(200)));
        let short = "x".repeat(123);
        assert!(matches!(ends(&told)[..], [(ended, _, reason, 1)] if ended == client.session && reason == short));
        assert_eq!(closes(&told), [(client.link, 1000, "")]);
        let remembered = answer(&mut house, &client);
        assert!(matches!(remembered, Some(Control::Bye(_))), "{heard}: {remembered:?}");
    }
}

#[test]
fn a_close_after_which_no_client_comes_back_ends_the_session() {
    let mut house = House::new(calm_rules());
    for code in [1002, 1007, 1009, 4400, 4413] {
        let client = house.client(Peer::default());
        house.driver.closed(client.link, code, "bad");
        assert_eq!(ends(&house.now()), [(client.session, code, "bad", 0)]);
        assert_eq!(answer(&mut house, &client), Some(bye(code.into(), "bad")));
    }
    for code in [1000, 1001, 1005, 1006, 1011, 4000, 4409] {
        let client = house.client(Peer::default());
        house.driver.closed(client.link, code, "");
        assert_eq!(house.now(), [News::Detached(client.session)]);
    }
}

#[test]
fn what_a_library_refuses_to_read_ends_the_session() {
    let mut house = House::new(calm_rules());
    let client = house.client(Peer::default());
    house.driver.hub.broken(client.link, 1009, "too much");
    let told = house.now();
    assert_eq!(ends(&told), [(client.session, 1009, "too much", 0)]);
    assert_eq!(answer(&mut house, &client), Some(bye(1009, "too much")));
}

// All together

#[test]
fn with_bye_all_sessions_say_what_was_sent_and_end() {
    let mut house = House::new(calm_rules());
    let (idle, busy, away) = (
        house.client(Peer::default()),
        house.client(Peer::default()),
        house.client(Peer::default()),
    );
    house.loses(away.link);
    house.sends(&busy, &[1]);
    let stranger = house.connects(Peer::default());
    house.driver.hub.bye(1001, "restart", ms(2_000));
    let told = house.turn();
    assert_eq!(controls(&told, idle.link), [bye(1001, "restart")]);
    assert_eq!(batches(&told, busy.link), [(1, 1)]);
    assert_eq!(house.figures(), (1, 1, 2));
    // No session begins any more.
    let told = house.says_hello(stranger, &hello("", 1));
    assert_eq!(closes(&told), [(stranger, 1001, "the server is going away")]);
    assert!(!house.driver.hub.is_over());
    assert_eq!(ends(&house.passes(1_999)), []);
    assert_eq!(ends(&house.passes(1)), [(busy.session, 1001, "restart", 1)]);
    assert_eq!(house.figures(), (0, 0, 0));
    // Whoever was away hears of it.
    assert!(!house.driver.hub.is_over());
    assert_eq!(answer(&mut house, &away), Some(bye(1001, "restart")));
    assert!(house.driver.hub.is_over());
    // Once all is over nobody is let in.
    house.driver.hub.forget();
    let late = house.driver.connect(Peer::default(), Entrance::Allowed);
    assert_eq!(
        house.now(),
        [News::Closed(late, 1001, "the server is going away".into())]
    );
    assert_eq!(house.driver.hub.deadline(), None);
}

#[test]
fn with_bye_whoever_is_away_may_come_back_for_the_rest() {
    let mut house = House::new(calm_rules());
    let away = house.client(Peer::default());
    house.sends(&away, &[1]);
    house.turn();
    house.loses(away.link);
    house.driver.hub.bye(1001, "restart", ms(2_000));
    assert_eq!(house.figures(), (1, 0, 0));
    let (link, told) = house.comes_back(Peer::default(), &away.welcome.token, 9, 0);
    assert!(welcome(&told, link).is_some_and(|welcome| welcome.resumed));
    assert_eq!(batches(&told, link), [(1, 1)]);
    let told = house.control(link, &Control::Ack { taken: 1, limit: 20 });
    assert_eq!(controls(&told, link), [bye(1001, "restart")]);
    assert!(house.driver.hub.is_over());
}

#[test]
fn with_detach_clients_come_back_but_not_to_what_was_closed() {
    let mut house = House::new(calm_rules());
    let (open, closing, away) = (
        house.client(Peer::default()),
        house.client(Peer::default()),
        house.client(Peer::default()),
    );
    for client in [&open, &closing, &away] {
        house.sends(client, &[1]);
    }
    house.turn();
    house.driver.hub.close(closing.session, 3000, "done");
    house.driver.hub.close(away.session, 3000, "done");
    house.turn();
    house.loses(away.link);
    house.driver.hub.detach();
    let told = house.turn();
    let mut ended = ends(&told);
    ended.sort();
    assert_eq!(
        ended,
        [
            (open.session, 1001, "the server is going away", 1),
            (closing.session, 3000, "done", 1),
            (away.session, 3000, "done", 1),
        ]
    );
    assert_eq!(controls(&told, open.link), []);
    assert_eq!(controls(&told, closing.link), [bye(3000, "done")]);
    assert!(closes(&told).contains(&(open.link, 1001, "the server is going away")));
    assert_eq!(house.figures(), (0, 0, 0));
}

#[test]
fn forget_is_as_if_the_process_had_died() {
    let mut house = House::new(calm_rules());
    let (one, away, ended) = (
        house.client(Peer::default()),
        house.client(Peer::default()),
        house.client(Peer::default()),
    );
    house.sends(&one, &[1]);
    house.loses(away.link);
    house.driver.hub.close(ended.session, 3000, "done");
    house.turn();
    house.driver.hub.forget();
    let told = house.now();
    assert_eq!(
        ends(&told),
        [
            (one.session, 1006, "session lost", 1),
            (away.session, 1006, "session lost", 0),
        ]
    );
    assert_eq!(closes(&told), [(one.link, 1001, "session lost")]);
    assert!(!says_anything(&told, one.link));
    assert_eq!(house.driver.hub.deadline(), None);
    // It goes on serving, and what had ended is still known.
    assert_eq!(answer(&mut house, &one), None);
    assert_eq!(answer(&mut house, &away), None);
    assert_eq!(answer(&mut house, &ended), Some(bye(3000, "done")));
}

#[test]
fn nobody_comes_back_to_a_hub_that_has_stopped_while_they_were_choosing() {
    let mut rules = calm_rules();
    rules.protocols = None;
    let mut house = House::new(rules);
    let link = house.connects(Peer::default());
    let mut hello = hello("", 1);
    hello.protocols = vec!["a".into()];
    house.says_hello(link, &hello);
    house.driver.hub.detach();
    assert_eq!(closes(&house.now()), [(link, 1001, "the server is going away")]);
    house.driver.hub.choose(link, "a");
    assert_eq!(house.now(), []);
    assert_eq!(house.figures(), (0, 0, 0));
}
