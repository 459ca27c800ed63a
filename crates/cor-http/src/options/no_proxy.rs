//! `NO_PROXY`: the hosts whose calls use no proxy from the environment.

use std::net::IpAddr;

use url::{Host, Url};

/// The list of `NO_PROXY`, read as curl reads it: entries between commas or blanks, without regard to case.
///
/// | entry | matches |
/// |---|---|
/// | `*` alone | every host |
/// | `x.org`, `.x.org`, `x.org.` | `x.org` and every name below it |
/// | `10.0.0.7`, `[::1]`, `::1` | that address |
/// | `10.0.0.0/8`, `fd00::/8` | every address of that network |
///
/// Where curl would match nothing, what other tools read is read: `*.x.org` as `.x.org`, and `x.org:8443` as `x.org` on that
/// port alone.
#[derive(Debug, Default, PartialEq)]
pub(super) struct NoProxy {
    entries: Vec<Entry>,
    /// The entries that mean nothing here.
    pub(super) unknown: Vec<String>,
}

#[derive(Debug, PartialEq)]
struct Entry {
    hosts: Hosts,
    port: Option<u16>,
}

#[derive(Debug, PartialEq)]
enum Hosts {
    All,
    /// A name in small letters and all names below it.
    Below(String),
    /// The addresses that share so many first bits.
    Network(IpAddr, u32),
}

impl NoProxy {
    pub(super) fn read(list: &str) -> NoProxy {
        let mut read = NoProxy::default();
        for text in list.split(|c: char| c == ',' || c.is_whitespace()).filter(|text| !text.is_empty()) {
            match Entry::read(text) {
                Some(entry) => read.entries.push(entry),
                None => read.unknown.push(text.chars().filter(|c| !c.is_control()).take(100).collect()),
            }
        }
        read
    }

    /// Whether calls to this address use no proxy.
    pub(super) fn holds(&self, target: &Url) -> bool {
        let port = target.port_or_known_default();
        let Some(host) = target.host() else { return false };
        self.entries
            .iter()
            .any(|entry| (entry.port.is_none() || entry.port == port) && entry.hosts.hold(&host))
    }
}

impl Entry {
    fn read(text: &str) -> Option<Entry> {
        if let Some(hosts) = Hosts::read(text) {
            return Some(Entry { hosts, port: None });
        }
        let (host, port) = text.rsplit_once(':')?;
        // `fe80::1:80` is an address, `[fe80::1]:80` one with a port.
        let fits = !host.contains(':') || host.starts_with('[') && host.ends_with(']');
        let port: u16 = port.parse().ok()?;
        if port == 0 || !fits {
            return None;
        }
        Some(Entry { hosts: Hosts::read(host)?, port: Some(port) })
    }
}

impl Hosts {
    fn read(text: &str) -> Option<Hosts> {
        if text == "*" {
            return Some(Hosts::All);
        }
        let address = |text: &str| {
            let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
            bare.parse::<IpAddr>().ok()
        };
        if let Some(address) = address(text) {
            return Some(Hosts::Network(address, bits(address)));
        }
        if let Some((network, length)) = text.split_once('/') {
            let address = address(network)?;
            let is_number = length.bytes().all(|b| b.is_ascii_digit());
            let length = length.parse().ok().filter(|length| is_number && *length <= bits(address))?;
            return Some(Hosts::Network(address, length));
        }
        let name = text.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(text);
        let name = name.strip_prefix('.').unwrap_or(name);
        let name = name.strip_suffix('.').unwrap_or(name);
        // Names as addresses have them: an international name in its ASCII form.
        match Host::parse(name).ok()? {
            Host::Domain(name) if is_plain(&name) => Some(Hosts::Below(name)),
            _ => None,
        }
    }

    fn hold(&self, host: &Host<&str>) -> bool {
        match (self, host) {
            (Hosts::All, _) => true,
            (Hosts::Below(name), Host::Domain(host)) => {
                let host = host.strip_suffix('.').unwrap_or(host);
                host.strip_suffix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
            (Hosts::Network(network, length), Host::Ipv4(ip)) => share(*network, IpAddr::V4(*ip), *length),
            (Hosts::Network(network, length), Host::Ipv6(ip)) => share(*network, IpAddr::V6(*ip), *length),
            _ => false,
        }
    }
}

/// Whether a name has only the characters that host names have.
fn is_plain(name: &str) -> bool {
    name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
}

fn bits(address: IpAddr) -> u32 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// Whether two addresses have their first `length` bits in common.
fn share(one: IpAddr, other: IpAddr, length: u32) -> bool {
    let number = |address: IpAddr| match address {
        IpAddr::V4(ip) => u128::from(u32::from(ip)) << 96,
        IpAddr::V6(ip) => u128::from(ip),
    };
    let differ = number(one) ^ number(other);
    one.is_ipv4() == other.is_ipv4() && differ.leading_zeros() >= length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_proxy_entries_match_as_in_curl() {
        for (list, host, expected) in [
            ("", "https://a.org", false),
            (",, ,", "https://a.org", false),
            ("*", "https://a.org", true),
            ("b.org,*", "https://a.org", true),
            ("a.org", "https://a.org", true),
            ("A.Org", "https://a.org", true),
            ("a.org", "https://x.a.org", true),
            ("a.org", "https://ba.org", false),
            ("x.a.org", "https://a.org", false),
            (".a.org", "https://a.org", true),
            (".a.org", "https://x.a.org", true),
            ("a.org.", "https://a.org", true),
            ("a.org", "https://a.org.", true),
            ("b.org, a.org", "https://a.org", true),
            ("b.org a.org", "https://a.org", true),
            ("*.a.org", "https://x.a.org", true),
            ("*.a.org", "https://y.x.a.org", true),
            ("*.a.org", "https://ba.org", false),
            ("a.org:443", "https://a.org", true),
            ("a.org:8443", "https://a.org", false),
            ("a.org:8443", "https://x.a.org:8443", true),
            ("*.a.org:8443", "https://x.a.org:8443", true),
            ("10.0.0.7", "https://10.0.0.7", true),
            ("10.0.0.7", "https://10.0.0.70", false),
            ("10.0.0.0/8", "https://10.255.1.2", true),
            ("10.0.0.0/8", "https://11.0.0.1", false),
            ("10.1.2.3/31", "https://10.1.2.2", true),
            ("0.0.0.0/0", "https://10.1.2.2", true),
            ("0.0.0.0/0", "https://[fd00::1]", false),
            ("10.0.0.0/8:443", "https://10.0.0.1", true),
            ("10.0.0.7:8443", "https://10.0.0.7:8443", true),
            ("fd00::/8", "https://[fdff::1]", true),
            ("[fd00::1]", "https://[fd00::1]", true),
            ("fd00::1", "https://[fd00::1]", true),
            ("[fd00::1]:8443", "https://[fd00::1]:8443", true),
            ("[fd00::1]:8443", "https://[fd00::1]", false),
            ("::/0", "https://10.0.0.1", false),
            ("bücher.example", "https://www.xn--bcher-kva.example", true),
        ] {
            let read = NoProxy::read(list);
            assert_eq!(read.holds(&Url::parse(host).unwrap()), expected, "{list} {host}");
            assert!(read.unknown.is_empty(), "{list}: {:?}", read.unknown);
        }
    }

    #[test]
    fn invalid_entries_are_reported_and_match_nothing() {
        for text in [
            "192.168.*",
            "<local>",
            "a.*.org",
            "10.0.0.0/33",
            "10.0.0.0/",
            "169.254/16",
            "http://a.org",
            "a.org:0",
            "a.org:x",
            ".",
        ] {
            let read = NoProxy::read(&format!("{text},b.org"));
            assert_eq!(read.unknown, [text]);
            assert!(read.holds(&Url::parse("https://b.org").unwrap()));
            assert!(!read.holds(&Url::parse("https://192.168.1.1").unwrap()));
        }
    }
}
