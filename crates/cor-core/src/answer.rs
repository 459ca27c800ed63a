use crate::json_text::Members;
use crate::{Project, Refusal};

/// What COR's response to an update says, read from status and body.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Answer {
    /// COR applied the update. Without a body, or with one that describes no project, the project is empty.
    Project(Project),
    /// COR refused the update, whatever the status says: a 2xx that carries an error is that error.
    Refused(Refusal),
    /// The status says success and the body is nothing COR's API answers with: a sign-in page, or a bare text, number or
    /// boolean.
    Unreadable(String),
}

impl Answer {
    /// Reads a response. `status` is the HTTP status, `body` the whole body after any content encoding.
    pub fn read(status: u16, body: &[u8]) -> Answer {
        if !(200..300).contains(&status) {
            return Answer::Refused(Refusal::read(status, body));
        }
        // Gateways have been seen to put a byte order mark in front.
        let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body).trim_ascii();
        if body.is_empty() {
            return Answer::Project(Project::default());
        }
        let Ok(text) = std::str::from_utf8(body) else {
            return Answer::Unreadable("the body is not UTF-8".to_owned());
        };
        match text.as_bytes()[0] {
            b'{' => match Members::read(text) {
                Some(members) => read_object(status, text, &members),
                None => Answer::Unreadable("the body is not valid JSON".to_owned()),
            },
            first => match serde_json::from_str::<&serde_json::value::RawValue>(text) {
                Ok(_) => match (Refusal::in_success(status, text), bare_value(first)) {
                    (Some(refusal), _) => Answer::Refused(refusal),
                    (None, None) => Answer::Project(Project::from_json(text)),
                    (None, Some(what)) => {
                        Answer::Unreadable(format!("the body is {what} instead of a JSON object"))
                    }
                },
                Err(_) => Answer::Unreadable("the body is not JSON".to_owned()),
            },
        }
    }
}

/// What a body that begins like this is, unless it is an array or null.
fn bare_value(first: u8) -> Option<&'static str> {
    match first {
        b'[' | b'n' => None,
        b'"' => Some("a bare text"),
        b't' | b'f' => Some("a bare boolean"),
        _ => Some("a bare number"),
    }
}

fn read_object(status: u16, text: &str, members: &Members<'_>) -> Answer {
    if may_be_refusal(members) {
        if let Some(refusal) = Refusal::in_success(status, text) {
            return Answer::Refused(refusal);
        }
    }
    // {"statusCode": 200, "status": "success", "data": {…}}: the entity is inside.
    let wrapped = members.last("data").filter(|_| members.last("id").is_none());
    match wrapped.and_then(|data| Some((data, Members::read(data)?))) {
        Some((data, inner)) => Answer::Project(Project::from_members(data, &inner)),
        None => Answer::Project(Project::from_members(text, members)),
    }
}

/// Cheap signs that an object is worth a closer look. A project has an id, and its status is text.
fn may_be_refusal(members: &Members<'_>) -> bool {
    let numeric = |name| {
        let digits = |json: &str| json.trim_start_matches('"').starts_with(|c: char| c.is_ascii_digit());
        members.last(name).is_some_and(digits)
    };
    members.last("id").is_none() || numeric("status") || numeric("statusCode")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use proptest::prelude::*;

    fn project(body: &str) -> Project {
        match Answer::read(200, body.as_bytes()) {
            Answer::Project(project) => project,
            other => panic!("{body}: {other:?}"),
        }
    }

    fn refusal(status: u16, body: &str) -> (ErrorKind, Option<String>) {
        match Answer::read(status, body.as_bytes()) {
            Answer::Refused(refusal) => (refusal.kind(), refusal.code().map(str::to_owned)),
            other => panic!("{body}: {other:?}"),
        }
    }

    #[test]
    fn reads_every_field_of_documented_response() {
        let p = project(
            r#"{"id":155693,"name":"Website Redesign Project - Phase 2","client_id":25855,
               "brief":"Complete website overhaul including new branding","start":"2025-01-15 00:00:00",
               "end":"2025-04-30 00:00:00","pm_id":8546,"estimated_time":250,"billable":true,"status":"in_progress",
               "estimated":18000,"company_id":1234,"created_at":"2025-01-10T14:30:00Z","updated_at":"2025-01-15T10:00:00Z"}"#,
        );
        assert_eq!(p.id(), Some(155693));
        assert_eq!(p.end(), crate::Date::new(2025, 4, 30));
        assert_eq!(p.estimated().map(ToString::to_string).as_deref(), Some("18000"));
        assert_eq!(p.created_at().and_then(crate::Timestamp::unix_seconds), Some(1_736_519_400));
        assert!(!p.json().contains('\n'));
    }

    #[test]
    fn malformed_response_fields_do_not_fail_applied_update() {
        let odd = project(
            r#"{"id":"155693","name":null,"start":17,"end":"soon","estimated":"18000.10","billable":1,"archived":"false",
               "status":["x"],"estimated_time":{},"client_id":1.5,"unknown":{"a":[1]}}"#,
        );
        assert_eq!((odd.id(), odd.name(), odd.status()), (Some(155693), None, None));
        assert_eq!((odd.billable(), odd.archived(), odd.end()), (Some(true), Some(false), None));
        assert_eq!(odd.estimated().map(ToString::to_string).as_deref(), Some("18000.10"));
        assert_eq!(odd.get("unknown"), Some(serde_json::json!({"a":[1]})));
        assert_eq!(odd.get("status"), Some(serde_json::json!(["x"])));
    }

    #[test]
    fn refuses_control_character_in_json_name() {
        for body in ["{\"error\u{16}\":{\"name\":\"ValidationError\"}}", "{\"a\tb\":1}", "{\"a\\n\u{16}\":1}"]
        {
            let broken = Answer::Unreadable("the body is not valid JSON".to_owned());
            assert_eq!(Answer::read(200, body.as_bytes()), broken, "{body:?}");
        }
        assert_eq!(project("{\n\t\"id\": 7,\r\n \"a\\u0016\": 1\n}").id(), Some(7));
    }

    #[test]
    fn reads_success_in_every_shape() {
        assert!(project("").is_empty());
        assert!(project(" \n").is_empty());
        assert_eq!(project("\u{feff}{\"id\":7}").id(), Some(7));
        assert_eq!(
            project(r#"{"statusCode":200,"status":"success","data":{"id":7,"name":"N"}}"#).id(),
            Some(7)
        );
        assert_eq!(project(r#"{"message":"Project updated"}"#).id(), None);
        assert_eq!(project("[]").json(), "[]");
        assert_eq!(project(r#"{"id":7,"id":8}"#).id(), Some(8));
        // A project may be called like an error and stay a project.
        assert_eq!(
            project(r#"{"id":7,"name":"ValidationError","status":"error"}"#).name(),
            Some("ValidationError")
        );
        assert_eq!(project(r#"{"id":7,"data":{"id":8}}"#).id(), Some(7));
        // Inside a wrapper, in a list, or without its id, as well.
        let wrapped = r#"{"statusCode":200,"status":"success","data":{"id":7,"name":"Validation"}}"#;
        assert_eq!(project(wrapped).name(), Some("Validation"));
        assert_eq!(project(r#"{"data":{"id":7,"code":"ZC001"}}"#).id(), Some(7));
        assert!(!project(r#"[{"id":7,"name":"Validation"}]"#).is_empty());
        assert_eq!(project(r#"{"id":null,"name":"Deletion","client_id":1}"#).name(), Some("Deletion"));
        assert_eq!(
            project(r#"{"name":"Validation","start":"2025-01-15 00:00:00"}"#).name(),
            Some("Validation")
        );
    }

    #[test]
    fn error_with_success_status_is_error() {
        for body in [
            r#"{"name":"ProjectNotFoundError","message":"no"}"#,
            r#"{"status":404,"name":"CORCustomError","code":"ZC001","message":"no"}"#,
            r#"{"statusCode":404,"status":"error","data":{"code":"ZC001"}}"#,
            r#"{"error":{"name":"ProjectNotFoundError"}}"#,
            r#"{"error":"ProjectNotFoundError"}"#,
            r#"{"statusCode":"404","message":"Project not found"}"#,
            r#"{"data":{"name":"ProjectNotFoundError","message":"no"}}"#,
            r#"[{"code":"ZC001","message":"no"}]"#,
            r#""ProjectNotFoundError""#,
        ] {
            assert_eq!(refusal(200, body).0, ErrorKind::ProjectNotFound, "{body}");
        }
        for body in [
            r#"[{"field":"end","message":"end is not a date","validation":"date"}]"#,
            r#"{"errors":[{"field":"end","message":"end is not a date","validation":"date"}]}"#,
        ] {
            assert_eq!(refusal(200, body).0, ErrorKind::Validation, "{body}");
        }
        let about_dates =
            r#"{"name":"InvalidDateRangeError","message":"no","start":"2025-02-01","end":"2025-01-01"}"#;
        assert_eq!(refusal(200, about_dates).0, ErrorKind::InvalidDateRange);
        for body in [r#"{"success":false,"message":"x"}"#, r#"{"status":"Failed"}"#] {
            assert_eq!(refusal(200, body).0, ErrorKind::Server, "{body}");
        }
        assert_eq!(refusal(200, r#"{"status":"error","message":"x"}"#).0, ErrorKind::Server);
    }

    #[test]
    fn number_beyond_double_range_fails_no_response() {
        let p = project(r#"{"id":7,"name":"N","estimated":1e400,"odd":[-1e999]}"#);
        assert_eq!((p.id(), p.name()), (Some(7), Some("N")));
        assert_eq!(p.estimated().map(ToString::to_string).as_deref(), Some("1e400"));
        assert_eq!(p.get("odd"), Some(serde_json::json!(["-1e999"])));
        // Nor does an odd name of a member, or half a surrogate pair.
        assert_eq!(project(r#"{"id":7,"\ud800":"\udfff"}"#).id(), Some(7));
        assert_eq!(project(r#"[{"id":7,"estimated":1e400}]"#).id(), None);
        for body in [
            r#"{"name":"ProjectNotFoundError","limit":1e400}"#,
            r#"{"name":"ProjectNotFoundError","message":"\ud800"}"#,
            r#"{"statusCode":404,"data":{"code":"ZC001","limit":-1e400}}"#,
            r#"[{"code":"ZC001","limit":1e400}]"#,
        ] {
            assert_eq!(refusal(200, body).0, ErrorKind::ProjectNotFound, "{body}");
            assert_eq!(refusal(404, body).0, ErrorKind::ProjectNotFound, "{body}");
        }
    }

    #[test]
    fn web_page_as_response_is_protocol_error() {
        for body in [
            "<html>sign in</html>",
            "{\"id\":7",
            "{'id':7}",
            "OK",
            "{\"id\":7}}",
            "\"done\"",
            "7",
            "1e400",
            "true",
        ] {
            assert!(matches!(Answer::read(200, body.as_bytes()), Answer::Unreadable(_)), "{body}");
        }
        assert!(matches!(Answer::read(200, b"\xff\xfe"), Answer::Unreadable(_)));
    }

    proptest! {
        #[test]
        fn reading_body_never_panics(status in 100u16..600, body in proptest::collection::vec(any::<u8>(), 0..200)) {
            Answer::read(status, &body);
        }

        #[test]
        fn project_keeps_unknown_members(name in any::<String>(), id in any::<i64>(), extra in any::<String>()) {
            let body = serde_json::json!({"id": id, "name": name, "odd": extra}).to_string();
            let p = project(&body);
            prop_assert_eq!(p.id(), Some(id));
            prop_assert_eq!(p.name(), Some(name.as_str()));
            prop_assert_eq!(p.get("odd"), Some(serde_json::Value::String(extra)));
            prop_assert_eq!(p.json(), body);
        }
    }
}
