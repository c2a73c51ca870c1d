//! What a client remembers of its session from connection to connection: scenarios.
#![cfg(not(target_arch = "wasm32"))]

use tautline::proto::Time;
use tautline::session::{Client, Fault, FromClient, Greeting, Hello, LAST, Outgoing, Welcome};

/// The messages of the next frame: the position of the first, and how many.
fn chunk(outgoing: &mut Outgoing) -> Option<(u64, usize)> {
    outgoing.next_chunk().map(|chunk| (chunk.first, chunk.count))
}

fn client() -> Client {
    Client::new(8, 1 << 20, vec!["chat".into()])
}

fn hello(client: &mut Client) -> Hello {
    let frame = client.hello();
    match FromClient::decode(&frame) {
        Ok(FromClient::Hello(hello)) => hello,
        other => panic!("{other:?}"),
    }
}

fn welcome(token: &str, resumed: bool) -> Welcome {
    Welcome {
        resumed,
        token: token.into(),
        limit: 10,
        resume_ms: 60_000,
        heartbeat_ms: 1_000,
        max_message: 100,
        ..Welcome::default()
    }
}

/// A client with a session `t`, of whose five messages three went out.
fn client_at_work() -> Client {
    let mut client = client();
    hello(&mut client);
    let mut first = welcome("t", false);
    first.limit = 3;
    assert_eq!(client.welcome(first, false), Ok(Greeting::New));
    for _ in 0..5 {
        client.outgoing.push(1);
    }
    assert_eq!(chunk(&mut client.outgoing), Some((1, 3)));
    client
}

#[test]
fn a_first_hello_asks_for_a_session_and_gives_the_room() {
    let mut client = client();
    let first = hello(&mut client);
    assert_eq!(
        (first.token.as_str(), first.taken, first.limit, first.attempt),
        ("", 0, 8, 1)
    );
    assert_eq!((first.max_message, first.protocols), (1 << 20, vec!["chat".to_owned()]));
    assert!(!client.has_session());
    assert_eq!(hello(&mut client).attempt, 2, "each has a higher attempt");
    assert_eq!(client.welcome(welcome("t", false), false), Ok(Greeting::New));
    assert!(client.has_session());
    assert_eq!(
        (client.resume_ms(), client.heartbeat_ms(), client.max_message()),
        (60_000, 1_000, 100)
    );
}

#[test]
fn the_next_hello_names_the_session_and_where_it_is() {
    let mut client = client_at_work();
    assert_eq!(client.incoming.arrive(1, &[1, 1]), Ok(0));
    client.incoming.take(1, Time::from_millis(1_000));
    let next = hello(&mut client);
    assert_eq!(
        (next.token.as_str(), next.taken, next.limit, next.attempt),
        ("t", 1, 9, 2)
    );
    let mut answer = welcome("t", true);
    answer.taken = 2;
    assert_eq!(client.welcome(answer, false), Ok(Greeting::Resumed { released: 2 }));
    assert_eq!(chunk(&mut client.outgoing), Some((3, 3)));
}

#[test]
fn a_lost_session_leaves_what_went_out_unknown_and_sends_the_rest() {
    let mut client = client_at_work();
    hello(&mut client);
    assert_eq!(
        client.welcome(welcome("u", false), false),
        Ok(Greeting::Lost { unknown: 3 })
    );
    assert_eq!(client.outgoing.load().messages, 2);
    assert_eq!(chunk(&mut client.outgoing), Some((1, 2)), "from the first position on");
    assert_eq!(
        client.incoming.ack_due(),
        Some(Time::default()),
        "the server knows no limit"
    );
    assert_eq!(client.incoming.tell(), (0, 8));
    assert_eq!(hello(&mut client).token, "u");
}

#[test]
fn a_lost_session_sends_everything_again_where_that_is_wanted() {
    let mut client = client_at_work();
    hello(&mut client);
    assert_eq!(
        client.welcome(welcome("u", false), true),
        Ok(Greeting::Lost { unknown: 3 })
    );
    assert_eq!(chunk(&mut client.outgoing), Some((1, 5)));
}

#[test]
fn a_welcome_at_fault_makes_the_next_hello_ask_for_a_new_session() {
    let cases: [(&str, Welcome); 8] = [
        (
            "taken more than was sent",
            Welcome {
                taken: 4,
                ..welcome("t", true)
            },
        ),
        ("another token", welcome("u", true)),
        ("no token", welcome("", true)),
        ("no token for a new session", welcome("", false)),
        (
            "something taken in a new session",
            Welcome {
                taken: 1,
                ..welcome("u", false)
            },
        ),
        (
            "a subprotocol that nobody offered",
            Welcome {
                protocol: "mail".into(),
                ..welcome("t", true)
            },
        ),
        (
            "smaller messages",
            Welcome {
                max_message: 99,
                ..welcome("t", true)
            },
        ),
        (
            "part of nothing",
            Welcome {
                taken: LAST,
                ..welcome("t", true)
            },
        ),
    ];
    for (what, fault) in cases {
        let mut client = client_at_work();
        hello(&mut client);
        assert!(client.welcome(fault, false).is_err(), "{what}");
        assert!(!client.has_session(), "{what}");
        let next = hello(&mut client);
        assert_eq!((next.token.as_str(), next.taken, next.attempt), ("", 0, 3), "{what}");
        assert_eq!(
            client.welcome(welcome("u", false), false),
            Ok(Greeting::Lost { unknown: 3 }),
            "{what}"
        );
    }
}

#[test]
fn a_server_that_forgets_what_it_had_taken_is_at_fault() {
    let mut client = client_at_work();
    assert_eq!(client.outgoing.acknowledge(2, 9), Ok(2));
    hello(&mut client);
    let forgetful = Welcome {
        taken: 1,
        ..welcome("t", true)
    };
    assert_eq!(client.welcome(forgetful, false), Err(Fault::BadAcknowledgement));
}

#[test]
fn a_session_that_nobody_asked_for_can_not_be_resumed() {
    let mut client = client();
    hello(&mut client);
    assert_eq!(client.welcome(welcome("t", true), false), Err(Fault::Unexpected));
    assert_eq!(
        client.welcome(welcome("t", false), false),
        Ok(Greeting::New),
        "and there was none before"
    );
}
