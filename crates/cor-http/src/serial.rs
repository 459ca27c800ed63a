//! serde for the types of this crate.

use std::time::Duration;

use cor_core::{ErrorKind, Issue, Outcome};
use serde::de::{Deserializer, Error as _, Unexpected};
use serde::{Deserialize, Serialize, Serializer};

use crate::{Error, Pause, Progress, RetryPolicy, Summary};

/// The members of an error object, in the order in which every interface writes them.
#[derive(Serialize)]
#[serde(rename = "Error")]
struct ErrorShape<'a> {
    kind: ErrorKind,
    outcome: Outcome,
    message: String,
    code: Option<&'a str>,
    status: Option<u16>,
    attempts: u32,
    retry_after: Option<f64>,
    request_id: Option<&'a str>,
    issues: &'a [Issue],
    body: Option<&'a str>,
}

impl Serialize for Error {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let shape = ErrorShape {
            kind: self.kind(),
            outcome: self.outcome(),
            message: self.chain(),
            code: self.code(),
            status: self.status(),
            attempts: self.attempts(),
            retry_after: self.retry_after().map(|wait| wait.as_secs_f64()),
            request_id: self.request_id(),
            issues: self.issues(),
            body: self.body(),
        };
        shape.serialize(serializer)
    }
}

macro_rules! shaped {
    ($($type:ident as $shape:ident),*) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $shape::serialize(self, serializer)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $shape::deserialize(deserializer)
            }
        }
    )*};
}
shaped!(Summary as SummaryShape, Progress as ProgressShape, RetryPolicy as RetryPolicyShape);

#[derive(Serialize, Deserialize)]
#[serde(remote = "Summary")]
struct SummaryShape {
    read: u64,
    applied: u64,
    rejected: u64,
    failed: u64,
    not_started: u64,
    #[serde(default)]
    unchanged: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Progress")]
struct ProgressShape {
    done: u64,
    failed: u64,
    total: Option<u64>,
    paused: Option<Pause>,
}

/// Waits are in seconds. A member that is left out has its default; an unknown member is an error, as it is most likely a
/// misspelt option.
#[derive(Serialize, Deserialize)]
#[serde(remote = "RetryPolicy", deny_unknown_fields)]
struct RetryPolicyShape {
    #[serde(default = "standard_attempts")]
    max_attempts: u32,
    #[serde(default = "standard_base", with = "seconds")]
    backoff_base: Duration,
    #[serde(default = "standard_cap", with = "seconds")]
    backoff_cap: Duration,
    #[serde(default = "standard_budget")]
    retry_budget: u32,
}

fn standard_attempts() -> u32 {
    RetryPolicy::standard().max_attempts
}

fn standard_base() -> Duration {
    RetryPolicy::standard().backoff_base
}

fn standard_cap() -> Duration {
    RetryPolicy::standard().backoff_cap
}

fn standard_budget() -> u32 {
    RetryPolicy::standard().retry_budget
}

mod seconds {
    use super::*;

    pub(super) fn serialize<S: Serializer>(wait: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(wait.as_secs_f64())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        Duration::try_from_secs_f64(seconds)
            .map_err(|_| D::Error::invalid_value(Unexpected::Float(seconds), &"seconds, zero or more"))
    }
}

const PAUSES: [(Pause, &str); 2] =
    [(Pause::RateLimited, "rate_limited"), (Pause::Unreachable, "unreachable")];

impl Serialize for Pause {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Pause::RateLimited => PAUSES[0].1,
            Pause::Unreachable => PAUSES[1].1,
        })
    }
}

impl<'de> Deserialize<'de> for Pause {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        let known = PAUSES.iter().find(|(_, known)| *known == word);
        known
            .map(|(pause, _)| *pause)
            .ok_or_else(|| D::Error::unknown_variant(&word, &["rate_limited", "unreachable"]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cor_core::ProjectUpdate;
    use serde_json::json;

    #[test]
    fn error_serialises_to_common_object() {
        let cause = std::io::Error::other("cause");
        let error = Error::new(ErrorKind::RateLimited, "COR's rate limit was exceeded")
            .attempting("update project \"A\" (SAP)")
            .answered(429, Some("TooMany"), Some("r-1".to_owned()), b" slow\ndown ")
            .after(2)
            .waiting(Some(Duration::from_millis(1500)))
            .caused_by(cause);
        assert_eq!(
            serde_json::to_string(&error).unwrap(),
            concat!(
                r#"{"kind":"rate_limited","outcome":"not_applied","message":"could not update project \"A\" (SAP): "#,
                r#"COR's rate limit was exceeded (2 attempts); not applied; try again later or at a lower rate: cause","#,
                r#""code":"TooMany","status":429,"attempts":2,"retry_after":1.5,"request_id":"r-1","issues":[],"body":"slow down"}"#,
            )
        );
        let refused = Error::invalid(ProjectUpdate::new("").name("N").validate().unwrap_err());
        let value = serde_json::to_value(&refused).unwrap();
        assert_eq!(value["issues"][0]["field"], "metadata.source");
        assert_eq!(value["issues"][0]["code"], "required");
        assert_eq!((&value["status"], &value["retry_after"]), (&json!(null), &json!(null)));
    }

    #[test]
    fn summary_progress_and_pause_survive_round_trip() {
        let summary = Summary { read: 7, applied: 1, rejected: 1, failed: 1, not_started: 2, unchanged: 2 };
        let written = r#"{"read":7,"applied":1,"rejected":1,"failed":1,"not_started":2,"unchanged":2}"#;
        assert_eq!(serde_json::to_string(&summary).unwrap(), written);
        assert_eq!(serde_json::from_str::<Summary>(written).unwrap(), summary);
        for (paused, word) in
            [(None, json!(null))].into_iter().chain(PAUSES.map(|(p, word)| (Some(p), json!(word))))
        {
            let written = json!({"done": 3, "failed": 1, "total": 9, "paused": word});
            let progress = Progress { done: 3, failed: 1, total: Some(9), paused };
            assert_eq!(serde_json::to_value(&progress).unwrap(), written);
            let again: Progress = serde_json::from_value(written).unwrap();
            assert_eq!(format!("{again:?}"), format!("{progress:?}"));
        }
        assert!(serde_json::from_str::<Pause>("\"lunch\"").is_err());
    }

    #[test]
    fn retry_policy_is_read_in_seconds_with_defaults() {
        let written =
            json!({"max_attempts": 4, "backoff_base": 0.25, "backoff_cap": 20.0, "retry_budget": 100});
        assert_eq!(serde_json::to_value(RetryPolicy::standard()).unwrap(), written);
        assert_eq!(serde_json::from_value::<RetryPolicy>(written).unwrap(), RetryPolicy::standard());
        let policy: RetryPolicy = serde_json::from_str(r#"{"max_attempts":2,"backoff_base":1}"#).unwrap();
        assert_eq!(
            (policy.max_attempts, policy.backoff_base, policy.backoff_cap),
            (2, Duration::from_secs(1), Duration::from_secs(20))
        );
        for wrong in [
            r#"{"backoff_base":-1}"#,
            r#"{"backoff_cap":1e300}"#,
            r#"{"attempts":2}"#,
            r#"{"retry_budget":-1}"#,
            r#"{"max_attempts":-1}"#,
        ] {
            assert!(serde_json::from_str::<RetryPolicy>(wrong).is_err(), "{wrong}");
        }
    }
}
