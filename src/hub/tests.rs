//! What only the inside of a hub shows: that of what is over nothing is left there. Its scenarios are in `tests/hub_*.rs`.

use core::time::Duration;

use super::connections::Stage;
use super::{Entrance, Hub, Output, Peer, Quotas, Rules, TOKEN_BYTES};
use crate::proto::Time;
use crate::session::{Control, Hello};

/// Carries out what comes out, and ends the turn.
fn run(hub: &mut Hub) {
    while let Some(output) = hub.poll() {
        match output {
            Output::Choose { link, .. } => hub.choose(link, ""),
            Output::AwaitTurn => hub.turn_ended(),
            _ => {}
        }
    }
}

fn assert_empty(hub: &Hub) {
    assert!(hub.connections.is_empty(), "{:?}", hub.connections);
    assert!(hub.sessions.is_empty(), "{:?}", hub.sessions);
    assert!(hub.keys.is_empty(), "{:?}", hub.keys);
    assert!(hub.places.is_empty(), "{:?}", hub.places);
    assert!(hub.timers.first().is_none(), "{:?}", hub.timers);
    assert!(hub.due.is_empty() && hub.busy.is_empty() && hub.touched.is_empty());
    assert!(hub.outputs.is_empty(), "{:?}", hub.outputs);
    assert_eq!((hub.held, hub.detached), (0, 0));
}

#[test]
fn however_a_session_ends_nothing_is_left_of_it_but_that_it_has_ended() {
    let mut rules = Rules {
        quotas: Quotas {
            per_address: 1,
            per_principal: 1,
            ..Quotas::default()
        },
        protocols: None,
        ..Rules::default()
    };
    rules.settings.resume = Duration::from_secs(10);
    let bye = Control::Bye(crate::session::Bye::default()).encode();
    type End = fn(&mut Hub, u64, u64, &[u8]);
    let ways: [(End, usize); 10] = [
        (|hub, _, session, _| hub.terminate(session), 0),
        (|hub, _, session, _| hub.close(session, 1000, ""), 1),
        (|hub, _, session, _| hub.fail_session(session, 1011, ""), 1),
        (|hub, link, _, bye| assert!(hub.frame(link, bye).is_none()), 1),
        (|hub, link, _, _| hub.closed(link, 1009, ""), 1),
        (|hub, link, _, _| hub.broken(link, 1007, ""), 1),
        (|hub, link, _, _| hub.batch(link, 9_999, &[1]), 1),
        (|hub, link, _, _| hub.closed(link, 1006, ""), 0),
        (|hub, _, _, _| hub.forget(), 0),
        (|_, _, _, _| {}, 0),
    ];
    for (number, (end, remembered)) in ways.into_iter().enumerate() {
        let mut hub = Hub::new(rules.clone());
        let peer = Peer {
            origin: Some("https://a.test".into()),
            principal: Some("ann".into()),
            address: Some([10, 0, 0, 1].into()),
        };
        let link = hub.connect(peer, Entrance::Allowed);
        let hello = Hello {
            limit: 9,
            attempt: 1,
            max_message: 9,
            protocols: [alloc::string::String::from("a")].into(),
            ..Hello::default()
        };
        hub.hello(link, &hello.encode(), [1; TOKEN_BYTES]);
        run(&mut hub);
        let session = hub.sessions.keys().copied().next().unwrap_or_default();
        assert_eq!(hub.sessions.len(), 1);
        hub.send(session, 1);
        hub.send(session, 1);
        hub.batch(link, 1, &[1, 1]);
        end(&mut hub, link, session, &bye);
        run(&mut hub);
        // Closes wait for what was sent; who was not closed is found dead, and waited for.
        let (mut most, mut fired) = (0, 0);
        while let Some(deadline) = hub.deadline() {
            fired += 1;
            assert!(fired < 100, "a deadline that does not go away, way {number}");
            hub.tell_time(deadline);
            hub.timer();
            run(&mut hub);
            most = most.max(hub.ends.len());
        }
        assert_eq!(most.max(hub.ends.len()), remembered, "way {number}");
        assert_empty(&hub);
        hub.tell_time(Time::from_millis(1_000_000));
        hub.timer();
        assert_eq!(hub.ends.len(), 0);
    }
}

#[test]
fn a_connection_without_a_session_leaves_nothing() {
    let mut hub = Hub::new(Rules {
        protocols: None,
        ..Rules::default()
    });
    let hello = Hello {
        limit: 9,
        attempt: 1,
        max_message: 9,
        protocols: [alloc::string::String::from("a")].into(),
        ..Hello::default()
    };
    let entrances = [Entrance::Listed, Entrance::Foreign, Entrance::Unauthenticated];
    for entrance in entrances {
        let link = hub.connect(Peer::default(), entrance);
        hub.closed(link, 1006, "");
    }
    let link = hub.connect(Peer::default(), Entrance::Allowed);
    hub.hello(link, &[0], [1; TOKEN_BYTES]);
    let link = hub.connect(Peer::default(), Entrance::Allowed);
    hub.hello(link, &hello.encode(), [1; TOKEN_BYTES]);
    // Gone while the application chooses.
    hub.closed(link, 1006, "");
    run(&mut hub);
    assert_empty(&hub);
    hub.connect(Peer::default(), Entrance::Allowed);
    hub.detach();
    run(&mut hub);
    assert_empty(&hub);
}

#[test]
fn whatever_a_connection_is_at_each_message_is_delivered_or_discarded() {
    type Way = fn(&mut Hub, u64, u64);
    let ways: [Way; 10] = [
        |_, _, _| {},
        |hub, _, session| hub.close(session, 1000, ""),
        |hub, _, session| hub.terminate(session),
        |hub, link, _| hub.closed(link, 1006, ""),
        |hub, link, _| hub.blocked(link),
        |hub, _, _| hub.detach(),
        // It has taken what came before.
        |hub, link, session| {
            hub.batch(link, 1, &[1]);
            hub.take(session, 1);
        },
        // Another has its session; it has none yet; and it has one that is gone, which does not happen.
        |hub, _, session| {
            let other = hub.connect(Peer::default(), Entrance::Allowed);
            if let Some(entry) = hub.sessions.get_mut(&session) {
                let hello = Hello {
                    attempt: 2,
                    max_message: 9,
                    ..Hello::default()
                };
                assert!(entry.server.resume(&hello, other, Time::default()).is_ok());
            }
        },
        |hub, link, _| {
            if let Some(connection) = hub.connections.get_mut(&link) {
                let (until, again) = (Time::default(), false);
                connection.stage = Stage::Silent { until, again };
            }
        },
        |hub, link, _| {
            if let Some(connection) = hub.connections.get_mut(&link) {
                connection.stage = Stage::Carrying(99);
            }
        },
    ];
    let sizes: [&[usize]; 5] = [&[], &[1], &[1, 0, 1], &[1, 1 << 30], &[0; 2000]];
    let firsts = [1, 2, 3, 9, 5000];
    let cases = ways.iter().flat_map(|way| sizes.map(|sizes| (way, sizes)));
    for (number, (way, sizes)) in cases.enumerate() {
        for first in firsts {
            let mut hub = Hub::new(Rules::default());
            let link = hub.connect(Peer::default(), Entrance::Allowed);
            let hello = Hello {
                max_message: 9,
                ..Hello::default()
            };
            hub.hello(link, &hello.encode(), [1; TOKEN_BYTES]);
            run(&mut hub);
            let session = hub.sessions.keys().copied().next().unwrap_or_default();
            way(&mut hub, link, session);
            run(&mut hub);
            hub.batch(link, first, sizes);
            let mut told = 0;
            while let Some(output) = hub.poll() {
                match output {
                    Output::Deliver { count, .. } | Output::Discard(count) => told += count,
                    _ => {}
                }
            }
            assert_eq!(told, sizes.len(), "case {number}, from {first}");
        }
    }
}
