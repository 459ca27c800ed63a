//! What a server sends.

use std::time::Duration;

use cor_core::{Answer, Project, Refusal};
use serde_json::value::RawValue;

use crate::text;

/// COR's responses, whatever their status and body. A project that was read gives back its fields as valid JSON.
pub fn answers(data: &[u8]) {
    let Some((&first, body)) = data.split_first() else { return };
    let status = 100 + u16::from(first) * 2;
    match Answer::read(status, body) {
        Answer::Project(project) => {
            assert!((200..300).contains(&status), "status {status} is no success");
            check(&project);
        }
        Answer::Refused(refusal) => {
            // Within a success the body may name another status.
            assert!(refusal.status() == status || (200..300).contains(&status));
            let _ = (refusal.kind(), refusal.code(), refusal.message(), refusal.problems());
        }
        _ => {}
    }
}

fn check(project: &Project) {
    let is_json = |text: &str| serde_json::from_str::<&RawValue>(text).is_ok();
    let _ = (project.id(), project.start(), project.end(), project.name(), project.billable());
    for number in [project.estimated(), project.estimated_time()].into_iter().flatten() {
        assert!(is_json(&number.to_string()), "{number}");
    }
    for time in [project.created_at(), project.updated_at()].into_iter().flatten() {
        let _ = (time.unix_seconds(), time.date());
    }
    for name in ["id", "name", "estimated", "unheard_of"] {
        if let Some(json) = project.get_json(name) {
            assert!(is_json(json), "{json}");
        }
    }
    if !project.is_empty() {
        assert!(is_json(&project.json()), "{}", project.json());
    }
}

/// COR's error bodies: whatever they hold, there is a kind, and reading one again finds the same.
pub fn refusals(data: &[u8]) {
    let Some((&first, body)) = data.split_first() else { return };
    let refusal = Refusal::read(300 + u16::from(first), body);
    let again = Refusal::read(300 + u16::from(first), body);
    assert_eq!(refusal.kind(), again.kind());
    assert!(!refusal.is_named() || refusal.code().is_some() || refusal.name().is_some());
    for problem in refusal.problems() {
        let _ = format!("{problem:?}");
    }
}

/// Bytes of an HTTP/1.1 response, cut in two ways: the same response, or the same refusal to read it.
pub fn http(data: &[u8]) {
    let Some((&step, bytes)) = data.split_first() else { return };
    let whole = cor_http::fuzzing::http_answer(bytes, usize::MAX);
    let cut = cor_http::fuzzing::http_answer(bytes, usize::from(step).max(1));
    assert_eq!(whole, cut);
}

/// `Retry-After`, and behind a NUL the `Date` beside it: never longer than a day.
pub fn retry_after(data: &[u8]) {
    let (value, date) = match text(data).split_once('\0') {
        Some((value, date)) => (value, Some(date)),
        None => (text(data), None),
    };
    if let Some(wait) = cor_http::fuzzing::retry_after(value, date) {
        assert!(wait <= Duration::from_secs(24 * 60 * 60), "{wait:?}");
    }
}
