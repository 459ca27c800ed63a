use std::collections::BTreeMap;

use cor_http::testing::MemoryTransport;

use super::*;

const TIMEOUT: Duration = Duration::from_secs(1);

/// COR with these projects, `hidden` of which its list does not show. A page of the list holds `per_page`.
fn cor(projects: Vec<i64>, hidden: Vec<i64>, per_page: usize) -> MemoryTransport {
    MemoryTransport::new(move |request| {
        let (path, query) = (request.uri().path(), request.uri().query().unwrap_or_default());
        let answer = |status: u16, body: String| {
            let mut answer = http::Response::new(body.into());
            *answer.status_mut() = http::StatusCode::from_u16(status).unwrap();
            Ok(answer)
        };
        if let Some(id) = path.strip_prefix("/v1/projects/") {
            return match projects.contains(&id.parse().unwrap()) {
                true => answer(200, format!(r#"{{"id":{id},"name":"N"}}"#)),
                false => answer(404, r#"{"name":"ProjectNotFoundError","message":"no"}"#.to_owned()),
            };
        }
        let page: usize =
            query.split('&').find_map(|pair| pair.strip_prefix("page=")).unwrap().parse().unwrap();
        let shown: Vec<i64> = projects.iter().copied().filter(|id| !hidden.contains(id)).collect();
        let data: Vec<String> = shown
            .chunks(per_page)
            .nth(page - 1)
            .unwrap_or_default()
            .iter()
            .map(|id| format!(r#"{{"id":{id},"name":"N"}}"#))
            .collect();
        let (total, last) = (shown.len(), shown.len().div_ceil(per_page));
        answer(
            200,
            format!(
                r#"{{"total":"{total}","perPage":{per_page},"page":{page},"lastPage":{last},"data":[{}]}}"#,
                data.join(",")
            ),
        )
    })
}

fn client(transport: &MemoryTransport) -> Client {
    let client = Client::builder().token("t").transport(transport.clone()).max_attempts(1);
    client.deadline(TIMEOUT).backoff_base(Duration::from_millis(1)).build().unwrap()
}

fn table(ids: impl IntoIterator<Item = i64>) -> KnownTable {
    let mut table = KnownTable::new().unwrap();
    for cor_id in ids {
        let known = Known { id: format!("P-{cor_id}"), cor_id: Some(cor_id), accepted: "{}".to_owned() };
        assert!(table.add(&known).unwrap());
    }
    table
}

/// What each project was found as, and the run at its end.
async fn read(
    known: KnownTable,
    transport: &MemoryTransport,
) -> (BTreeMap<String, &'static str>, ReadBackRun) {
    let mut run = ReadBackRun::start(known, &client(transport), TIMEOUT);
    let mut found = BTreeMap::new();
    while let Some(finding) = run.next().await.unwrap() {
        let what = match finding.found {
            Found::Shown(project) => {
                assert_eq!(project.id(), finding.known.cor_id);
                "shown"
            }
            Found::Gone(_) => "gone",
            Found::NotRead(_) => "not read",
        };
        assert_eq!(found.insert(finding.known.id, what), None, "each project once");
    }
    (found, run)
}

/// How many requests were for pages of the list, and how many for single projects.
fn requests(transport: &MemoryTransport) -> (usize, usize) {
    let requests = transport.requests();
    let lists = requests.iter().filter(|request| request.uri().path() == "/v1/projects").count();
    (lists, requests.len() - lists)
}

#[tokio::test]
async fn way_with_fewer_requests_is_taken() {
    for (known, projects, expected) in [
        // Few projects do not need to know how long the list is.
        (3, 3, (0, 3)),
        // One page has them all.
        (40, 40, (1, 0)),
        // Four pages instead of 200 projects.
        (200, 200, (4, 0)),
        // The first page has 50 of them, and the other 10 take fewer requests than 19 pages.
        (60, 1000, (1, 10)),
    ] {
        let transport = cor((1..=projects).collect(), vec![], 50);
        let (found, run) = read(table(1..=known), &transport).await;
        assert_eq!(found.len() as i64, known);
        assert!(found.values().all(|what| *what == "shown"));
        assert_eq!(requests(&transport), expected, "{known} of {projects}");
        assert_eq!(run.requests() as usize, expected.0 + expected.1);
        assert_eq!((run.unread(), run.halted().is_none()), (0, true));
    }
}

#[tokio::test]
async fn list_is_read_until_every_project_was_seen() {
    let transport = cor((1..=1000).collect(), vec![], 50);
    let (found, run) = read(table(1..=100), &transport).await;
    assert_eq!((found.len(), run.pages(), run.unread()), (100, 2, 0));
    // Four pages may be requested ahead of the one that is taken.
    let (lists, singles) = requests(&transport);
    assert!((2..=5).contains(&lists) && singles == 0, "{lists} {singles}");
}

#[tokio::test]
async fn project_hidden_by_list_is_read_singly() {
    let transport = cor((1..=100).collect(), vec![7, 99], 20);
    let (found, run) = read(table((1..=100).chain([500])), &transport).await;
    assert_eq!(found.len(), 101);
    let gone: Vec<_> = found.iter().filter(|(_, what)| **what != "shown").collect();
    assert_eq!(gone, [(&"P-500".to_owned(), &"gone")]);
    assert_eq!(requests(&transport), (5, 3));
    assert_eq!((run.pages(), run.requests()), (5, 8));
}

#[tokio::test]
async fn unusable_list_is_replaced_by_single_requests() {
    for body in [r#"[{"id":1},{"id":2},{"id":3}]"#, "<html>", r#"{"name":"ValidationError","message":"no"}"#]
    {
        let transport = MemoryTransport::new(move |request| match request.uri().path() {
            "/v1/projects" => Ok(http::Response::new(body.into())),
            path => {
                let id = path.rsplit('/').next().unwrap();
                Ok(http::Response::new(format!(r#"{{"id":{id}}}"#).into()))
            }
        });
        let (found, run) = read(table(1..=60), &transport).await;
        assert_eq!((found.len(), run.unread(), run.halted().is_none()), (60, 0, true), "{body}");
        assert_eq!(requests(&transport).0, 1, "{body}");
    }
}

#[tokio::test]
async fn denied_permission_ends_run_at_first_request() {
    for known in [2, 60] {
        let transport = MemoryTransport::json(403, r#"{"name":"CORCustomError","message":"no"}"#);
        let (found, run) = read(table(1..=known), &transport).await;
        assert_eq!(found, BTreeMap::new());
        assert_eq!(run.halted().unwrap().kind(), ErrorKind::Forbidden);
        assert_eq!(run.unread() as i64, known);
        assert!(transport.requests().len() <= 2);
    }
}

#[tokio::test]
async fn external_ids_of_one_project_share_request() {
    let transport = cor(vec![7], vec![], 50);
    let mut known = table([7]);
    let other = Known { id: "P-other".to_owned(), cor_id: Some(7), accepted: "{}".to_owned() };
    assert!(known.add(&other).unwrap());
    assert!(!known.add(&Known { cor_id: None, ..other }).unwrap());
    let (found, _) = read(known, &transport).await;
    assert_eq!((found.len(), requests(&transport)), (2, (0, 1)));
}

#[tokio::test]
async fn stopped_run_leaves_projects_unread() {
    let transport = cor((1..=1000).collect(), vec![], 50);
    let mut run = ReadBackRun::start(table(1..=1000), &client(&transport), TIMEOUT);
    assert!(run.next().await.unwrap().is_some());
    run.stop();
    let mut more = 0;
    while run.next().await.unwrap().is_some() {
        more += 1;
    }
    assert_eq!((more, run.unread()), (49, 950));
    assert!(run.halted().is_none());
}
