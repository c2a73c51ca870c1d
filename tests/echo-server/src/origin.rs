//! Which pages may use the server. Asked by `http` for every request that carries an `Origin`.

use std::net::{Ipv4Addr, Ipv6Addr};

/// The origins that may use the server.
#[derive(Debug)]
pub(crate) enum Origins {
    /// `http` and `https` on `localhost`, `127.0.0.0/8` and `[::1]`, whatever the port.
    Loopback,
    /// Exactly these, in lower case.
    Listed(Vec<String>),
}

impl Origins {
    /// Reads the list of the configuration; an empty one means loopback. The error says which entry is no origin.
    pub(crate) fn parse(list: &[String]) -> Result<Self, String> {
        if list.is_empty() {
            return Ok(Self::Loopback);
        }
        list.iter()
            .map(|entry| listed(entry))
            .collect::<Result<_, _>>()
            .map(Self::Listed)
    }

    /// Whether a page of this origin may use the server. The origin is spelled as in the request's header.
    pub(crate) fn allow(&self, origin: &str) -> bool {
        match self {
            Self::Loopback => is_loopback(origin),
            Self::Listed(list) => list.iter().any(|entry| entry.eq_ignore_ascii_case(origin)),
        }
    }
}

fn listed(entry: &str) -> Result<String, String> {
    let origin = entry.trim_end_matches('/').to_ascii_lowercase();
    // What a sandboxed frame or a file sends.
    if origin == "null" {
        return Ok(origin);
    }
    let host = origin.split_once("://").map(|(_, host)| host);
    if host.is_none_or(|host| host.is_empty() || host.contains(['/', '?', '#', '@', ' '])) {
        return Err(format!(
            "`{entry}` is not an origin: write it like https://example.com or http://localhost:5173"
        ));
    }
    Ok(origin)
}

fn is_loopback(origin: &str) -> bool {
    let Some(host) = origin
        .strip_prefix("http://")
        .or_else(|| origin.strip_prefix("https://"))
    else {
        return false;
    };
    let (host, port) = if let Some(rest) = host.strip_prefix('[') {
        let Some((address, port)) = rest.split_once(']') else {
            return false;
        };
        if !address.parse::<Ipv6Addr>().is_ok_and(|address| address.is_loopback()) {
            return false;
        }
        (
            "localhost",
            port.strip_prefix(':').or_else(|| port.is_empty().then_some("80")),
        )
    } else {
        match host.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (host, Some("80")),
        }
    };
    port.is_some_and(|port| port.parse::<u16>().is_ok())
        && (host.eq_ignore_ascii_case("localhost")
            || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_every_spelling_of_this_machine_and_nothing_else() {
        let origins = Origins::parse(&[]).unwrap();
        for origin in [
            "http://localhost",
            "https://localhost",
            "http://localhost:5173",
            "http://127.0.0.1:9010",
            "https://127.4.5.6",
            "http://[::1]",
            "http://[::1]:8080",
        ] {
            assert!(origins.allow(origin), "{origin}");
        }
        for origin in [
            "",
            "null",
            "localhost",
            "http://example.com",
            "http://localhost.example.com",
            "http://localhost:5173.example.com",
            "http://localhost:",
            "http://127.0.0.1.example.com",
            "http://128.0.0.1",
            "http://[::2]",
            "http://[::1",
            "http://[::1]example.com",
            "http://localhost/",
            "http://user@localhost",
            "ftp://localhost",
        ] {
            assert!(!origins.allow(origin), "{origin}");
        }
    }

    #[test]
    fn a_list_allows_what_it_lists() {
        let origins = Origins::parse(&["https://Example.com/".into(), "null".into()]).unwrap();
        assert!(origins.allow("https://example.com"));
        assert!(origins.allow("null"));
        assert!(!origins.allow("http://example.com"));
        assert!(!origins.allow("https://example.com:444"));
        assert!(!origins.allow("http://localhost"));
    }

    #[test]
    fn an_entry_that_is_no_origin_is_named() {
        for entry in [
            "example.com",
            "https://",
            "https://example.com/path",
            "https://a@example.com",
            "",
        ] {
            let error = Origins::parse(&[entry.into()]).unwrap_err();
            assert!(error.contains(&format!("`{entry}`")), "{error}");
        }
    }
}
