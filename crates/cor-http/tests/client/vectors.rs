//! The shared vectors through this interface: the same bytes on the wire, the same kinds of error.

use cor_http::{Client, Date, Draft, IncomeType, Number, ProjectFilter, ProjectUpdate, Value};
use cor_sandbox::{Answer, Sandbox};
use serde_json::Value as Json;

fn value(tagged: &Json) -> Value<'_> {
    let (tag, given) = tagged.as_object().unwrap().iter().next().unwrap();
    let text = given.as_str().unwrap_or_default();
    match tag.as_str() {
        "text" => Value::Text(text.into()),
        "date" => Value::Date(text.parse::<Date>().unwrap()),
        "integer" => Value::Number(text.parse::<i64>().unwrap().into()),
        "decimal" => Value::Number(text.parse::<Number>().unwrap()),
        "float" => Value::Number(text.parse::<f64>().unwrap().into()),
        "boolean" => Value::Boolean(given.as_bool().unwrap()),
        "income_type" => Value::IncomeType(IncomeType::Other(text.to_owned())),
        "clear" => Value::Clear,
        "cell" => Value::Cell(text),
        _ => panic!("unknown tag {tag}"),
    }
}

fn update(vector: &Json) -> Result<ProjectUpdate, cor_http::Invalid> {
    let mut draft = Draft::new(vector["source"].as_str().unwrap());
    for (name, tagged) in vector["fields"].as_object().unwrap() {
        draft.set(name, value(tagged));
    }
    for (name, json) in vector["extra"].as_object().into_iter().flatten() {
        draft.extra(name, json.as_str().unwrap());
    }
    draft.finish(vector["id"].as_str())
}

#[tokio::test]
async fn updates_match_vectors_on_wire() {
    let sandbox = Sandbox::start().unwrap();
    let client = crate::common::client(&sandbox);
    for vector in crate::common::vectors("updates.json") {
        let (name, expect) = (&vector["name"], &vector["expect"]);
        sandbox.requests_clear();
        sandbox.queue(Answer::status(200).body(r#"{"id":7}"#));
        let id = vector["id"].as_str().unwrap();
        match update(&vector) {
            Ok(update) => {
                client.projects().update(id, &update).await.unwrap_or_else(|error| panic!("{name}: {error}"));
                let requests = sandbox.requests();
                assert_eq!(requests.len(), 1, "{name}");
                assert_eq!(Some(requests[0].path.as_str()), expect["path"].as_str(), "{name}");
                assert_eq!(Some(requests[0].body_text().as_str()), expect["body"].as_str(), "{name}");
            }
            Err(invalid) => {
                assert_eq!(Some(invalid.kind().as_str()), expect["kind"].as_str(), "{name}: {invalid}");
                let mut found: Vec<_> =
                    invalid.issues().iter().map(|i| (i.field.clone(), i.code.as_str().to_owned())).collect();
                let mut expected: Vec<(String, String)> =
                    serde_json::from_value(expect["issues"].clone()).unwrap();
                found.sort();
                expected.sort();
                assert_eq!(found, expected, "{name}");
                assert!(sandbox.requests().is_empty(), "{name}: something was sent");
                sandbox.queue_clear();
            }
        }
    }
}

/// A sandbox that answers as the vector says, and a client of it.
fn answering(vector: &Json, of: impl Fn(Answer) -> Answer) -> (Sandbox, Client) {
    let sandbox = Sandbox::start().unwrap();
    let client = crate::common::quick(crate::common::builder())
        .max_attempts(2)
        .base_url(sandbox.base_url())
        .main_url(sandbox.main_url())
        .token(sandbox.token())
        .build()
        .unwrap();
    let mut answer = Answer::status(vector["status"].as_u64().unwrap() as u16)
        .body(vector["body"].as_str().unwrap())
        .times(2);
    for (header, value) in vector["headers"].as_object().into_iter().flatten() {
        answer = answer.header(header, value.as_str().unwrap());
    }
    sandbox.queue(of(answer));
    (sandbox, client)
}

#[tokio::test]
async fn answers_match_vectors() {
    for vector in crate::common::vectors("answers.json") {
        let (name, expect) = (vector["name"].as_str().unwrap(), &vector["expect"]);
        let (sandbox, client) = answering(&vector, |answer| answer);
        match client.projects().update("A-1", &crate::common::named("N")).await {
            Ok(project) => {
                check_project(name, expect, &project);
            }
            Err(error) => {
                check_error(name, expect, &error);
                assert!(expect.get("outcome").is_some(), "{name}");
                assert_eq!(
                    sandbox.requests().len() as u32,
                    error.attempts(),
                    "{name}: requests and attempts"
                );
            }
        }
    }
}

fn check_error(name: &str, expect: &Json, error: &cor_http::Error) {
    assert_eq!(Some(error.kind().as_str()), expect["kind"].as_str(), "{name}: {error}");
    let known = [
        ("outcome", Some(error.outcome().as_str().into())),
        ("code", error.code().map(Json::from)),
        ("status", error.status().map(Json::from)),
        ("attempts", Some(error.attempts().into())),
        ("retryable", Some(error.is_retryable().into())),
        ("retry_after", error.retry_after().map(|wait| wait.as_secs().into())),
    ];
    for (field, found) in known {
        if let Some(expected) = expect.get(field) {
            assert_eq!(found.as_ref(), Some(expected), "{name}: {field} of {error:?}");
        }
    }
}

fn check_project(name: &str, expect: &Json, project: &cor_http::Project) {
    let fields = expect["project"].as_object().unwrap_or_else(|| panic!("{name}: {project:?}"));
    for (field, expected) in fields {
        assert_eq!(getter(project, field).as_deref(), expected.as_str(), "{name}: {field}");
    }
}

#[tokio::test]
async fn answers_of_main_api_match_vectors() {
    for vector in crate::common::vectors("main_answers.json") {
        let (name, expect) = (vector["name"].as_str().unwrap(), &vector["expect"]);
        let (sandbox, client) = answering(&vector, Answer::for_main_api);
        let error = match vector["call"].as_str().unwrap() {
            "get" => match client.projects().get(vector["id"].as_i64().unwrap()).await {
                Ok(project) => {
                    check_project(name, expect, &project);
                    continue;
                }
                Err(error) => error,
            },
            "list" => {
                let mut pages = client.projects().list(ProjectFilter::default()).start();
                let (mut ids, mut failed) = (Vec::new(), None);
                while let Some(page) = pages.next().await {
                    match page {
                        Ok(page) => ids.extend(page.projects.iter().map(cor_http::Project::id)),
                        Err(error) => failed = Some(error),
                    }
                }
                match failed {
                    None => {
                        assert_eq!(Json::from(ids), expect["ids"], "{name}");
                        assert_eq!(Json::from(pages.total()), expect["total"], "{name}");
                        continue;
                    }
                    Some(error) => error,
                }
            }
            other => panic!("unknown call {other}"),
        };
        check_error(name, expect, &error);
        assert_eq!(sandbox.requests().len() as u32, error.attempts(), "{name}: requests and attempts");
    }
}

fn getter(project: &cor_http::Project, name: &str) -> Option<String> {
    fn text(value: Option<impl ToString>) -> Option<String> {
        value.map(|value| value.to_string())
    }
    match name {
        "id" => text(project.id()),
        "name" => text(project.name()),
        "client_id" => text(project.client_id()),
        "brief" => text(project.brief()),
        "start" => text(project.start()),
        "end" => text(project.end()),
        "pm_id" => text(project.pm_id()),
        "estimated_time" => text(project.estimated_time()),
        "billable" => text(project.billable()),
        "status" => text(project.status()),
        "estimated" => text(project.estimated()),
        "contract_id" => text(project.contract_id()),
        "work_order" => text(project.work_order()),
        "archived" => text(project.archived()),
        "company_id" => text(project.company_id()),
        "health" => text(project.health()),
        "elapsed_time" => text(project.elapsed_time()),
        "total_estimated" => text(project.total_estimated()),
        "created_at" => text(project.created_at()),
        "updated_at" => text(project.updated_at()),
        _ => panic!("no getter {name}"),
    }
}
