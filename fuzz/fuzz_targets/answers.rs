//! COR's answers, whatever their status and body. A project that was read gives back its fields as valid JSON.

#![no_main]

use cor_core::{Answer, Project};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
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
});

fn check(project: &Project) {
    let _ = (project.id(), project.start(), project.end(), project.name(), project.billable());
    for number in [project.estimated(), project.estimated_time()].into_iter().flatten() {
        let text = number.to_string();
        serde_json::from_str::<&serde_json::value::RawValue>(&text).expect("a number is JSON");
    }
    for time in [project.created_at(), project.updated_at()].into_iter().flatten() {
        let _ = (time.unix_seconds(), time.date());
    }
    for name in ["id", "name", "estimated", "unheard_of"] {
        if let Some(json) = project.get_json(name) {
            serde_json::from_str::<&serde_json::value::RawValue>(json).expect("a member is JSON");
        }
    }
    if !project.is_empty() {
        serde_json::from_str::<&serde_json::value::RawValue>(&project.json()).expect("a project is JSON");
    }
}
