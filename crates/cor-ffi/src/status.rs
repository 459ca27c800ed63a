//! The numbers of the interface. They have gaps, and are never renumbered or reused.

use cor_http::{ErrorKind, Outcome, Pause};

/// How a call ended. 0 is success; see cor_status_name() for the names.
#[allow(clippy::upper_case_acronyms)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum cor_status {
    /// Done.
    COR_OK = 0,
    /// An argument is invalid: NULL, a handle of another kind or a freed one, text that is not UTF-8.
    COR_ERR_ARGUMENT = 1,
    /// A bug in this library. Please report it.
    COR_ERR_INTERNAL = 2,
    /// The client refused the update; nothing was sent. cor_error_issue_count() and its companions name every problem.
    COR_ERR_INVALID = 10,
    /// The options or the environment of the client are invalid.
    COR_ERR_CONFIG = 11,
    /// No token, or COR did not accept it (HTTP 401).
    COR_ERR_AUTH = 20,
    /// The role of the token's user does not allow this (HTTP 403).
    COR_ERR_FORBIDDEN = 21,
    /// COR reports that it has no project of this external id under this source; any other 404 is COR_ERR_PROTOCOL.
    COR_ERR_PROJECT_NOT_FOUND = 22,
    /// COR refused a value.
    COR_ERR_VALIDATION = 23,
    /// The project would end before it starts.
    COR_ERR_INVALID_DATE_RANGE = 24,
    /// Too many requests (HTTP 429).
    COR_ERR_RATE_LIMITED = 25,
    /// COR failed (HTTP 5xx).
    COR_ERR_SERVER = 26,
    /// The deadline passed.
    COR_ERR_TIMEOUT = 30,
    /// Connecting failed, or the connection broke.
    COR_ERR_TRANSPORT = 31,
    /// The TLS handshake failed: certificate, name or protocol.
    COR_ERR_TLS = 32,
    /// The response was not one COR's API gives: a page, a bare value, or a 404 or 405 without a name or code of COR's.
    COR_ERR_PROTOCOL = 33,
    /// The server answered with a redirect, which the client does not follow.
    COR_ERR_REDIRECT = 34,
    /// The response was larger than this client reads.
    COR_ERR_TOO_LARGE = 35,
    /// The call was stopped: its client was freed, or its run was stopped before the row was begun.
    COR_ERR_CANCELLED = 40,
}

use cor_status::*;

impl cor_status {
    const KINDS: [(cor_status, ErrorKind); 16] = [
        (COR_ERR_INVALID, ErrorKind::Invalid),
        (COR_ERR_CONFIG, ErrorKind::Config),
        (COR_ERR_AUTH, ErrorKind::Auth),
        (COR_ERR_FORBIDDEN, ErrorKind::Forbidden),
        (COR_ERR_PROJECT_NOT_FOUND, ErrorKind::ProjectNotFound),
        (COR_ERR_VALIDATION, ErrorKind::Validation),
        (COR_ERR_INVALID_DATE_RANGE, ErrorKind::InvalidDateRange),
        (COR_ERR_RATE_LIMITED, ErrorKind::RateLimited),
        (COR_ERR_SERVER, ErrorKind::Server),
        (COR_ERR_TIMEOUT, ErrorKind::Timeout),
        (COR_ERR_TRANSPORT, ErrorKind::Transport),
        (COR_ERR_TLS, ErrorKind::Tls),
        (COR_ERR_PROTOCOL, ErrorKind::Protocol),
        (COR_ERR_REDIRECT, ErrorKind::Redirect),
        (COR_ERR_TOO_LARGE, ErrorKind::TooLarge),
        (COR_ERR_CANCELLED, ErrorKind::Cancelled),
    ];

    pub(crate) fn of(kind: ErrorKind) -> cor_status {
        let known = cor_status::KINDS.iter().find(|(_, known)| *known == kind);
        known.map_or(COR_ERR_INTERNAL, |(status, _)| *status)
    }

    pub(crate) fn name(number: i32) -> Option<&'static str> {
        match number {
            0 => Some("ok"),
            1 => Some("argument"),
            2 => Some("internal"),
            _ => {
                let known = cor_status::KINDS.iter().find(|(status, _)| *status as i32 == number);
                known.map(|(_, kind)| kind.as_str())
            }
        }
    }
}

/// Whether an update took effect, as far as the client can know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum cor_outcome {
    /// The update certainly did not take effect.
    COR_OUTCOME_NOT_APPLIED = 0,
    /// COR said that it applied the update.
    COR_OUTCOME_APPLIED = 1,
    /// The request may have reached COR, and no response says whether COR applied it. Sending it again is safe.
    COR_OUTCOME_UNKNOWN = 2,
}

impl cor_outcome {
    pub(crate) fn of(outcome: Outcome) -> cor_outcome {
        match outcome {
            Outcome::NotApplied => cor_outcome::COR_OUTCOME_NOT_APPLIED,
            Outcome::Applied => cor_outcome::COR_OUTCOME_APPLIED,
            Outcome::Unknown => cor_outcome::COR_OUTCOME_UNKNOWN,
        }
    }

    pub(crate) fn name(number: i32) -> Option<&'static str> {
        [Outcome::NotApplied, Outcome::Applied, Outcome::Unknown]
            .into_iter()
            .find(|outcome| cor_outcome::of(*outcome) as i32 == number)
            .map(Outcome::as_str)
    }
}

/// Why a bulk run sends no request at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum cor_pause {
    /// It is not paused.
    COR_PAUSE_NONE = 0,
    /// COR refused requests because there were too many.
    COR_PAUSE_RATE_LIMITED = 1,
    /// COR cannot be reached.
    COR_PAUSE_UNREACHABLE = 2,
}

impl cor_pause {
    pub(crate) fn of(pause: Option<Pause>) -> cor_pause {
        match pause {
            Some(Pause::RateLimited) => cor_pause::COR_PAUSE_RATE_LIMITED,
            Some(_) => cor_pause::COR_PAUSE_UNREACHABLE,
            None => cor_pause::COR_PAUSE_NONE,
        }
    }

    pub(crate) fn name(number: i32) -> Option<&'static str> {
        match number {
            0 => Some("none"),
            1 => Some("rate_limited"),
            2 => Some("unreachable"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_number() {
        for kind in ErrorKind::ALL {
            let status = cor_status::of(*kind);
            assert_ne!(status, COR_ERR_INTERNAL, "{kind} has no status");
            assert_eq!(cor_status::name(status as i32), Some(kind.as_str()));
            assert_eq!(format!("{status:?}"), format!("COR_ERR_{}", kind.as_str().to_uppercase()));
        }
        assert_eq!(cor_status::KINDS.len(), ErrorKind::ALL.len());
        for number in [-1, 0, 19, i32::MAX, i32::MIN] {
            assert_eq!(cor_status::name(number).is_some(), number == 0);
        }
    }
}
