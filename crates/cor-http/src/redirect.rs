//! Where a redirect leads, as an error may show it. Redirects are never followed.

use url::Url;
use zeroize::Zeroizing;

use crate::redact::redact;

/// The path at which the Integrations API begins.
const API: &str = "/v2/integrations/";
/// Characters of an address that an error shows.
const MOST: usize = 200;

#[derive(Debug, PartialEq)]
pub(crate) struct Target {
    /// The address without user, password, query and fragment.
    pub(crate) shown: String,
    /// The base URL under which the same request would have gone there, where there is one that the client takes.
    pub(crate) base_url: Option<String>,
}

/// The target of a redirect; `None` for what is no address. `location` is the header of that name, `request` the URL of the
/// request, and `secrets` are what the request holds and some servers repeat.
pub(crate) fn target(request: &Url, location: &str, secrets: &[&str]) -> Option<Target> {
    let mut url = request.join(location).ok()?;
    if !matches!(url.scheme(), "https" | "http") {
        return None;
    }
    // These fail only for addresses that have neither.
    let _ = (url.set_username(""), url.set_password(None));
    url.set_query(None);
    url.set_fragment(None);
    let tail = |url: &Url| {
        url.path().find(API).map(|at| url.path().split_at(at)).map(|(a, b)| (a.to_owned(), b.to_owned()))
    };
    let base_url = match (tail(request), tail(&url)) {
        (Some((_, asked)), Some((base, found))) if asked == found => {
            let allowed = url.scheme() == "https" || crate::options::is_loopback(&url);
            allowed.then(|| format!("{}{base}", url.origin().ascii_serialization()))
        }
        _ => None,
    };
    if holds_secret(url.as_str(), secrets) {
        let origin = url.origin().ascii_serialization();
        let shown = (!holds_secret(&origin, secrets)).then(|| format!("{origin}/[hidden]"))?;
        return Some(Target { shown, base_url: None });
    }
    let mut shown: String = url.as_str().chars().take(MOST).collect();
    if shown.len() < url.as_str().len() {
        shown.push('…');
    }
    Some(Target { shown, base_url })
}

/// Whether a piece of a secret stands in an address, which may have it percent-encoded, and in the host in small letters.
fn holds_secret(address: &str, secrets: &[&str]) -> bool {
    let secrets: Vec<Zeroizing<String>> =
        secrets.iter().map(|secret| Zeroizing::new(secret.to_ascii_lowercase())).collect();
    let secrets: Vec<&str> = secrets.iter().map(|secret| secret.as_str()).collect();
    let plain = address.to_ascii_lowercase().into_bytes();
    let decoded = decoded(&plain);
    [plain, decoded].into_iter().any(|mut text| redact(&mut text, &secrets))
}

/// Percent-encoded bytes as themselves.
fn decoded(text: &[u8]) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        let pair = match tail {
            [high, low, ..] if *first == b'%' => digit(*high).zip(digit(*low)),
            _ => None,
        };
        match pair {
            Some((high, low)) => {
                bytes.push((high * 16 + low) as u8);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_address_without_secrets() {
        let request = Url::parse("https://cor.example/api/v2/integrations/projects/a%2Fb").unwrap();
        for (location, shown, base_url) in [
            (
                "https://new.example/v2/integrations/projects/a%2Fb",
                "https://new.example/v2/integrations/projects/a%2Fb",
                Some("https://new.example"),
            ),
            (
                "https://new.example:8443/x/v2/integrations/projects/a%2Fb?t=hush#f",
                "https://new.example:8443/x/v2/integrations/projects/a%2Fb",
                Some("https://new.example:8443/x"),
            ),
            ("https://u:hush@sso.example/login?return=hush", "https://sso.example/login", None),
            ("/login;jsessionid=1", "https://cor.example/login;jsessionid=1", None),
            ("//other.example", "https://other.example/", None),
            (
                "http://cor.example/api/v2/integrations/projects/a%2Fb",
                "http://cor.example/api/v2/integrations/projects/a%2Fb",
                None,
            ),
            (
                "https://new.example/v2/integrations/projects/c",
                "https://new.example/v2/integrations/projects/c",
                None,
            ),
            ("https://e.example/a-long-token/x", "https://e.example/[hidden]", None),
        ] {
            let target = target(&request, location, &["a-long-token"]).unwrap();
            assert_eq!((target.shown.as_str(), target.base_url.as_deref()), (shown, base_url), "{location}");
        }
        let odd = target(&request, "https://e.example/a%2Dlong%2Dtoken", &["A-long-token"]).unwrap();
        assert_eq!(odd.shown, "https://e.example/[hidden]");
        assert_eq!(target(&request, "https://a-long-token.example/", &["A-LONG-TOKEN"]), None);
        for location in ["mailto:a@example.com", "https://", "javascript:alert(1)"] {
            assert_eq!(target(&request, location, &[]), None, "{location}");
        }
        let long = format!("https://e.example/{}", "x".repeat(1000));
        assert_eq!(target(&request, &long, &[]).unwrap().shown.chars().count(), MOST + 1);
    }
}
