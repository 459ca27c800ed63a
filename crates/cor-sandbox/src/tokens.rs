//! The tokens the sandbox accepts and gives out.

use std::collections::hash_map::RandomState;
use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::problem::Problem;

/// Tokens stored at a time, so that a client asking for a new one in a loop cannot fill the memory.
const REMEMBERED: usize = 10_000;

/// What is accepted, and what has been given out since the start.
pub(crate) struct Tokens {
    fixed: String,
    /// The Basic credentials, encoded as a client has to send them.
    basic: String,
    lifetime: Duration,
    issued: Mutex<Issued>,
}

#[derive(Default)]
struct Issued {
    /// Access tokens and when they expire, oldest first in `order`.
    access: HashMap<String, Instant>,
    order: VecDeque<String>,
    refresh: VecDeque<String>,
    count: u64,
}

impl Tokens {
    pub(crate) fn new(fixed: String, key: &str, secret: &str, lifetime: Duration) -> Self {
        let basic = base64(format!("{key}:{secret}").as_bytes());
        Tokens { fixed, basic, lifetime, issued: Mutex::default() }
    }

    /// Whether an `Authorization` header lets a request through.
    pub(crate) fn check(&self, authorization: Option<&[u8]>) -> Result<(), Problem> {
        let refused = |message: &'static str| Err(Problem::unauthorized(message, "Bearer"));
        let Some(token) = authorization.and_then(|header| credentials(header, "bearer")) else {
            return refused("a bearer token is required: send Authorization: Bearer <token>");
        };
        if token == self.fixed {
            return Ok(());
        }
        match self.issued().access.get(token) {
            Some(expiry) if Instant::now() < *expiry => Ok(()),
            Some(_) => refused("the token has expired"),
            None => refused("the token is not known"),
        }
    }

    /// Client credentials for tokens.
    pub(crate) fn exchange(&self, authorization: Option<&[u8]>) -> Result<String, Problem> {
        match authorization.and_then(|header| credentials(header, "basic")) {
            Some(basic) if basic == self.basic => Ok(self.issue(&mut self.issued())),
            Some(_) => Err(Problem::unauthorized("the API key or the client secret is wrong", "Basic")),
            None => {
                let message =
                    "credentials are required: send Authorization: Basic base64(API_KEY:CLIENT_SECRET)";
                Err(Problem::unauthorized(message, "Basic"))
            }
        }
    }

    /// A refresh token for new tokens. It works once: the response carries its successor.
    pub(crate) fn refresh(&self, token: &str) -> Result<String, Problem> {
        let mut issued = self.issued();
        match issued.refresh.iter().position(|known| known == token) {
            Some(index) => {
                issued.refresh.remove(index);
                Ok(self.issue(&mut issued))
            }
            None => {
                Err(Problem::unauthorized("the refresh token is not known, or was used before", "Bearer"))
            }
        }
    }

    /// Lets every access token given out so far expire at once.
    pub(crate) fn expire(&self) {
        let now = Instant::now();
        self.issued().access.values_mut().for_each(|expiry| *expiry = now);
    }

    /// Forgets every refresh token given out so far.
    pub(crate) fn forget_refresh(&self) {
        self.issued().refresh.clear();
    }

    fn issue(&self, issued: &mut Issued) -> String {
        issued.count += 1;
        let (access, refresh) = (fresh("access", issued.count), fresh("refresh", issued.count));
        // A lifetime too long for the clock never ends.
        let now = Instant::now();
        let expiry = now.checked_add(self.lifetime).unwrap_or(now + Duration::from_secs(1 << 30));
        issued.access.insert(access.clone(), expiry);
        issued.order.push_back(access.clone());
        issued.refresh.push_back(refresh.clone());
        if issued.order.len() > REMEMBERED
            && let Some(oldest) = issued.order.pop_front()
        {
            issued.access.remove(&oldest);
        }
        if issued.refresh.len() > REMEMBERED {
            issued.refresh.pop_front();
        }
        let expires_in = match self.lifetime.subsec_nanos() {
            0 => self.lifetime.as_secs().to_string(),
            _ => self.lifetime.as_secs_f64().to_string(),
        };
        format!(
            "{{\"access_token\":\"{access}\",\"token_type\":\"Bearer\",\"expires_in\":{expires_in},\"refresh_token\":\"{refresh}\"}}"
        )
    }

    fn issued(&self) -> MutexGuard<'_, Issued> {
        self.issued.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens").field("lifetime", &self.lifetime).finish_non_exhaustive()
    }
}

/// The part of an `Authorization` header after its scheme, if it is this scheme.
fn credentials<'a>(header: &'a [u8], scheme: &str) -> Option<&'a str> {
    let (found, rest) = std::str::from_utf8(header).ok()?.split_once(' ')?;
    found.eq_ignore_ascii_case(scheme).then(|| rest.trim())
}

/// A token that cannot be guessed: the standard library's hash keys are random.
fn fresh(what: &str, count: u64) -> String {
    let (a, b) = (RandomState::new().hash_one(count), RandomState::new().hash_one(what));
    format!("sandbox-{what}-{count}-{a:016x}{b:016x}")
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let word =
            chunk.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for digit in 0..4 {
            let index = (word >> (18 - 6 * digit)) as usize & 63;
            out.push(if digit > chunk.len() { '=' } else { char::from(DIGITS[index]) });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_base64_of_every_length() {
        let known =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy"), ("é", "w6k=")];
        for (text, encoded) in known {
            assert_eq!(base64(text.as_bytes()), encoded);
        }
    }

    #[test]
    fn only_issued_tokens_are_accepted() {
        let tokens = Tokens::new("fixed".into(), "key", "secret", Duration::from_secs(3600));
        assert!(tokens.check(Some(b"Bearer fixed")).is_ok());
        assert!(tokens.check(Some(b"bearer fixed")).is_ok());
        for bad in ["Bearer", "Bearer ", "Bearer other", "Basic fixed", "fixed", ""] {
            assert_eq!(tokens.check(Some(bad.as_bytes())).unwrap_err().status, 401, "{bad}");
        }
        assert_eq!(tokens.check(None).unwrap_err().status, 401);
        assert_eq!(tokens.check(Some(b"Bearer \xff")).unwrap_err().status, 401);
    }
}
