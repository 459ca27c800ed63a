use serde_json::value::RawValue;

use crate::json_text::Members;
use crate::{Answer, Project, Refusal};

/// What a response of COR's main API to a `GET` says, read from status and body.
///
/// ```
/// use cor_core::MainAnswer;
/// let body = br#"{"total":"14","perPage":20,"page":1,"lastPage":1,"data":[{"id":155693,"name":"Phase 2"}]}"#;
/// let MainAnswer::Read(page) = MainAnswer::page(200, body) else { panic!() };
/// assert_eq!((page.total, page.last_page, page.projects[0].id()), (Some(14), Some(1), Some(155693)));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum MainAnswer<T> {
    /// What was asked for.
    Read(T),
    /// COR has no project of this internal id.
    Missing(Refusal),
    /// COR refused the request, whatever the status says.
    Refused(Refusal),
    /// The status says success, and the body holds nothing of what was asked for.
    Unreadable(String),
}

impl MainAnswer<Project> {
    /// Reads the response to `GET /v1/projects/{id}`: the project itself, in a wrapper, or alone in a list.
    ///
    /// COR documents no error of this path. A 404 with any name or code of COR's therefore means that COR has no such
    /// project; a 404 without one comes from another server.
    ///
    /// Source: COR's page "Get a project" of the main API.
    pub fn project(status: u16, body: &[u8]) -> MainAnswer<Project> {
        match Answer::read(status, body) {
            Answer::Project(project) if project.id().is_some() => MainAnswer::Read(project),
            Answer::Project(project) if project.is_empty() => {
                MainAnswer::Unreadable("the body is empty".to_owned())
            }
            Answer::Project(project) => match list_of(project.raw()).as_deref() {
                Some([one]) if one.id().is_some() => MainAnswer::Read(one.clone()),
                _ => MainAnswer::Unreadable("the body describes no project with an id".to_owned()),
            },
            Answer::Refused(refusal) if refusal.status() == 404 && refusal.code().is_some() => {
                MainAnswer::Missing(refusal)
            }
            Answer::Refused(refusal) => MainAnswer::Refused(refusal),
            Answer::Unreadable(why) => MainAnswer::Unreadable(why),
        }
    }
}

/// A page of projects.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ProjectPage {
    /// The projects, in COR's order, which is not documented.
    pub projects: Vec<Project>,
    /// The number of projects on all pages, if the response states it.
    pub total: Option<u64>,
    /// The number of this page, counted from 1, if the response states it.
    pub page: Option<u64>,
    /// The number of the last page, if the response states it.
    pub last_page: Option<u64>,
    /// How many projects a page holds, if the response states it. A server may give fewer than were asked for.
    pub per_page: Option<u64>,
}

impl MainAnswer<ProjectPage> {
    /// Reads the response to `GET /v1/projects`, and to `GET /v1/projects/search-by-name/{name}`: a list, with or without
    /// its wrapper. Numbers may be text.
    ///
    /// Source: COR's page "List projects" of the main API, which shows the wrapper; whether `lastPage` is always there, and
    /// whether an unpaginated list has a wrapper, is not documented.
    pub fn page(status: u16, body: &[u8]) -> MainAnswer<ProjectPage> {
        let unreadable = |why: &str| MainAnswer::Unreadable(why.to_owned());
        let json = match Answer::read(status, body) {
            Answer::Project(project) if project.is_empty() => return unreadable("the body is empty"),
            // A wrapper, or the page that a wrapper holds; a list as it came.
            Answer::Project(project) => project,
            Answer::Refused(refusal) => return MainAnswer::Refused(refusal),
            Answer::Unreadable(why) => return MainAnswer::Unreadable(why),
        };
        let text = json.raw();
        if let Some(projects) = list_of(text) {
            return MainAnswer::Read(ProjectPage { projects, ..ProjectPage::default() });
        }
        let Some(projects) = json.get_json("data").and_then(list_of) else {
            return unreadable("the body holds no list of projects");
        };
        let number = |name: &str| json.get_json(name).and_then(count);
        MainAnswer::Read(ProjectPage {
            projects,
            total: number("total"),
            page: number("page"),
            last_page: number("lastPage"),
            per_page: number("perPage"),
        })
    }
}

/// The projects of a JSON list. What is no object is no project, and is kept as it came, without an id.
fn list_of(json: &str) -> Option<Vec<Project>> {
    let items: Vec<&RawValue> = serde_json::from_str(json).ok()?;
    let project = |item: &&RawValue| match Members::read(item.get()) {
        Some(members) => Project::from_members(item.get(), &members),
        None => Project::from_json(item.get()),
    };
    Some(items.iter().map(project).collect())
}

/// A count, which may be text: `"14"`.
fn count(json: &str) -> Option<u64> {
    json.trim_matches('"').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    fn page(body: &str) -> ProjectPage {
        match MainAnswer::page(200, body.as_bytes()) {
            MainAnswer::Read(page) => page,
            other => panic!("{body}: {other:?}"),
        }
    }

    #[test]
    fn reads_page_in_every_shape() {
        let documented = page(
            r#"{"total":"14","perPage":20,"page":1,"lastPage":1,"meta_data":{"profitability_limit":"30.00"},"data":[{"id":1},{"id":"2"}]}"#,
        );
        let ids = |page: &ProjectPage| page.projects.iter().map(Project::id).collect::<Vec<_>>();
        assert_eq!(ids(&documented), [Some(1), Some(2)]);
        let numbers = |p: &ProjectPage| (p.total, p.page, p.last_page, p.per_page);
        assert_eq!(numbers(&documented), (Some(14), Some(1), Some(1), Some(20)));
        for (body, expected) in [
            (
                r#"{"total":2,"perPage":"20","page":"1","data":[{"id":1},{"id":2}]}"#,
                (Some(2), Some(1), None, Some(20)),
            ),
            (r#"[{"id":1},{"id":2}]"#, (None, None, None, None)),
            (r#"{"data":[{"id":1},{"id":2}]}"#, (None, None, None, None)),
            (r#"{"statusCode":200,"status":"success","data":[{"id":1},{"id":2}]}"#, (None, None, None, None)),
            (
                r#"{"statusCode":200,"status":"success","data":{"total":2,"page":1,"lastPage":"1","data":[{"id":1},{"id":2}]}}"#,
                (Some(2), Some(1), Some(1), None),
            ),
            (
                r#"{"total":"many","page":-1,"lastPage":null,"data":[{"id":1},{"id":2}]}"#,
                (None, None, None, None),
            ),
        ] {
            let page = page(body);
            assert_eq!((numbers(&page), ids(&page)), (expected, vec![Some(1), Some(2)]), "{body}");
        }
        assert_eq!(ids(&page("[]")), []);
        assert_eq!(ids(&page(r#"{"total":0,"data":[]}"#)), []);
        // A project may be called like an error.
        assert_eq!(ids(&page(r#"[{"id":1,"name":"ValidationError"},7,null]"#)), [Some(1), None, None]);
    }

    #[test]
    fn body_without_list_is_unreadable() {
        for body in
            ["", "{}", r#"{"data":{"id":1}}"#, r#"{"id":1}"#, "null", "<html>", "7", r#"{"data":"x"}"#]
        {
            assert!(matches!(MainAnswer::page(200, body.as_bytes()), MainAnswer::Unreadable(_)), "{body}");
        }
        let refused = MainAnswer::page(200, br#"{"status":403,"name":"CORCustomError","message":"no"}"#);
        assert!(matches!(refused, MainAnswer::Refused(refusal) if refusal.kind() == ErrorKind::Forbidden));
    }

    #[test]
    fn reads_single_project_in_every_shape() {
        for body in [
            r#"{"id":7,"name":"N"}"#,
            r#"{"statusCode":200,"status":"success","data":{"id":"7","name":"N"}}"#,
            r#"[{"id":7,"name":"N"}]"#,
            r#"{"data":{"id":7,"name":"N"}}"#,
        ] {
            let read = MainAnswer::project(200, body.as_bytes());
            assert!(
                matches!(read, MainAnswer::Read(p) if (p.id(), p.name()) == (Some(7), Some("N"))),
                "{body}"
            );
        }
        for body in ["", "null", "[]", "{}", r#"[{"id":7},{"id":8}]"#, r#"{"message":"ok"}"#, "<html>"] {
            assert!(matches!(MainAnswer::project(200, body.as_bytes()), MainAnswer::Unreadable(_)), "{body}");
        }
    }

    #[test]
    fn missing_project_needs_word_of_cor() {
        for body in [
            r#"{"status":404,"name":"CORCustomError","code":"P001","message":"m"}"#,
            r#"{"name":"ProjectNotFoundError","message":"m"}"#,
            r#"{"code":"E_ROW_NOT_FOUND"}"#,
        ] {
            assert!(matches!(MainAnswer::project(404, body.as_bytes()), MainAnswer::Missing(_)), "{body}");
        }
        for body in ["", "<html>", r#"{"message":"Not Found"}"#] {
            let read = MainAnswer::project(404, body.as_bytes());
            assert!(matches!(read, MainAnswer::Refused(r) if r.kind() == ErrorKind::Protocol), "{body}");
        }
    }
}
