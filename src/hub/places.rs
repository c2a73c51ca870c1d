//! How many sessions there may be: in all, at an address, of a principal; and which make room for others.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use core::net::{IpAddr, Ipv6Addr};

use super::peer::Peer;

/// How many sessions that have ended meanwhile the list of unused ones may have beyond the number of those that are there.
const SLACK: usize = 64;

/// How many there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// In all. Default: 10,000.
    pub sessions: usize,
    /// At one address; of IPv6, in a network of 64 bits. Default: any number.
    pub per_address: usize,
    /// Of one principal. Default: any number.
    pub per_principal: usize,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            sessions: 10_000,
            per_address: usize::MAX,
            per_principal: usize::MAX,
        }
    }
}

/// The places that are taken.
#[derive(Debug, Default)]
pub(crate) struct Places {
    taken: usize,
    by_address: BTreeMap<IpAddr, usize>,
    by_principal: BTreeMap<String, usize>,
}

/// A session's place, to be given back.
#[derive(Debug)]
pub(crate) struct Place {
    address: Option<IpAddr>,
    principal: Option<String>,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// There are as many sessions as may be: one that nobody uses can make room.
    Sessions,
    /// Whoever asks has as many as they may: the reason to tell.
    Quota(&'static str),
}

impl Places {
    /// A place for one session more.
    pub(crate) fn take(&mut self, quotas: &Quotas, peer: &Peer) -> Result<Place, Full> {
        let place = Place {
            address: peer.address.map(network),
            principal: peer.principal.clone(),
        };
        let at_address = (place.address).map_or(0, |address| *self.by_address.get(&address).unwrap_or(&0));
        if at_address >= quotas.per_address {
            return Err(Full::Quota("too many sessions from this address"));
        }
        let of_principal = (place.principal.as_ref()).map_or(0, |name| *self.by_principal.get(name).unwrap_or(&0));
        if of_principal >= quotas.per_principal {
            return Err(Full::Quota("too many sessions of this principal"));
        }
        // Last, as nobody makes room for whoever may not begin anyway.
        if self.taken >= quotas.sessions {
            return Err(Full::Sessions);
        }
        self.taken += 1;
        if let Some(address) = place.address {
            *self.by_address.entry(address).or_default() += 1;
        }
        if let Some(principal) = &place.principal {
            *self.by_principal.entry(principal.clone()).or_default() += 1;
        }
        Ok(place)
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.taken == 0 && self.by_address.is_empty() && self.by_principal.is_empty()
    }

    /// The session is over.
    pub(crate) fn give_back(&mut self, place: &Place) {
        self.taken = self.taken.saturating_sub(1);
        if let Some(address) = &place.address {
            release(&mut self.by_address, address);
        }
        if let Some(principal) = &place.principal {
            release(&mut self.by_principal, principal);
        }
    }
}

/// A count that falls to zero takes up no memory.
fn release<K: Ord>(counts: &mut BTreeMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

/// Whoever has one address of IPv6 has 2⁶⁴ of them.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let high = u128::from(address) >> 64 << 64;
            Ipv6Addr::from(high).into()
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// Sessions that may never have heard of their client after the WELCOME, the oldest first. They are the first to make room.
#[derive(Debug)]
pub(crate) struct Unused<K>(VecDeque<K>);

impl<K> Default for Unused<K> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<K> Unused<K> {
    /// A session has begun; there are so many now, and `exists` tells of each whether it is there.
    pub(crate) fn push(&mut self, session: K, sessions: usize, exists: impl Fn(&K) -> bool) {
        if self.0.len() > 2 * sessions + SLACK {
            self.0.retain(exists);
        }
        self.0.push_back(session);
    }

    /// The oldest, which may be used by now.
    pub(crate) fn pop(&mut self) -> Option<K> {
        self.0.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(address: &str, principal: &str) -> Peer {
        Peer {
            origin: None,
            principal: (!principal.is_empty()).then(|| principal.into()),
            address: address.parse().ok(),
        }
    }

    #[test]
    fn a_place_counts_for_all_its_address_and_its_principal_until_it_is_given_back() {
        let quotas = Quotas {
            sessions: 3,
            per_address: 2,
            per_principal: 1,
        };
        let mut places = Places::default();
        let ann = places.take(&quotas, &peer("10.0.0.1", "ann"));
        assert!(matches!(
            places.take(&quotas, &peer("10.0.0.2", "ann")),
            Err(Full::Quota(_))
        ));
        let bob = places.take(&quotas, &peer("::ffff:10.0.0.1", "bob"));
        assert!(matches!(
            places.take(&quotas, &peer("10.0.0.1", "cid")),
            Err(Full::Quota(_))
        ));
        assert!(places.take(&quotas, &peer("10.0.0.2", "")).is_ok());
        assert!(matches!(
            places.take(&quotas, &peer("10.0.0.3", "")),
            Err(Full::Sessions)
        ));
        for place in [ann, bob].into_iter().flatten() {
            places.give_back(&place);
        }
        assert!(places.take(&quotas, &peer("10.0.0.1", "ann")).is_ok());
        assert_eq!(
            (places.taken, places.by_address.len(), places.by_principal.len()),
            (2, 2, 1)
        );
    }

    #[test]
    fn whoever_has_as_many_as_they_may_is_told_so_also_where_there_is_no_place_at_all() {
        let quotas = Quotas {
            sessions: 1,
            per_principal: 1,
            ..Quotas::default()
        };
        let mut places = Places::default();
        assert!(places.take(&quotas, &peer("", "ann")).is_ok());
        assert!(matches!(places.take(&quotas, &peer("", "ann")), Err(Full::Quota(_))));
        assert!(matches!(places.take(&quotas, &peer("", "bob")), Err(Full::Sessions)));
    }

    #[test]
    fn addresses_of_one_network_of_ipv6_are_one() {
        let quotas = Quotas {
            per_address: 1,
            ..Quotas::default()
        };
        let mut places = Places::default();
        assert!(places.take(&quotas, &peer("2001:db8::1", "")).is_ok());
        assert!(places.take(&quotas, &peer("2001:db8::ffff", "")).is_err());
        assert!(places.take(&quotas, &peer("2001:db8:0:1::1", "")).is_ok());
    }

    #[test]
    fn the_list_of_unused_sessions_does_not_grow_with_those_that_are_gone() {
        let mut unused = Unused::default();
        for session in 0..10_000 {
            unused.push(session, 10, |&other| other + 10 >= session);
        }
        assert!(unused.0.len() <= 2 * 10 + SLACK + 1);
        assert_eq!(unused.0.back(), Some(&9_999));
    }
}
