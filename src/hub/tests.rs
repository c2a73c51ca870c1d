//! What only the inside of a hub shows: that of what is over nothing is left there. Its scenarios are in `tests/hub_*.rs`.

use core::time::Duration;

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
