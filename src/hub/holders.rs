//! Who is answerable for what sessions without a connection hold, and which of those goes when that is too much.

use alloc::collections::BTreeMap;
use alloc::collections::btree_map::Entry;
use alloc::string::String;
use core::net::IpAddr;

use super::peer::Peer;
use super::places::network;
use crate::proto::{Load, Time};

/// What a message costs beside its bytes, roughly.
const MESSAGE_BYTES: u64 = 32;

/// What messages cost that are held, all together. In wasm they are in JavaScript's hands, and may be more than its own memory
/// has room for.
pub(crate) fn cost(loads: &[Load]) -> u64 {
    let costs = loads
        .iter()
        .map(|load| load.bytes as u64 + load.messages as u64 * MESSAGE_BYTES);
    costs.sum()
}

/// Who is answerable for a session: a principal, or else an address. Those of nobody's are one's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Holder {
    Principal(String),
    Address(Option<IpAddr>),
}

impl Holder {
    fn of(peer: &Peer) -> Self {
        match &peer.principal {
            Some(principal) => Self::Principal(principal.clone()),
            None => Self::Address(peer.address.map(network)),
        }
    }
}

/// A session without a connection.
pub(crate) struct Detached<'a, S> {
    pub(crate) session: S,
    pub(crate) peer: &'a Peer,
    /// How much it holds, in bytes.
    pub(crate) bytes: u64,
    pub(crate) since: Time,
}

/// Of whoever holds most of all with all of theirs, the session whose connection went last. So many small ones of one client don't
/// drive out the one of another.
pub(crate) fn first_to_go<'a, S>(sessions: impl Iterator<Item = Detached<'a, S>>) -> Option<S> {
    let mut holders = BTreeMap::<Holder, (u64, Time, S)>::new();
    for Detached {
        session,
        peer,
        bytes,
        since,
    } in sessions
    {
        match holders.entry(Holder::of(peer)) {
            Entry::Vacant(entry) => {
                entry.insert((bytes, since, session));
            }
            Entry::Occupied(mut entry) => {
                let (total, last, youngest) = entry.get_mut();
                *total += bytes;
                if since >= *last {
                    (*last, *youngest) = (since, session);
                }
            }
        }
    }
    let most = holders.into_values().max_by_key(|(total, ..)| *total);
    most.map(|(_, _, session)| session)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_youngest_of_whoever_holds_most_goes_first() {
        let peer = |principal: &str| Peer {
            principal: Some(principal.into()),
            ..Peer::default()
        };
        let (many, one) = (peer("many"), peer("one"));
        let detached = |session, peer, bytes, at| Detached {
            session,
            peer,
            bytes,
            since: Time::from_millis(at),
        };
        let small = [
            detached(1, &many, 40, 5),
            detached(2, &many, 40, 9),
            detached(3, &many, 40, 7),
        ];
        let sessions = small.into_iter().chain([detached(4, &one, 100, 20)]);
        assert_eq!(first_to_go(sessions), Some(2));
        assert_eq!(first_to_go([detached(4, &one, 100, 20)].into_iter()), Some(4));
        assert_eq!(first_to_go(core::iter::empty::<Detached<'_, u8>>()), None);
    }
}
