//! Who comes in, and what a HELLO comes to: scenarios of a hub.
#![cfg(all(feature = "hub", not(target_arch = "wasm32")))]

#[allow(dead_code, reason = "each test binary uses some of it")]
mod hub_support {
    pub(crate) mod driver;
    pub(crate) mod house;
}

use hub_support::driver::News;
use hub_support::house::*;
use tautline::hub::{Entrance, Origins, Peer, Quotas, Rules};
use tautline::session::{Bye, Control, Hello};

// Before the HELLO

#[test]
fn who_says_nothing_is_closed_with_4408() {
    let mut house = House::new(rules());
    let (first, second) = (house.connects(Peer::default()), house.connects(Peer::default()));
    assert_eq!(house.passes(4_999), []);
    // Signs of life are no HELLO.
    house.driver.hub.alive(first);
    house.driver.hub.unblocked(first);
    assert_eq!(
        closes(&house.passes(1)),
        [(first, 4408, "no HELLO in time"), (second, 4408, "no HELLO in time")]
    );
    assert_eq!(house.figures(), (0, 0, 0));
    assert_eq!(house.driver.hub.deadline(), None);
}

#[test]
fn a_process_that_stood_still_waits_for_a_hello_once_more() {
    let mut house = House::new(rules());
    let links = [0; 3].map(|_| house.connects(Peer::default()));
    assert_eq!(house.jumps(60_000), [], "what they said may wait to be read");
    let told = house.says_hello(links[0], &hello("", 1));
    assert!(began(&told, links[0]).is_some());
    assert_eq!(closes(&house.passes(4_999)), []);
    let silent = |link| (link, 4408, "no HELLO in time");
    assert_eq!(closes(&house.passes(1)), [silent(links[1]), silent(links[2])]);
    // Once.
    let link = house.connects(Peer::default());
    house.jumps(60_000);
    assert_eq!(closes(&house.jumps(60_000)), [silent(link)]);
    // And not for as little as this.
    let link = house.connects(Peer::default());
    assert_eq!(closes(&house.jumps(6_000)), [silent(link)]);
}

#[test]
fn who_has_said_hello_or_gone_is_not_awaited() {
    let mut house = House::new(calm_rules());
    house.client(Peer::default());
    let link = house.connects(Peer::default());
    assert_eq!(house.loses(link), []);
    assert_eq!(house.figures(), (1, 1, 1));
    assert_eq!(house.driver.hub.deadline(), None);
    assert_eq!(house.passes(10_000), []);
}

#[test]
fn whatever_else_comes_first_is_4400() {
    let mut house = House::new(rules());
    for frame in [&Control::Ping(1).encode()[..], &[], &[1, 2, 3], &[9]] {
        let link = house.connects(Peer::default());
        let told = house.says(link, frame);
        assert!(
            matches!(closes(&told)[..], [(closed, 4400, _)] if closed == link),
            "{told:?}"
        );
    }
    // Messages, as a text frame has them.
    let link = house.connects(Peer::default());
    house.driver.batch(link, 1, vec![1, 2]);
    assert!(matches!(closes(&house.now())[..], [(closed, 4400, _)] if closed == link));
    // Or what the driver itself takes for no frame.
    let link = house.connects(Peer::default());
    house.driver.hub.fail(link, tautline::session::Fault::Malformed);
    assert!(matches!(closes(&house.now())[..], [(closed, 4400, _)] if closed == link));
    assert_eq!(house.figures(), (0, 0, 0));
    assert_eq!(house.driver.hub.deadline(), None);
}

#[test]
fn what_a_library_refuses_to_read_before_the_hello_closes_with_its_code() {
    let mut house = House::new(rules());
    let link = house.connects(Peer::default());
    house.driver.hub.broken(link, 1009, "too much");
    assert_eq!(closes(&house.now()), [(link, 1009, "")]);
}

#[test]
fn the_list_of_origins_decides_where_nobody_else_has() {
    let origins: Origins = ["https://example.com"].iter().collect();
    let mut house = House::new(Rules { origins, ..rules() });
    let page = |origin| page(origin);
    for (peer, entrance, refusal) in [
        (page("https://example.com"), Entrance::Listed, None),
        (page("https://other.test"), Entrance::Listed, Some("origin not allowed")),
        (Peer::default(), Entrance::Listed, None),
        (page("https://other.test"), Entrance::Allowed, None),
        (
            page("https://example.com"),
            Entrance::Foreign,
            Some("origin not allowed"),
        ),
        (
            page("https://example.com"),
            Entrance::Unauthenticated,
            Some("not authorised"),
        ),
        (Peer::default(), Entrance::Unauthenticated, Some("not authorised")),
    ] {
        let link = house.driver.connect(peer.clone(), entrance);
        let told = house.now();
        assert_eq!(
            closes(&told).first().map(|&(_, code, reason)| (code, reason)),
            refusal.map(|reason| (4401, reason))
        );
        assert_eq!(
            house.driver.hub.awaits_hello(link),
            refusal.is_none(),
            "{peer:?} {entrance:?}"
        );
    }
    house.driver.hub.allow("https://other.test/");
    assert!(house.driver.hub.allows("https://OTHER.test"));
}

// New sessions

#[test]
fn a_hello_without_a_token_begins_a_session() {
    let mut house = House::new(rules());
    let client = house.client(user("ann"));
    let welcome = &client.welcome;
    assert_eq!((welcome.resumed, welcome.taken, welcome.limit), (false, 0, 8));
    assert_eq!(welcome.token.len(), 64);
    assert_eq!(house.figures(), (1, 1, 1));
    let other = house.client(user("ann"));
    assert_ne!(
        (other.session, &other.welcome.token),
        (client.session, &client.welcome.token)
    );
}

#[test]
fn a_second_hello_breaks_the_rules() {
    let mut house = House::new(rules());
    let client = house.client(Peer::default());
    let told = house.says_hello(client.link, &hello("", 2));
    assert!(matches!(closes(&told)[..], [(closed, 4400, _)] if closed == client.link));
    assert!(matches!(ends(&told)[..], [(ended, 4400, _, 0)] if ended == client.session));
    // Where the driver knows no better than to tell it as one.
    let client = house.client(Peer::default());
    house.driver.hub.hello(client.link, &hello("", 2).encode(), [9; 32]);
    assert!(matches!(ends(&house.now())[..], [(ended, 4400, _, 0)] if ended == client.session));
}

#[test]
fn the_first_subprotocol_of_the_clients_that_is_known_is_the_sessions() {
    let mut house = House::new(Rules {
        protocols: Some(vec!["b".into(), "c".into()]),
        ..rules()
    });
    for (offered, chosen) in [(&["a", "c", "b"][..], "c"), (&["a"], ""), (&[], "")] {
        let link = house.connects(Peer::default());
        let told = house.says_hello(link, &offering(offered));
        assert_eq!(
            welcome(&told, link).map(|welcome| welcome.protocol),
            Some(chosen.into())
        );
        assert!(
            told.iter()
                .any(|news| matches!(news, News::Began { protocol, .. } if protocol == chosen))
        );
    }
}

fn offering(protocols: &[&str]) -> Hello {
    Hello {
        protocols: protocols.iter().map(|&protocol| protocol.into()).collect(),
        ..hello("", 1)
    }
}

#[test]
fn an_application_that_is_asked_chooses_one_that_was_offered_or_none() {
    let mut house = House::new(Rules {
        protocols: None,
        ..rules()
    });
    for (answer, chosen) in [("b", "b"), ("z", ""), ("", "")] {
        let link = house.connects(Peer::default());
        let told = house.says_hello(link, &offering(&["a", "b"]));
        assert_eq!(told, [News::Choose(link, vec!["a".into(), "b".into()])]);
        // However long the application takes.
        assert_eq!(closes(&house.passes(9_000)), []);
        house.driver.hub.choose(link, answer);
        let told = house.now();
        assert_eq!(
            welcome(&told, link).map(|welcome| welcome.protocol),
            Some(chosen.into())
        );
        // Once.
        house.driver.hub.choose(link, "a");
        assert_eq!(house.now(), []);
    }
    // Where there is nothing to choose from nobody is asked.
    let client = house.client(Peer::default());
    assert_eq!(client.welcome.protocol, "");
    // From here on it is not asked any more.
    house.driver.hub.know("");
    house.driver.hub.know("b");
    let link = house.connects(Peer::default());
    let told = house.says_hello(link, &offering(&["a", "b"]));
    assert_eq!(welcome(&told, link).map(|welcome| welcome.protocol), Some("b".into()));
}

#[test]
fn an_application_is_asked_about_proper_names_only_and_about_each_once() {
    let mut house = House::new(Rules {
        protocols: None,
        ..rules()
    });
    let link = house.connects(Peer::default());
    let offered = [
        "chat.v2",
        "",
        "a b",
        "a,b",
        "chat.v2",
        "é",
        "x\ny",
        "\u{7f}",
        "(a)",
        "!#$%&'*+-.^_`|~",
    ];
    let told = house.says_hello(link, &offering(&offered));
    let proper = vec!["chat.v2".into(), "!#$%&'*+-.^_`|~".into()];
    assert_eq!(told, [News::Choose(link, proper)]);
    house.driver.hub.choose(link, "a b");
    let told = house.now();
    assert_eq!(welcome(&told, link).map(|welcome| welcome.protocol), Some("".into()));
    // Where none is left it is not asked.
    let link = house.connects(Peer::default());
    let told = house.says_hello(link, &offering(&["", "a b"]));
    assert_eq!(
        began(&told, link).map(|client| client.welcome.protocol),
        Some("".into())
    );
}

#[test]
fn who_goes_or_talks_while_the_application_chooses_has_no_session() {
    let mut house = House::new(Rules {
        protocols: None,
        ..rules()
    });
    let link = house.connects(Peer::default());
    house.says_hello(link, &offering(&["a"]));
    house.loses(link);
    house.driver.hub.choose(link, "a");
    assert_eq!(house.now(), []);
    let link = house.connects(Peer::default());
    house.says_hello(link, &offering(&["a"]));
    let told = house.control(link, &Control::Ping(1));
    assert!(matches!(closes(&told)[..], [(closed, 4400, _)] if closed == link));
    house.driver.hub.choose(link, "a");
    assert_eq!(house.now(), []);
    // One that was not asked has nothing to choose.
    let link = house.connects(Peer::default());
    house.driver.hub.choose(link, "a");
    assert!(house.driver.hub.awaits_hello(link));
    assert_eq!(closes(&house.passes(5_000)), [(link, 4408, "no HELLO in time")]);
    assert_eq!(house.figures(), (0, 0, 0));
}

// Sessions that go on

#[test]
fn a_session_goes_on_with_what_was_not_taken() {
    let mut house = House::new(rules());
    let client = house.client(user("ann"));
    house.messages(client.link, 1, &[5, 6]);
    house.takes(&client, 1);
    house.sends(&client, &[1, 2, 3]);
    house.turn();
    assert_eq!(house.loses(client.link), [News::Detached(client.session)]);
    house.passes(30_000);
    let (link, told) = house.comes_back(user("ann"), &client.welcome.token, 2, 1);
    let again = welcome(&told, link).expect("a welcome");
    assert_eq!((again.resumed, again.taken, again.limit), (true, 1, 9));
    assert_eq!(again.token, client.welcome.token);
    assert!(told.contains(&News::Resumed(client.session)));
    assert!(told.contains(&News::Released(client.session, vec![1])));
    assert_eq!(batches(&told, link), [(2, 2)], "at once, and in one frame");
    assert_eq!(house.figures(), (1, 1, 1));
    // What the client sends again is there already.
    assert_eq!(house.messages(link, 2, &[6]), []);
    assert_eq!(house.driver.hub.inbox(client.session).messages, 1);
}

#[test]
fn a_newer_connection_supersedes_and_the_old_one_has_no_effect_any_more() {
    let mut house = House::new(rules());
    let client = house.client(Peer::default());
    let (link, told) = house.comes_back(Peer::default(), &client.welcome.token, 2, 0);
    assert_eq!(closes(&told), [(client.link, 4409, "superseded by a newer connection")]);
    assert!(welcome(&told, link).is_some_and(|welcome| welcome.resumed));
    // What it says, and that it ends, concerns nobody.
    assert_eq!(house.messages(client.link, 1, &[1]), []);
    house.driver.hub.alive(client.link);
    house.driver.hub.unblocked(client.link);
    house.driver.hub.blocked(client.link);
    assert_eq!(house.loses(client.link), []);
    assert_eq!(house.figures(), (1, 1, 1));
    // The new one carries it.
    house.sends(&client, &[1]);
    assert_eq!(batches(&house.now(), link), [(1, 1)]);
}

#[test]
fn a_late_hello_is_4409_and_changes_nothing_else() {
    let mut house = House::new(rules());
    let client = house.client(Peer::default());
    let (link, _) = house.comes_back(Peer::default(), &client.welcome.token, 3, 0);
    for attempt in [2, 3] {
        let (late, told) = house.comes_back(Peer::default(), &client.welcome.token, attempt, 0);
        assert_eq!(
            told,
            [News::Closed(late, 4409, "superseded by a newer connection".into())]
        );
    }
    assert_eq!(house.figures(), (1, 1, 1));
    house.sends(&client, &[1]);
    assert_eq!(batches(&house.now(), link), [(1, 1)]);
}

#[test]
fn to_another_a_session_is_unknown() {
    let mut house = House::new(rules());
    let ann = Peer {
        origin: Some("https://a.test".into()),
        principal: Some("ann".into()),
        address: None,
    };
    let client = house.client(ann.clone());
    let elsewhere = Peer {
        origin: Some("https://b.test".into()),
        ..ann.clone()
    };
    let other = Peer {
        principal: Some("bob".into()),
        ..ann.clone()
    };
    for peer in [elsewhere, other, Peer::default()] {
        let (link, told) = house.comes_back(peer, &client.welcome.token, 2, 0);
        let new = began(&told, link).expect("a new session");
        assert!(!new.welcome.resumed && new.session != client.session);
        assert_ne!(new.welcome.token, client.welcome.token);
        assert_eq!(closes(&told), []);
    }
    // From wherever it comes: an address is no identity.
    let moved = Peer {
        address: Some([10, 0, 0, 9].into()),
        ..ann
    };
    let (link, told) = house.comes_back(moved, &client.welcome.token, 2, 0);
    assert!(welcome(&told, link).is_some_and(|welcome| welcome.resumed));
}

#[test]
fn where_the_two_dont_agree_the_session_is_lost_and_begins_anew() {
    let mut house = House::new(rules());
    let client = house.client(Peer::default());
    house.sends(&client, &[1, 2]);
    house.turn();
    // It says that it has taken what nobody sent.
    let (link, told) = house.comes_back(Peer::default(), &client.welcome.token, 2, 7);
    assert_eq!(ends(&told), [(client.session, 1006, "session lost", 2)]);
    assert_eq!(closes(&told), [(client.link, 4409, "superseded by a newer connection")]);
    let new = began(&told, link).expect("a new session");
    assert_ne!(new.welcome.token, client.welcome.token);
    assert_eq!(house.figures(), (1, 1, 1));
    // The limit was the old session's.
    house.sends(&new, &[1]);
    assert_eq!(house.turn(), []);
    // The old token is nobody's.
    let (_, told) = house.comes_back(Peer::default(), &client.welcome.token, 9, 0);
    assert!(told.iter().any(|news| matches!(news, News::Began { .. })));
}

#[test]
fn an_end_is_told_for_the_resume_time_and_to_its_client_only() {
    let mut house = House::new(calm_rules());
    let client = house.client(user("ann"));
    house.driver.hub.close(client.session, 4321, "enough");
    let told = house.turn();
    let bye = Control::Bye(Bye {
        code: 4321,
        reason: "enough".into(),
    });
    assert_eq!(controls(&told, client.link), std::slice::from_ref(&bye));
    assert_eq!(closes(&told), [(client.link, 1000, "")]);
    assert_eq!(ends(&told), [(client.session, 4321, "enough", 0)]);
    assert_eq!(house.passes(59_999), []);
    let (link, told) = house.comes_back(user("ann"), &client.welcome.token, 2, 0);
    assert_eq!(
        told,
        [News::Frame(link, bye.encode()), News::Closed(link, 1000, String::new()),]
    );
    let (link, told) = house.comes_back(user("bob"), &client.welcome.token, 2, 0);
    assert!(began(&told, link).is_some(), "another does not hear of it");
    house.passes(1);
    let (link, told) = house.comes_back(user("ann"), &client.welcome.token, 3, 0);
    assert!(began(&told, link).is_some(), "it is forgotten");
    // Its end was its own: the sessions that came after have theirs.
    assert_eq!(house.figures(), (2, 2, 2));
}

#[test]
fn where_nothing_is_kept_no_end_is() {
    let mut rules = calm_rules();
    rules.settings.resume = ms(0);
    let mut house = House::new(rules);
    let client = house.client(Peer::default());
    house.driver.hub.close(client.session, 4321, "");
    house.turn();
    let (link, told) = house.comes_back(Peer::default(), &client.welcome.token, 2, 0);
    assert!(began(&told, link).is_some());
}

// How many there may be

fn full(quotas: Quotas) -> House {
    House::new(Rules { quotas, ..calm_rules() })
}

#[test]
fn an_address_and_a_principal_have_their_quotas() {
    let mut house = full(Quotas {
        per_address: 1,
        per_principal: 1,
        ..Quotas::default()
    });
    let client = house.client(place("10.0.0.1"));
    house.client(user("ann"));
    for (peer, reason) in [
        (place("10.0.0.1"), "too many sessions from this address"),
        (user("ann"), "too many sessions of this principal"),
    ] {
        let link = house.connects(peer);
        let told = house.says_hello(link, &hello("", 1));
        assert_eq!(closes(&told), [(link, 4429, reason)]);
    }
    assert_eq!(house.figures(), (2, 2, 2));
    // Whoever comes back has a place.
    let (link, told) = house.comes_back(place("10.0.0.1"), &client.welcome.token, 2, 0);
    assert!(welcome(&told, link).is_some_and(|welcome| welcome.resumed));
    house.driver.hub.terminate(client.session);
    house.now();
    house.client(place("10.0.0.1"));
}

#[test]
fn one_that_its_client_has_lost_gives_its_place_to_the_new_one() {
    let mut house = full(Quotas {
        per_principal: 1,
        ..Quotas::default()
    });
    let client = house.client(user("ann"));
    let (link, told) = house.comes_back(user("ann"), &client.welcome.token, 2, 99);
    assert!(began(&told, link).is_some());
}

#[test]
fn those_that_were_never_used_make_room_the_oldest_first() {
    let mut house = full(Quotas {
        sessions: 3,
        ..Quotas::default()
    });
    let [used, first, second] = [0; 3].map(|_| house.client(Peer::default()));
    house.control(used.link, &Control::Ping(1));
    for victim in [&first, &second] {
        let link = house.connects(Peer::default());
        let told = house.says_hello(link, &hello("", 1));
        assert_eq!(ends(&told), [(victim.session, 4429, "made room for others", 0)]);
        assert_eq!(closes(&told), [(victim.link, 4429, "made room for others")]);
        let new = began(&told, link).expect("a new session");
        house.control(new.link, &Control::Ping(1));
    }
    // Now all are used. Nobody remembers the two, but they have no place any more.
    let (late, told) = house.comes_back(Peer::default(), &first.welcome.token, 2, 0);
    assert_eq!(told, [News::Closed(late, 4429, "too many sessions".into())]);
    assert_eq!(house.figures().0, 3);
}

#[test]
fn one_whose_client_came_back_makes_no_room() {
    let mut house = full(Quotas {
        sessions: 1,
        ..Quotas::default()
    });
    let client = house.client(Peer::default());
    house.loses(client.link);
    house.comes_back(Peer::default(), &client.welcome.token, 2, 0);
    let link = house.connects(Peer::default());
    let told = house.says_hello(link, &hello("", 1));
    assert_eq!(told, [News::Closed(link, 4429, "too many sessions".into())]);
}

#[test]
fn nobody_makes_room_for_one_that_may_not_begin_anyway() {
    let mut house = full(Quotas {
        sessions: 2,
        per_principal: 1,
        ..Quotas::default()
    });
    let ann = house.client(user("ann"));
    house.control(ann.link, &Control::Ping(1));
    house.client(user("bob"));
    let link = house.connects(user("ann"));
    let told = house.says_hello(link, &hello("", 1));
    assert_eq!(
        told,
        [News::Closed(link, 4429, "too many sessions of this principal".into())]
    );
    assert_eq!(house.figures(), (2, 2, 2));
}
