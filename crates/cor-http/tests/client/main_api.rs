//! Reading from COR's main API: what is sent, what comes back, and lists that change while they are read.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use cor_http::testing::MemoryTransport;
use cor_http::{Client, ClientBuilder, Error, ErrorKind, Outcome, ProjectFilter};
use futures_util::FutureExt;
use http::{Request, Response};

fn builder(transport: MemoryTransport) -> ClientBuilder {
    Client::builder().token("t").transport(transport).backoff_base(std::time::Duration::from_millis(1))
}

fn answer(status: u16, body: String) -> Response<Bytes> {
    Response::builder().status(status).body(Bytes::from(body)).unwrap()
}

fn paths(transport: &MemoryTransport) -> Vec<String> {
    transport.requests().iter().map(|request| format!("{} {}", request.method(), request.uri())).collect()
}

#[tokio::test]
async fn reads_project_by_internal_id() {
    let transport =
        MemoryTransport::json(200, r#"{"id":155693,"name":"N","health":2,"total_estimated":"18000.10"}"#);
    let client = builder(transport.clone()).build().unwrap();
    let project = client.projects().get(155_693).await.unwrap();
    assert_eq!((project.id(), project.health()), (Some(155_693), Some(2)));
    assert_eq!(project.total_estimated().unwrap().to_string(), "18000.10");
    assert_eq!(paths(&transport), ["GET https://api.projectcor.com/v1/projects/155693"]);
    let request = &transport.requests()[0];
    assert!(request.body().is_empty() && !request.headers().contains_key("content-type"));
    assert_eq!(client.main_url(), Some("https://api.projectcor.com/v1"));
}

#[tokio::test]
async fn read_errors_say_what_was_read_and_no_outcome() {
    for (status, body, kind, text) in [
        (
            404,
            r#"{"status":404,"name":"CORCustomError","code":"P9","message":"gone"}"#,
            ErrorKind::ProjectNotFound,
            "could not read project 7 (COR's internal id): COR has no such project: gone (P9, HTTP 404); check COR's internal \
             id; the project may have been deleted",
        ),
        (
            404,
            "<html>",
            ErrorKind::Protocol,
            "could not read project 7 (COR's internal id): the server at this address does not respond like COR's API (HTTP \
             404); check that `main_url` is the address of COR's main API, version included",
        ),
        (
            403,
            r#"{"message":"no"}"#,
            ErrorKind::Forbidden,
            "could not read project 7 (COR's internal id): COR denied permission: no (HTTP 403); in COR, assign the token's \
             user a role that may read projects",
        ),
        (
            302,
            "",
            ErrorKind::Redirect,
            "could not read project 7 (COR's internal id): the server answered with a redirect (HTTP 302); if COR's main API \
             has moved there, set `main_url` to its new address",
        ),
        (
            200,
            r#"{"id":8}"#,
            ErrorKind::Protocol,
            "could not read project 7 (COR's internal id): the response is about project 8; check that `main_url` is the \
             address of COR's main API, version included",
        ),
        (
            200,
            r#"{"message":"ok"}"#,
            ErrorKind::Protocol,
            "could not read project 7 (COR's internal id): the server answered HTTP 200, but the body describes no project \
             with an id; check that `main_url` is the address of COR's main API, version included",
        ),
    ] {
        let client = builder(MemoryTransport::json(status, body)).build().unwrap();
        let error = client.projects().get(7).await.unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (kind, Outcome::NotApplied), "{error}");
        assert_eq!(error.to_string(), text);
    }
}

#[tokio::test]
async fn reads_are_retried() {
    let answers = Arc::new(Mutex::new(vec![200u16, 503, 502, 429]));
    let transport = MemoryTransport::new(move |_| {
        Ok(answer(answers.lock().unwrap().pop().unwrap(), r#"{"id":7}"#.into()))
    });
    let client = builder(transport.clone()).build().unwrap();
    assert_eq!(client.projects().get(7).await.unwrap().id(), Some(7));
    assert_eq!(transport.requests().len(), 4);
}

#[tokio::test]
async fn reading_is_refused_where_no_main_api_belongs() {
    let transport = MemoryTransport::json(200, r#"{"id":7}"#);
    let elsewhere = || builder(transport.clone()).base_url("https://cor.example");
    let client = elsewhere().build().unwrap();
    assert_eq!(client.main_url(), None);
    let error = client.projects().get(7).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert_eq!(
        error.to_string(),
        "could not read project 7 (COR's internal id): `base_url` is not COR's production address, and `main_url` is not set; \
         set `main_url` to the main API of the same COR (environment: COR_MAIN_URL)"
    );
    assert!(client.projects().find_by_name("N").await.is_err());
    assert!(client.projects().list(ProjectFilter::default()).start().next().await.unwrap().is_err());
    assert!(transport.requests().is_empty(), "no token leaves");
    let client = elsewhere().main_url("https://main.cor.example/v1/").build().unwrap();
    client.projects().get(7).await.unwrap();
    assert_eq!(paths(&transport), ["GET https://main.cor.example/v1/projects/7"]);
    let error = builder(transport).main_url("http://cor.example").build().unwrap_err();
    assert!(error.to_string().contains("`main_url` is an http address of another machine"), "{error}");
}

#[test]
fn main_url_has_to_belong_with_base_url() {
    const SANDBOX: &str = "http://127.0.0.1:4010";
    let client = |option: [Option<&str>; 2], environment: [Option<&str>; 2]| {
        let mut builder = builder(MemoryTransport::json(200, "{}")).environment(|name| match name {
            "COR_BASE_URL" => environment[0].map(str::to_owned),
            "COR_MAIN_URL" => environment[1].map(str::to_owned),
            _ => None,
        });
        builder = option[0].into_iter().fold(builder, |builder, url| builder.base_url(url));
        builder = option[1].into_iter().fold(builder, |builder, url| builder.main_url(url));
        builder.build().unwrap()
    };
    let other = Some("http://127.0.0.1:4711/v1");
    let production = Some("https://api.projectcor.com/v1");
    for (option, environment, refused) in [
        ([None, None], [None, None], None),
        ([None, production], [None, None], None),
        // What a sandbox that is gone left behind gets no token.
        ([None, None], [None, other], Some("would be sent to another server")),
        ([None, other], [None, None], Some("would be sent to another server")),
        ([Some(SANDBOX), None], [None, other], Some("is set at another place")),
        ([Some(SANDBOX), None], [None, production], Some("is set at another place")),
        ([Some(SANDBOX), None], [None, Some("http://127.0.0.1:4010/v1")], None),
        ([None, None], [Some(SANDBOX), other], None),
        ([None, other], [Some(SANDBOX), None], None),
        ([Some(SANDBOX), other], [None, None], None),
        ([Some(SANDBOX), None], [None, None], Some("`main_url` is not set")),
    ] {
        let client = client(option, environment);
        let why = client.check_main_api().err().map(|error| error.to_string());
        assert_eq!(client.main_url().is_none(), refused.is_some(), "{option:?} {environment:?}");
        assert_eq!(why.is_some(), refused.is_some(), "{why:?}");
        assert!(why.is_none_or(|why| why.contains(refused.unwrap())), "{option:?} {environment:?}");
    }
}

#[tokio::test]
async fn id_that_is_none_is_refused_before_request() {
    let transport = MemoryTransport::json(200, r#"{"id":7}"#);
    let client = builder(transport.clone()).build().unwrap();
    for id in [0, -5] {
        assert_eq!(client.projects().get(id).await.unwrap_err().kind(), ErrorKind::Invalid);
    }
    assert!(transport.requests().is_empty());
}

#[tokio::test]
async fn finds_projects_by_name() {
    let transport = MemoryTransport::json(200, r#"[{"id":1,"name":"A/B ?"},{"id":2,"name":"a/b ?"}]"#);
    let client = builder(transport.clone()).build().unwrap();
    assert_eq!(client.projects().find_by_name("A/B ?").await.unwrap().len(), 2);
    assert_eq!(paths(&transport), ["GET https://api.projectcor.com/v1/projects/search-by-name/A%2FB%20%3F"]);
    assert_eq!(client.projects().find_by_name("..").await.unwrap_err().kind(), ErrorKind::Invalid);
    let none = builder(MemoryTransport::json(404, r#"{"name":"ProjectNotFoundError"}"#)).build().unwrap();
    assert!(none.projects().find_by_name("N").await.unwrap().is_empty());
}

#[tokio::test]
async fn many_reads_give_one_result_each_and_stop_at_forbidden() {
    let transport = MemoryTransport::new(|request| {
        let id = request.uri().path().rsplit('/').next().unwrap().to_owned();
        Ok(match id.as_str() {
            "3" => answer(404, r#"{"name":"ProjectNotFoundError"}"#.to_owned()),
            _ => answer(200, format!("{{\"id\":{id}}}")),
        })
    });
    let client = builder(transport).build().unwrap();
    let mut read = client.projects().get_many(1..=100).concurrency(7).start();
    let (mut found, mut missing) = (BTreeSet::new(), Vec::new());
    while let Some((id, result)) = read.next().await {
        match result {
            Ok(project) => assert!(found.insert(project.id().unwrap())),
            Err(error) => missing.push((id, error.kind())),
        }
    }
    assert_eq!((found.len(), missing), (99, vec![(3, ErrorKind::ProjectNotFound)]));
    assert!(read.halted().is_none());

    let forbidden = MemoryTransport::json(403, "{}");
    let client = builder(forbidden.clone()).build().unwrap();
    let mut read = client.projects().get_many(1..=100).concurrency(4).start();
    while read.next().await.is_some() {}
    assert_eq!(read.halted().map(Error::kind), Some(ErrorKind::Forbidden));
    assert!(forbidden.requests().len() <= 4, "{}", forbidden.requests().len());
}

#[tokio::test]
async fn ids_that_arrive_over_time_are_read() {
    let transport = MemoryTransport::new(|request| {
        let id = request.uri().path().rsplit('/').next().unwrap().to_owned();
        Ok(answer(200, format!("{{\"id\":{id}}}")))
    });
    let client = builder(transport.clone()).build().unwrap();
    let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
    let ids = futures_util::stream::poll_fn(move |cx| receiver.poll_recv(cx));
    let mut read = client.projects().get_stream(ids).start();
    for id in [7, 8] {
        sender.send(id).await.unwrap();
        assert_eq!(read.next().await.unwrap().0, id);
        assert!(read.next().now_or_never().is_none(), "the ids have not ended");
    }
    drop(sender);
    assert!(read.next().await.is_none());
    assert_eq!(transport.requests().len(), 2);
}

/// A list of projects that a test changes while it is read.
#[derive(Clone)]
struct Company(Arc<Mutex<State>>);

struct State {
    ids: Vec<i64>,
    requests: u64,
    shape: Shape,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Shape {
    Documented,
    NoLastPage,
    Bare,
    /// At most 20 projects on a page, whatever is asked for.
    Capped,
}

impl Company {
    fn new(count: i64, shape: Shape) -> Company {
        Company(Arc::new(Mutex::new(State { ids: (1..=count).collect(), requests: 0, shape })))
    }

    /// Answers with a page, then changes the list by `change`, which gets the number of the request.
    fn serve(&self, change: impl Fn(u64, &mut Vec<i64>) + Send + Sync + 'static) -> Client {
        let company = self.clone();
        let today = jiff::Timestamp::now().to_string()[..10].to_owned();
        let transport = MemoryTransport::new(move |request: &Request<Bytes>| {
            let mut state = company.0.lock().unwrap();
            let url = url::Url::parse(&request.uri().to_string()).unwrap();
            let number = |name: &str| {
                url.query_pairs().find(|(known, _)| known == name).unwrap().1.parse::<usize>().unwrap()
            };
            let (page, mut per_page) = (number("page"), number("perPage"));
            if state.shape == Shape::Capped {
                per_page = per_page.min(20);
            }
            let items: Vec<String> = state
                .ids
                .iter()
                .skip((page - 1) * per_page)
                .take(per_page)
                .map(|id| {
                    // As COR's own example of a list has them: without a zone.
                    let day = if *id == 9_999 { &today } else { "2020-01-01" };
                    format!("{{\"id\":{id},\"updated_at\":\"{day} 10:00:00\"}}")
                })
                .collect();
            let (total, last) = (state.ids.len(), state.ids.len().div_ceil(per_page).max(1));
            let items = items.join(",");
            let body = match state.shape {
                Shape::Bare => format!("[{items}]"),
                Shape::NoLastPage => {
                    format!("{{\"total\":\"{total}\",\"page\":\"{page}\",\"data\":[{items}]}}")
                }
                _ => format!(
                    "{{\"total\":\"{total}\",\"perPage\":{per_page},\"page\":{page},\"lastPage\":{last},\"data\":[{items}]}}"
                ),
            };
            state.requests += 1;
            let requests = state.requests;
            change(requests, &mut state.ids);
            Ok(answer(200, body))
        });
        builder(transport).build().unwrap()
    }
}

/// The ids of a list, each of which comes once, and the number of requests.
async fn list(client: &Client) -> (Vec<i64>, u64) {
    let mut pages = client.projects().list(ProjectFilter::default()).start();
    let mut ids = Vec::new();
    while let Some(page) = pages.next().await {
        ids.extend(page.unwrap().projects.iter().filter_map(cor_http::Project::id));
    }
    let requests = pages.requests();
    let unique: BTreeSet<_> = ids.iter().copied().collect();
    assert_eq!(unique.len(), ids.len(), "no project comes twice");
    (unique.into_iter().collect(), requests)
}

#[tokio::test]
async fn lists_every_project_once_in_every_shape() {
    for (shape, count, most) in [
        (Shape::Documented, 0, 1),
        (Shape::Documented, 50, 1),
        (Shape::Documented, 1_001, 21),
        (Shape::NoLastPage, 1_001, 21),
        (Shape::Bare, 1_001, 22),
        (Shape::Bare, 50, 2),
        (Shape::Bare, 0, 1),
        (Shape::Capped, 1_001, 51),
    ] {
        let client = Company::new(count, shape).serve(|_, _| {});
        let (ids, requests) = list(&client).await;
        assert_eq!(ids, (1..=count).collect::<Vec<_>>(), "{shape:?} {count}");
        assert!(requests <= most, "{shape:?} {count}: {requests}");
    }
}

#[tokio::test]
async fn whole_list_without_pages_ends_when_it_comes_again() {
    let all: Vec<String> = (1..=200).map(|id| format!("{{\"id\":{id}}}")).collect();
    for count in [200, 30] {
        let transport = MemoryTransport::json(200, format!("[{}]", all[..count].join(",")));
        let client = builder(transport.clone()).build().unwrap();
        assert_eq!(list(&client).await.0.len(), count);
        assert_eq!(transport.requests().len(), 2);
    }
}

/// Serves pages by their number.
fn pages(page: impl Fn(usize) -> String + Send + Sync + 'static) -> MemoryTransport {
    MemoryTransport::new(move |request| {
        let url = url::Url::parse(&request.uri().to_string()).unwrap();
        let number = url.query_pairs().find(|(name, _)| name == "page").unwrap().1.parse().unwrap();
        Ok(answer(200, page(number)))
    })
}

fn items(ids: impl Iterator<Item = usize>, item: &str) -> String {
    ids.map(|id| item.replace("ID", &id.to_string())).collect::<Vec<_>>().join(",")
}

#[tokio::test]
async fn list_is_read_on_while_projects_are_missing() {
    // The server gives fewer than it says, names a last page that is not the last, or gives projects without ids.
    for (name, item, wrapper, per_page, count) in [
        (
            "echoes per page",
            r#"{"id":ID}"#,
            r#"{"total":100,"perPage":50,"page":PAGE,"data":[ITEMS]}"#,
            20,
            100,
        ),
        (
            "wrong last page",
            r#"{"id":ID}"#,
            r#"{"total":100,"page":PAGE,"lastPage":1,"data":[ITEMS]}"#,
            50,
            100,
        ),
        ("bare pages of another size", r#"{"id":ID}"#, "[ITEMS]", 100, 300),
        ("no ids", r#"{"name":"ID"}"#, r#"{"data":[ITEMS]}"#, 50, 150),
    ] {
        let transport = pages(move |page| {
            let ids = ((page - 1) * per_page + 1..=page * per_page).filter(|id| *id <= count);
            wrapper.replace("PAGE", &page.to_string()).replace("ITEMS", &items(ids, item))
        });
        let client = builder(transport).build().unwrap();
        let mut pages = client.projects().list(ProjectFilter::default()).start();
        let mut found = 0;
        while let Some(page) = pages.next().await {
            found += page.unwrap().projects.len();
        }
        assert_eq!(found, count, "{name}");
    }
}

#[tokio::test]
async fn list_that_stays_short_of_its_total_ends_with_error() {
    let transport = pages(|page| match page {
        1 => format!(r#"{{"total":100,"page":1,"lastPage":2,"data":[{}]}}"#, items(1..=40, r#"{"id":ID}"#)),
        page => format!(r#"{{"total":100,"page":{page},"lastPage":2,"data":[]}}"#),
    });
    let client = builder(transport).build().unwrap();
    let mut pages = client.projects().list(ProjectFilter::default()).start();
    assert_eq!(pages.next().await.unwrap().unwrap().projects.len(), 40);
    let error = pages.next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert!(
        error.to_string().contains("the list ended after 40 of 100 projects; read the missing"),
        "{error}"
    );
    assert!(pages.next().await.is_none());
}

#[tokio::test]
async fn page_beyond_end_ends_list() {
    // 101 projects become 100 before the third page is read, and the server gives its last page in place of one beyond.
    let asked = Arc::new(Mutex::new(0));
    let transport = pages(move |page| {
        *asked.lock().unwrap() += 1;
        let total = if *asked.lock().unwrap() <= 2 { 101 } else { 100usize };
        let (last, page) = (total.div_ceil(50), page.min(total.div_ceil(50)));
        let ids = ((page - 1) * 50 + 1..=page * 50).filter(|id| *id <= total);
        format!(
            r#"{{"total":{total},"perPage":50,"page":{page},"lastPage":{last},"data":[{}]}}"#,
            items(ids, r#"{"id":ID}"#)
        )
    });
    let client = builder(transport).build().unwrap();
    assert_eq!(list(&client).await.0.len(), 100);
}

#[tokio::test]
async fn list_with_total_on_first_page_only_is_read_once() {
    let transport = pages(|page| match page {
        1 => format!(r#"{{"total":"100","page":1,"lastPage":2,"data":[{}]}}"#, items(1..=50, r#"{"id":ID}"#)),
        _ => format!(r#"{{"page":2,"lastPage":2,"data":[{}]}}"#, items(51..=100, r#"{"id":ID}"#)),
    });
    let client = builder(transport.clone()).build().unwrap();
    assert_eq!(list(&client).await.0.len(), 100);
    assert_eq!(transport.requests().len(), 2);
}

#[tokio::test]
async fn list_that_changes_while_it_is_read_loses_no_project() {
    type Change = fn(u64, &mut Vec<i64>);
    let changes: [(&str, Change); 5] = [
        ("deleted from a page that was read", |request, ids| {
            if request == 3 {
                ids.retain(|id| !(10..40).contains(id));
            }
        }),
        ("created at the beginning", |request, ids| {
            if request == 3 {
                (0..30).for_each(|n| ids.insert(0, 9_000 + n));
            }
        }),
        ("deleted and moved", |request, ids| {
            if request % 2 == 0 && request < 20 {
                ids.remove(0);
                let last = ids.pop().unwrap();
                ids.insert(0, last);
            }
        }),
        ("one deleted, one created", |request, ids| {
            if request == 1 {
                ids.remove(0);
                ids.push(9_999);
            }
        }),
        ("another order", |request, ids| {
            if request == 5 {
                ids.reverse();
            }
        }),
    ];
    for (name, change) in changes {
        for shape in [Shape::Documented, Shape::NoLastPage, Shape::Capped] {
            let company = Company::new(500, shape);
            let client = company.serve(change);
            let (read, _) = list(&client).await;
            let remaining = company.0.lock().unwrap().ids.clone();
            let lost: Vec<_> = remaining.iter().filter(|id| !read.contains(id)).collect();
            assert!(lost.is_empty(), "{name}, {shape:?}: {lost:?}");
        }
    }
}

#[tokio::test]
async fn list_is_read_again_where_project_changed_by_clock_of_server() {
    // The project was updated at one o'clock, years ago by the clock of this machine.
    let body = r#"{"total":1,"page":1,"lastPage":1,"data":[{"id":7,"updated_at":"2020-01-01T13:00:00Z"}]}"#;
    for (date, is_read_again) in [
        (Some("Wed, 01 Jan 2020 12:00:00 GMT"), true),
        (Some("Wed, 01 Jan 2020 14:00:00 GMT"), false),
        (None, false),
    ] {
        let transport = MemoryTransport::new(move |_| {
            let mut answer = answer(200, body.to_owned());
            if let Some(date) = date {
                answer.headers_mut().insert("date", date.parse().unwrap());
            }
            Ok(answer)
        });
        let client = builder(transport.clone()).build().unwrap();
        assert_eq!(list(&client).await.0, [7]);
        assert_eq!(transport.requests().len() > 1, is_read_again, "{date:?}");
    }
}

#[tokio::test]
async fn page_of_another_number_is_protocol_error() {
    let transport =
        MemoryTransport::json(200, r#"{"total":100,"page":1,"lastPage":2,"perPage":50,"data":[{"id":1}]}"#);
    let client = builder(transport).build().unwrap();
    let mut pages = client.projects().list(ProjectFilter::default()).start();
    assert!(pages.next().await.unwrap().is_ok());
    let error = pages.next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert_eq!(
        error.to_string(),
        "could not list the projects of COR (page 2): the server answered with page 1; check that `main_url` is the \
         address of COR's main API, version included"
    );
    assert!(pages.next().await.is_none());
}

#[tokio::test]
async fn filters_are_one_encoded_parameter() {
    let transport = MemoryTransport::json(200, "[]");
    let client = builder(transport.clone()).build().unwrap();
    let filter =
        ProjectFilter { archived: Some(true), status: Some("in_process".into()), ..ProjectFilter::default() };
    assert!(client.projects().list(filter).per_page(20).start().next().await.is_none());
    assert_eq!(
        paths(&transport),
        [
            "GET https://api.projectcor.com/v1/projects?page=1&perPage=20&filters=%7B%22status%22%3A%22in_process%22%2C%22archived%22%3A1%7D"
        ]
    );
}
