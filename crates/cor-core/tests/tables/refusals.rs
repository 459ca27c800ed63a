//! Reading COR's error bodies: what each shape says, and how a failure under a status of success is noticed.

use cor_core::{Answer, ErrorKind, Refusal};

/// What a refusal says, for comparing: kind, code, name, message and `field=message` of each problem.
fn said(refusal: &Refusal) -> (ErrorKind, Option<&str>, Option<&str>, Option<&str>, Vec<String>) {
    let problems = refusal.problems().iter().map(|p| format!("{}={}", p.field, p.message)).collect();
    (refusal.kind(), refusal.code(), refusal.name(), refusal.message(), problems)
}

#[test]
fn status_decides_kind_without_known_name() {
    use ErrorKind::*;
    for (status, kind) in [
        (100, Protocol),
        (199, Protocol),
        (200, Server),
        (299, Server),
        (300, Redirect),
        (399, Redirect),
        (400, Validation),
        (401, Auth),
        (402, Validation),
        (403, Forbidden),
        (405, Protocol),
        (407, Transport),
        (408, Timeout),
        (409, Validation),
        (422, Validation),
        (429, RateLimited),
        (499, Validation),
        (500, Server),
        (503, Server),
        (599, Server),
        (600, Protocol),
    ] {
        for body in ["", r#"{"name":"CORCustomError","code":"XX999"}"#] {
            let refusal = Refusal::read(status, body.as_bytes());
            assert_eq!(
                (refusal.kind(), refusal.status(), refusal.is_named()),
                (kind, status, false),
                "{body}"
            );
        }
    }
    // A 404 is COR's only in COR's words.
    for (body, kind) in [
        ("", Protocol),
        (r#"{"name":"NotFoundError","message":"no such path"}"#, Protocol),
        (
            r#"{"statusCode":404,"message":"Cannot PUT /v2/integrations/projects/a","error":"Not Found"}"#,
            Protocol,
        ),
        (r#"{"code":"E_ROUTE_NOT_FOUND","message":"m"}"#, Protocol),
        ("404 page not found", Protocol),
        ("<html><title>Project not found</title></html>", Protocol),
        (r#"{"name":"CORCustomError","code":"XX999"}"#, ProjectNotFound),
        (r#"{"message":"Project not found"}"#, ProjectNotFound),
        (r#"[{"field":"client_id","message":"is not known"}]"#, Validation),
    ] {
        assert_eq!(Refusal::read(404, body.as_bytes()).kind(), kind, "{body}");
    }
    // A success that lists problems of fields is a refusal of values.
    let listed = br#"[{"field":"end","message":"m"}]"#;
    assert_eq!(Refusal::read(200, listed).kind(), Validation);
    assert_eq!(Refusal::read(500, listed).kind(), Server);
}

#[test]
fn every_known_name_has_its_kind_in_every_spelling() {
    let validation = [
        "ValidationError",
        "E_VALIDATION",
        "E_VALIDATION_FAILURE",
        "UnprocessableEntity",
        "InvalidSourceError",
        "InvalidRoleError",
        "DuplicateEmailError",
        "DuplicateExternalIdError",
        "DeletionError",
        "AlreadyAttachedError",
        "NotAttachedError",
        "UserAssociationNotFoundError",
        "CE001",
        "CTR006",
        "PC001",
        "ZC002",
        "ZC004",
        "UT011",
        "UT012",
        "UT013",
        "ClientNotFoundError",
        "BrandNotFoundError",
        "ProductNotFoundError",
        "ContractNotFoundError",
        "UserNotFoundError",
        "PositionNotFoundError",
        "CategoryNotFoundError",
        "LeaveNotFoundError",
        "LeaveTypeNotFoundError",
        "WorkspaceNotFoundError",
        "FeeNotFoundError",
        "CurrencyNotFoundError",
    ];
    let missing = [
        "ZC001",
        "zc001",
        "ProjectNotFound",
        "ProjectNotFoundError",
        "ProjectNotFoundException",
        "ProjectNotFoundErrorException",
        "PROJECT_NOT_FOUND",
        "project-not-found",
    ];
    let dates = ["InvalidDateRangeError", "INVALID_DATE_RANGE"];
    let tables = [
        (ErrorKind::Validation, &validation[..]),
        (ErrorKind::ProjectNotFound, &missing[..]),
        (ErrorKind::InvalidDateRange, &dates[..]),
    ];
    for (kind, names) in tables {
        for name in names {
            // 429, so that the status cannot be what decides.
            for body in [format!(r#"{{"name":"{name}"}}"#), format!(r#"{{"name":"Other","code":"{name}"}}"#)]
            {
                let refusal = Refusal::read(429, body.as_bytes());
                assert_eq!((refusal.kind(), refusal.is_named()), (kind, true), "{body}");
            }
        }
    }
    // The code says more than the name.
    let both = br#"{"name":"ValidationError","code":"ZC001"}"#;
    assert_eq!(Refusal::read(400, both).kind(), ErrorKind::ProjectNotFound);
    for (code, duplicate) in [
        ("DuplicateExternalIdError", true),
        ("DUPLICATE_EXTERNAL_ID", true),
        ("ZC004", true),
        ("DuplicateEmailError", false),
        ("ZC001", false),
        ("", false),
    ] {
        assert_eq!(Refusal::is_duplicate_code(code), duplicate, "{code}");
    }
}

#[test]
fn finds_code_name_message_and_problems_in_every_shape() {
    use ErrorKind::*;
    type Row<'a> = (&'a str, ErrorKind, Option<&'a str>, Option<&'a str>, Option<&'a str>, &'a [&'a str]);
    let rows: &[Row<'_>] = &[
        // Names by descending precedence; empty text is no name.
        (r#"{"name":"A","error_code":"B","type":"C"}"#, Server, Some("A"), Some("A"), None, &[]),
        (r#"{"name":"","error_code":"B","type":"C"}"#, Server, Some("B"), Some("B"), None, &[]),
        (r#"{"name":7,"type":"C"}"#, Server, Some("C"), Some("C"), None, &[]),
        // Codes as text and as number.
        (r#"{"name":"A","code":"X1"}"#, Server, Some("X1"), Some("A"), None, &[]),
        (r#"{"name":"A","code":17}"#, Server, Some("17"), Some("A"), None, &[]),
        (r#"{"name":"A","code":""}"#, Server, Some("A"), Some("A"), None, &[]),
        // Messages by descending precedence.
        (
            r#"{"message":"m","error_description":"e","detail":"d","title":"t"}"#,
            Server,
            None,
            None,
            Some("m"),
            &[],
        ),
        (
            r#"{"message":"","error_description":"e","detail":"d","title":"t"}"#,
            Server,
            None,
            None,
            Some("e"),
            &[],
        ),
        (r#"{"detail":"d","title":"t"}"#, Server, None, None, Some("d"), &[]),
        (r#"{"title":"t"}"#, Server, None, None, Some("t"), &[]),
        // One word in `error` names, a sentence describes; a name that is there already stays.
        (
            r#"{"error":"invalid_token","error_description":"e"}"#,
            Server,
            Some("invalid_token"),
            Some("invalid_token"),
            Some("e"),
            &[],
        ),
        (r#"{"error":"Not Found"}"#, Server, None, None, Some("Not Found"), &[]),
        (r#"{"error":"not-found"}"#, Server, None, None, Some("not-found"), &[]),
        (r#"{"name":"A","error":"word"}"#, Server, Some("A"), Some("A"), Some("word"), &[]),
        // The outer word wins over the inner one, whatever the wrapper is called.
        (
            r#"{"name":"A","message":"m","error":{"name":"B","code":"C","message":"n"}}"#,
            Server,
            Some("C"),
            Some("A"),
            Some("m"),
            &[],
        ),
        (r#"{"errors":{"name":"B","message":"n"}}"#, Server, Some("B"), Some("B"), Some("n"), &[]),
        (r#"{"data":{"name":"B","message":"n"}}"#, Server, Some("B"), Some("B"), Some("n"), &[]),
        (r#"{"exception":{"name":"B","message":"n"}}"#, Server, Some("B"), Some("B"), Some("n"), &[]),
        (r#"{"errors":["<name> is required"]}"#, Server, None, None, Some("<name> is required"), &[]),
        (r#"{"errors":["first","second"]}"#, Server, None, None, Some("first"), &[]),
        // An exception as frameworks print it.
        (
            r#"{"message":"ProjectNotFoundError: no such project"}"#,
            ProjectNotFound,
            Some("ProjectNotFoundError"),
            Some("ProjectNotFoundError"),
            Some("ProjectNotFoundError: no such project"),
            &[],
        ),
        (
            r#"{"name":"A","message":"ProjectNotFoundError: m"}"#,
            Server,
            Some("A"),
            Some("A"),
            Some("ProjectNotFoundError: m"),
            &[],
        ),
        (r#"{"message":"Warning: m"}"#, Server, None, None, Some("Warning: m"), &[]),
        // Problems of fields in the spellings of validators.
        (
            r#"[{"field":"a","message":"m"},{"path":"b","msg":"n"},{"param":"c","validation":"v"},{"field":"d","rule":"r"},{"field":"e"}]"#,
            Server,
            None,
            None,
            None,
            &["a=m", "b=n", "c=v", "d=r", "e=COR did not accept the value"],
        ),
        (
            r#"{"message":["end is no date",{"field":"end","message":"m"}]}"#,
            Server,
            None,
            None,
            Some("end is no date"),
            &["end=m"],
        ),
        (r#"{"message":[{"path":["end"],"message":"m"}]}"#, Server, None, None, Some("m"), &[]),
        (
            r#"{"errors":[{"code":"ZC001","message":"m"}]}"#,
            ProjectNotFound,
            Some("ZC001"),
            None,
            Some("m"),
            &[],
        ),
        // Text and pages.
        (r#""a sentence""#, Server, None, None, Some("a sentence"), &[]),
        ("\u{feff} plain\ttext\u{7}\n", Server, None, None, Some("plain text "), &[]),
        (
            "<html><head><title> 502\nBad Gateway </title></head></html>",
            Server,
            None,
            None,
            Some("502 Bad Gateway"),
            &[],
        ),
        ("<html><p>down</p></html>", Server, None, None, None, &[]),
        ("<title>unfinished", Server, None, None, None, &[]),
        ("", Server, None, None, None, &[]),
        ("7", Server, None, None, None, &[]),
        ("null", Server, None, None, None, &[]),
    ];
    for (body, kind, code, name, message, problems) in rows {
        let refusal = Refusal::read(500, body.as_bytes());
        let problems = problems.iter().map(|p| (*p).to_owned()).collect();
        assert_eq!(said(&refusal), (*kind, *code, *name, *message, problems), "{body}");
    }
}

#[test]
fn follows_nesting_for_three_levels() {
    let inner = r#"{"code":"ZC001"}"#;
    for (open, close) in [(r#"{"error":"#, "}"), ("[", "]"), (r#"{"message":["#, "]}")] {
        for (levels, found) in [(1, true), (3, true), (4, false), (5, false)] {
            let body = format!("{}{inner}{}", open.repeat(levels), close.repeat(levels));
            assert_eq!(Refusal::read(400, body.as_bytes()).is_named(), found, "{body}");
        }
    }
}

#[test]
fn message_is_cut_at_five_hundred_characters() {
    for length in [499, 500, 501, 10_000] {
        let refusal = Refusal::read(400, "é".repeat(length).as_bytes());
        assert_eq!(refusal.message().map(|m| m.chars().count()), Some(length.min(500)));
    }
}

#[test]
fn error_status_is_refusal_for_any_body() {
    for (status, refused) in [(199, true), (200, false), (204, false), (299, false), (300, true), (404, true)]
    {
        let answer = Answer::read(status, br#"{"id":7}"#);
        assert_eq!(matches!(answer, Answer::Refused(_)), refused, "{status}: {answer:?}");
        assert_eq!(matches!(answer, Answer::Project(_)), !refused, "{status}: {answer:?}");
    }
}

#[test]
fn recognises_failure_in_body_of_success() {
    use ErrorKind::*;
    // The kind and the status of the refusal; `None` where the body is a response that was applied.
    for (body, refused) in [
        // A status in the body counts from 400 to 599, as number, digits or fraction, beside an id as well.
        (r#"{"status":399}"#, None),
        (r#"{"status":400}"#, Some((Validation, 400))),
        (r#"{"status":404.5}"#, Some((Protocol, 404))),
        (r#"{"status":599}"#, Some((Server, 599))),
        (r#"{"status":600}"#, None),
        (r#"{"status":" 429 "}"#, Some((RateLimited, 429))),
        (r#"{"statusCode":403}"#, Some((Forbidden, 403))),
        (r#"{"statusCode":"403"}"#, Some((Forbidden, 403))),
        (r#"{"status":200,"statusCode":403}"#, Some((Forbidden, 403))),
        (r#"{"id":7,"status":404}"#, Some((Protocol, 404))),
        (r#"{"id":7,"statusCode":"404"}"#, Some((Protocol, 404))),
        (r#"{"id":7,"status":"active"}"#, None),
        (r#"{"id":7,"status":1}"#, None),
        // Words of failure, unless a project has them in its fields.
        (r#"{"status":"error"}"#, Some((Server, 200))),
        (r#"{"status":"FAIL"}"#, Some((Server, 200))),
        (r#"{"status":"failed"}"#, Some((Server, 200))),
        (r#"{"status":"failure"}"#, Some((Server, 200))),
        (r#"{"status":"success"}"#, None),
        (r#"{"success":false}"#, Some((Server, 200))),
        (r#"{"success":true}"#, None),
        (r#"{"success":0}"#, None),
        (r#"{"id":7,"success":false,"error":"x"}"#, None),
        (r#"{"error":null}"#, None),
        (r#"{"error":false}"#, None),
        (r#"{"error":true}"#, Some((Server, 200))),
        (r#"{"error":""}"#, Some((Server, 200))),
        (r#"{"errors":[]}"#, None),
        (r#"{"errors":["m"]}"#, Some((Server, 200))),
        (r#"{"errors":{}}"#, Some((Server, 200))),
        // Names and problems of fields, unless a project is called like an error.
        (r#"{"name":"ValidationError"}"#, Some((Validation, 200))),
        (r#"{"name":"Validation","id":null}"#, None),
        (r#"{"name":"Website"}"#, None),
        (r#"{"name":"Validation","pm_id":1}"#, None),
        (r#"{"name":"Validation","pm_id":1,"message":"m"}"#, Some((Validation, 200))),
        (r#"{"name":"Validation","pm_id":1,"code":"m"}"#, Some((Validation, 200))),
        (r#"[{"field":"end","message":"m"}]"#, Some((Validation, 200))),
        (r#"[{"name":"Validation","id":7}]"#, None),
        (r#"[{"name":"ValidationError"},{"id":7}]"#, None),
        (r#"[{"name":"ValidationError"}]"#, Some((Validation, 200))),
        (r#"{"data":{"name":"ValidationError"}}"#, Some((Validation, 200))),
        (r#"{"data":{"name":"Validation","id":7}}"#, None),
        (r#"{"data":[{"name":"Validation","id":7}]}"#, None),
        (r#"{"status":"error","data":{"id":7}}"#, Some((Server, 200))),
        (r#"{"data":7,"name":"ValidationError"}"#, Some((Validation, 200))),
        (r#""ProjectNotFoundError""#, Some((ProjectNotFound, 200))),
        ("null", None),
        ("[]", None),
    ] {
        let found = match Answer::read(200, body.as_bytes()) {
            Answer::Refused(refusal) => Some((refusal.kind(), refusal.status())),
            Answer::Project(_) => None,
            other => panic!("{body}: {other:?}"),
        };
        assert_eq!(found, refused, "{body}");
    }
}

#[test]
fn one_project_field_suffices_for_project() {
    for field in
        ["id", "client_id", "pm_id", "start", "end", "estimated_time", "billable", "company_id", "created_at"]
    {
        let body = format!(r#"{{"name":"Validation","{field}":null}}"#);
        assert!(matches!(Answer::read(200, body.as_bytes()), Answer::Project(_)), "{body}");
        let wrapped = format!(r#"{{"data":{body}}}"#);
        assert!(matches!(Answer::read(200, wrapped.as_bytes()), Answer::Project(_)), "{wrapped}");
    }
}

#[test]
fn unreadable_responses_name_reason() {
    for (body, reason) in [
        (&b"<html>sign in</html>"[..], "the body is not JSON"),
        (b"OK", "the body is not JSON"),
        (b"\"done\"", "the body is a bare text instead of a JSON object"),
        (b"7", "the body is a bare number instead of a JSON object"),
        (b"-1e400", "the body is a bare number instead of a JSON object"),
        (b" true", "the body is a bare boolean instead of a JSON object"),
        (b"[1,", "the body is not JSON"),
        (b"{\"id\":7", "the body is not valid JSON"),
        (b"{\"id\":\"\xff\"}", "the body is not UTF-8"),
    ] {
        assert_eq!(Answer::read(200, body), Answer::Unreadable(reason.to_owned()));
    }
    for body in [&b""[..], b" \r\n", b"\xEF\xBB\xBF", b"\xEF\xBB\xBF \n"] {
        assert!(matches!(Answer::read(200, body), Answer::Project(p) if p.is_empty()), "{body:?}");
    }
}
