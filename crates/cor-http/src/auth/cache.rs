use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tokio::time::Instant;

use super::token::Token;

/// A token that the token endpoint issued. Its lifetime counts from when the request for it was sent.
#[derive(Clone)]
pub(super) struct Grant {
    pub(super) token: SecretString,
    pub(super) refresh: Option<SecretString>,
    pub(super) lifetime: Duration,
}

/// The current token, and whether it needs a refresh. Pure: the time is an argument.
#[derive(Debug, Default)]
pub(super) struct TokenCache {
    current: Option<Cached>,
    generation: u64,
}

#[derive(Debug)]
struct Cached {
    token: Arc<Token>,
    refresh: Option<SecretString>,
    refresh_at: Instant,
    expires_at: Instant,
}

/// The state of the token.
#[derive(Debug)]
pub(super) enum TokenState {
    Fresh(Arc<Token>),
    /// Still valid; the next caller refreshes it ahead of its expiry.
    Expiring(Arc<Token>),
    /// There is no token, or it has expired or COR rejected it.
    Missing,
}

impl TokenCache {
    /// A token is refreshed this long before it expires, or at four fifths of a short life.
    const MARGIN: Duration = Duration::from_secs(60);
    /// After a refresh ahead of time failed, this long passes before the next.
    const RETRY_AFTER: Duration = Duration::from_secs(5);
    /// A new token is used for at least this long, whatever lifetime COR states: a lifetime of 0 must not cause a loop.
    const MIN_LIFETIME: Duration = Duration::from_secs(5);

    pub(super) fn state(&self, now: Instant) -> TokenState {
        match &self.current {
            Some(cached) if now < cached.refresh_at => TokenState::Fresh(cached.token.clone()),
            Some(cached) if now < cached.expires_at => TokenState::Expiring(cached.token.clone()),
            _ => TokenState::Missing,
        }
    }

    /// The refresh token that came with the current token.
    pub(super) fn refresh_token(&self) -> Option<SecretString> {
        self.current.as_ref()?.refresh.clone()
    }

    pub(super) fn store(&mut self, grant: Grant, asked_at: Instant) -> Arc<Token> {
        self.generation += 1;
        let lifetime = grant.lifetime.max(TokenCache::MIN_LIFETIME);
        let margin = TokenCache::MARGIN.min(lifetime / 5);
        let token = Arc::new(Token::new(grant.token, self.generation));
        self.current = Some(Cached {
            token: token.clone(),
            refresh: grant.refresh,
            refresh_at: asked_at + lifetime - margin,
            expires_at: asked_at + lifetime,
        });
        token
    }

    /// COR did not accept the token of this generation. A newer token stays.
    pub(super) fn reject(&mut self, generation: u64) {
        if self.current.as_ref().is_some_and(|cached| cached.token.generation == generation) {
            self.current = None;
        }
    }

    pub(super) fn refresh_failed(&mut self, now: Instant) {
        if let Some(cached) = &mut self.current {
            cached.refresh_at = now + TokenCache::RETRY_AFTER;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(seconds: u64) -> Grant {
        Grant { token: "t".to_owned().into(), refresh: None, lifetime: Duration::from_secs(seconds) }
    }

    fn state(cache: &TokenCache, at: Instant) -> &'static str {
        match cache.state(at) {
            TokenState::Fresh(_) => "fresh",
            TokenState::Expiring(_) => "expiring",
            TokenState::Missing => "missing",
        }
    }

    #[test]
    fn refreshes_token_ahead_of_its_expiry() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let mut cache = TokenCache::default();
        assert_eq!(state(&cache, start), "missing");
        cache.store(grant(3600), start);
        assert_eq!(state(&cache, start + 3539 * second), "fresh");
        assert_eq!(state(&cache, start + 3540 * second), "expiring");
        cache.refresh_failed(start + 3540 * second);
        assert_eq!(state(&cache, start + 3541 * second), "fresh");
        assert_eq!(state(&cache, start + 3546 * second), "expiring");
        assert_eq!(state(&cache, start + 3600 * second), "missing");
    }

    #[test]
    fn caches_token_of_odd_lifetime_for_five_seconds() {
        let start = Instant::now();
        for lifetime in [0, 1, 4] {
            let mut cache = TokenCache::default();
            cache.store(grant(lifetime), start);
            assert_eq!(state(&cache, start + Duration::from_secs(3)), "fresh", "{lifetime}");
        }
    }

    #[test]
    fn keeps_newer_token_when_older_one_is_rejected_late() {
        let now = Instant::now();
        let mut cache = TokenCache::default();
        let old = cache.store(grant(3600), now).generation;
        cache.reject(old);
        assert_eq!(state(&cache, now), "missing");
        cache.store(grant(3600), now);
        cache.reject(old);
        assert_eq!(state(&cache, now), "fresh");
    }
}
