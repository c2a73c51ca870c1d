//! Who has connected, as far as the HTTP request of the upgrade tells.

use alloc::string::String;
use core::net::IpAddr;

/// Who has connected, as far as the HTTP request of the upgrade tells.
///
/// A session belongs to the origin and the principal of the connection that made it: another can't resume it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peer {
    /// The `Origin` header. `None`: no page.
    pub origin: Option<String>,
    /// Who was authenticated, in any form that doesn't change between connections.
    pub principal: Option<String>,
    /// The address, for the quota. Behind a proxy: the one that it tells.
    pub address: Option<IpAddr>,
}

/// Whose a session is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The origin of the page that made it.
    pub origin: Option<String>,
    /// Who was authenticated then.
    pub principal: Option<String>,
}

impl Peer {
    pub(crate) fn identity(&self) -> Identity {
        Identity {
            origin: self.origin.clone(),
            principal: self.principal.clone(),
        }
    }
}
