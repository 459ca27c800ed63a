//! The numbers of the interface. They have gaps, and are never renumbered or reused.

use cor_http::{ErrorKind, Field, Outcome, Pause};

/// How a call ended. 0 is success; see cor_status_name() for the words.
#[allow(clippy::upper_case_acronyms)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum cor_status {
    /// Done.
    COR_OK = 0,
    /// An argument cannot be used: NULL, a handle of another kind or a freed one, text that is not UTF-8.
    COR_ERR_ARGUMENT = 1,
    /// A mistake of this library's own. Please report it.
    COR_ERR_INTERNAL = 2,
    /// Refused here; nothing was sent. cor_error_issue_count() and its companions name every problem.
    COR_ERR_INVALID = 10,
    /// The client was set up in a way that cannot work.
    COR_ERR_CONFIG = 11,
    /// No token, or COR did not accept it (HTTP 401).
    COR_ERR_AUTH = 20,
    /// The token's role may not do this (HTTP 403).
    COR_ERR_FORBIDDEN = 21,
    /// COR knows no project of this external id under this source.
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
    /// The connection could not be made, or broke.
    COR_ERR_TRANSPORT = 31,
    /// The TLS handshake failed: certificate, name or protocol.
    COR_ERR_TLS = 32,
    /// The answer was not one COR's API gives.
    COR_ERR_PROTOCOL = 33,
    /// COR's address answered with a redirect, which is never followed.
    COR_ERR_REDIRECT = 34,
    /// The answer was larger than this client reads.
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

/// Whether an update took effect, as far as anybody on this side can know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum cor_outcome {
    /// The update certainly did not take effect.
    COR_OUTCOME_NOT_APPLIED = 0,
    /// COR said that it applied the update.
    COR_OUTCOME_APPLIED = 1,
    /// The request may have reached COR and no answer tells. Sending it again is safe.
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

/// Why a bulk run sends nothing at the moment.
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

/// The optional fields of a project update, in the order of COR's page, which is also the order on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum cor_field {
    COR_FIELD_NAME = 1,
    COR_FIELD_CLIENT_ID = 2,
    COR_FIELD_BRIEF = 3,
    COR_FIELD_START = 4,
    COR_FIELD_END = 5,
    COR_FIELD_PM_ID = 6,
    COR_FIELD_ESTIMATED_TIME = 7,
    COR_FIELD_BILLABLE = 8,
    COR_FIELD_STATUS = 9,
    COR_FIELD_CURRENCY_ID = 10,
    COR_FIELD_EVALUATION_DATE = 11,
    COR_FIELD_ESTIMATED = 12,
    COR_FIELD_FEE_ID = 13,
    COR_FIELD_CONTRACT_ID = 14,
    COR_FIELD_DELIVERABLES = 15,
    COR_FIELD_WORK_ORDER = 16,
    COR_FIELD_INCOME_TYPE = 17,
    COR_FIELD_ARCHIVED = 18,
}

use cor_field::*;

impl cor_field {
    const FIELDS: [(cor_field, Field); 18] = [
        (COR_FIELD_NAME, Field::Name),
        (COR_FIELD_CLIENT_ID, Field::ClientId),
        (COR_FIELD_BRIEF, Field::Brief),
        (COR_FIELD_START, Field::Start),
        (COR_FIELD_END, Field::End),
        (COR_FIELD_PM_ID, Field::PmId),
        (COR_FIELD_ESTIMATED_TIME, Field::EstimatedTime),
        (COR_FIELD_BILLABLE, Field::Billable),
        (COR_FIELD_STATUS, Field::Status),
        (COR_FIELD_CURRENCY_ID, Field::CurrencyId),
        (COR_FIELD_EVALUATION_DATE, Field::EvaluationDate),
        (COR_FIELD_ESTIMATED, Field::Estimated),
        (COR_FIELD_FEE_ID, Field::FeeId),
        (COR_FIELD_CONTRACT_ID, Field::ContractId),
        (COR_FIELD_DELIVERABLES, Field::Deliverables),
        (COR_FIELD_WORK_ORDER, Field::WorkOrder),
        (COR_FIELD_INCOME_TYPE, Field::IncomeType),
        (COR_FIELD_ARCHIVED, Field::Archived),
    ];

    /// The field of a number that came from C.
    pub(crate) fn read(number: i32) -> Option<Field> {
        let known = cor_field::FIELDS.iter().find(|(field, _)| *field as i32 == number);
        known.map(|(_, field)| *field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_and_every_field_has_its_number() {
        for kind in ErrorKind::ALL {
            let status = cor_status::of(*kind);
            assert_ne!(status, COR_ERR_INTERNAL, "{kind} has no status");
            assert_eq!(cor_status::name(status as i32), Some(kind.as_str()));
            assert_eq!(format!("{status:?}"), format!("COR_ERR_{}", kind.as_str().to_uppercase()));
        }
        assert_eq!(cor_status::KINDS.len(), ErrorKind::ALL.len());
        assert_eq!(cor_field::FIELDS.len(), Field::ALL.len());
        for (at, (field, known)) in cor_field::FIELDS.iter().enumerate() {
            assert_eq!((*field as usize, *known), (at + 1, Field::ALL[at]));
            assert_eq!(format!("{field:?}"), format!("COR_FIELD_{}", known.name().to_uppercase()));
        }
        for number in [-1, 0, 19, i32::MAX, i32::MIN] {
            assert_eq!(cor_field::read(number), None);
            assert_eq!(cor_status::name(number).is_some(), number == 0);
        }
    }
}
