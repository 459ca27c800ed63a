use url::{Host, Url};

use crate::Error;

/// Reads and checks an address; `name` is its option or variable.
///
/// # Errors
/// `config`. No error shows anything behind the scheme: the text may hold a password, in whatever place a missing or an
/// unexpected character puts it.
pub(super) fn address(name: &str, text: &str) -> Result<Url, Error> {
    let text = trimmed(text);
    let Some((_, behind)) = text.split_once("://") else {
        return Err(match with_scheme(text) {
            Some(whole) => {
                Error::config(format!("{name} has no scheme")).advising(format!("write it as {whole}"))
            }
            None => Error::config(format!("{name} has no scheme")).advising(
                "write it as https://host, or as http://localhost:4010 for a server on this machine",
            ),
        });
    };
    let url = Url::parse(text).map_err(|error| {
        Error::config(format!("{name} is not a URL")).advising("write it as https://host").caused_by(error)
    })?;
    // Behind an unencoded `/` or `\` the end of a password is a path, and the user is the host.
    if behind.contains('@') || !url.username().is_empty() || url.password().is_some() {
        return Err(Error::config(format!("{name} contains a user or password"))
            .advising("remove them, and set the options for credentials"));
    }
    if behind.contains(['?', '#']) {
        return Err(Error::config(format!("{name} has a query or fragment")).advising("remove it"));
    }
    if !is_written_plainly(behind) {
        return Err(Error::config(format!("{name} contains a backslash, a space or a control character"))
            .advising("write it as https://host"));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => Err(Error::config(format!(
            "{name} is an http address of another machine, so the token would be sent unencrypted"
        ))
        .advising("use https")),
        scheme => Err(Error::config(format!("{name} has the scheme {scheme:?}")).advising("use https")),
    }
}

/// An address that lacks nothing but its scheme, with the scheme that it needs. `None` where it could hold a secret.
fn with_scheme(text: &str) -> Option<String> {
    let text = text.trim_start_matches("//");
    let is_plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '/' | '[' | ']');
    // What is longer may be a token in the wrong place.
    if text.is_empty()
        || text.len() > 64
        || text.starts_with('/')
        || text.contains("//")
        || !text.chars().all(is_plain)
    {
        return None;
    }
    let url = Url::parse(&format!("http://{text}")).ok()?;
    let is_host = match url.host()? {
        Host::Domain(name) => name.contains('.') || is_loopback(&url),
        // `4010` would be the address 0.0.15.170.
        Host::Ipv4(_) => text.contains('.'),
        Host::Ipv6(_) => true,
    };
    let scheme = if is_loopback(&url) { "http" } else { "https" };
    is_host.then(|| format!("{scheme}://{text}"))
}

/// Without the byte order mark, blanks and line ends around it, which files and shells leave there.
pub(crate) fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| c == '\u{feff}' || c.is_whitespace())
}

/// Whether an address has none of the characters that URL parsers drop or take for others.
pub(super) fn is_written_plainly(text: &str) -> bool {
    !text.contains(|c: char| c == '\\' || c.is_whitespace() || c.is_control())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        address("COR_BASE_URL", text).unwrap_err().to_string()
    }

    #[test]
    fn refuses_address_without_scheme_with_full_address() {
        for (given, whole) in [
            ("localhost:4010", "http://localhost:4010"),
            ("127.0.0.1:4010", "http://127.0.0.1:4010"),
            ("[::1]:4010/x", "http://[::1]:4010/x"),
            ("//localhost:4010", "http://localhost:4010"),
            ("localhost", "http://localhost"),
            ("integrations.projectcor.com", "https://integrations.projectcor.com"),
            ("cor.example:8443/v2", "https://cor.example:8443/v2"),
        ] {
            let error = refused(given);
            let expected =
                format!("could not set up the client: COR_BASE_URL has no scheme; write it as {whole}");
            assert_eq!(error, expected, "{given}");
        }
    }

    #[test]
    fn hides_parts_that_may_hold_secret() {
        for given in [
            "user:secret@host",
            "host:80?key=secret",
            "host/#secret",
            "secret",
            "4010",
            "/v2",
            "",
            "tél.example",
        ] {
            let error = refused(given);
            assert!(!error.contains("secret"), "{given}: {error}");
            assert!(error.starts_with("could not set up the client: COR_BASE_URL "), "{error}");
        }
        let error = refused("ftp://cor.example");
        assert!(error.contains("has the scheme \"ftp\""), "{error}");
    }
}
