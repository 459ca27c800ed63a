use url::{Host, Url};

use crate::Error;

/// Reads and checks an address; `name` is the name of the option.
pub(super) fn address(name: &str, text: &str) -> Result<Url, Error> {
    // The error does not quote the text, which may hold a password.
    let url = Url::parse(text).map_err(|error| {
        Error::config(format!("{name} is no address")).advising("write it as https://host").caused_by(error)
    })?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::config(format!(
            "{name} holds a user or password; give credentials as options of their own"
        )));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(Error::config(format!("{name} has a query or fragment; give the plain address")));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => Err(Error::config(format!(
            "{name} is http to another machine, which would send the token unencrypted"
        ))
        .advising("use https")),
        scheme => Err(Error::config(format!("{name} has the scheme {scheme:?}; use https"))),
    }
}

/// Whether an address leads to this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}
