//! From a request to its response. Routes are read off the raw path, because an id is one segment exactly as sent:
//! `%2F` belongs to the id, and nothing is folded or normalised on the way.

use std::sync::Arc;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Request};

use crate::body;
use crate::connection::Connection;
use crate::edit;
use crate::faults::Faults;
use crate::http::{self, Dropped, Reply, json_reply};
use crate::inspect;
use crate::main_api;
use crate::openapi;
use crate::problem::Problem;
use crate::record::{Record, Recorded};
use crate::script::{Answer, Endpoint, Script};
use crate::store::{Store, Write};
use crate::tokens::Tokens;

/// Everything that requests need.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) store: Store,
    pub(crate) tokens: Tokens,
    pub(crate) faults: Faults,
    pub(crate) script: Script,
    pub(crate) record: Record,
    /// The identity of the store, for [`http::STORE`].
    pub(crate) identity: HeaderValue,
    /// Every read through the main API is refused with 403.
    pub(crate) main_api_forbidden: bool,
    /// Listens on loopback alone, so that any other host name in a request is a trick.
    pub(crate) local_only: bool,
}

/// The user whose token is sent. COR documents the path and not the response; the members are those that its main API shows of
/// a project manager.
const ME: &str = "{\"id\":1,\"first_name\":\"Sandbox\",\"last_name\":\"User\",\"email\":\"user@sandbox.example\",\"role_id\":1}";

/// What a path stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Route<'a> {
    Create,
    /// With the external id as it stands in the path, still encoded.
    Project(&'a str),
    Token,
    Refresh,
    Me,
    Page,
    OpenApi,
    Health,
    /// The list of the main API.
    MainList,
    /// One project of the main API, with COR's internal id as it stands in the path.
    MainProject(&'a str),
    /// The search of the main API, with the name as it stands in the path, still encoded.
    MainSearch(&'a str),
    Projects,
    /// A stored project to edit, with COR's internal id as it stands in the path.
    Edit(&'a str),
    Requests,
    Queue,
    Unknown,
}

impl<'a> Route<'a> {
    fn of(path: &'a str) -> Self {
        if let Some(rest) = path.strip_prefix("/v2/integrations/projects") {
            return match rest.strip_prefix('/') {
                None if rest.is_empty() => Route::Create,
                Some(id) if is_segment(id) => Route::Project(id),
                _ => Route::Unknown,
            };
        }
        if let Some(rest) = path.strip_prefix("/v1/projects") {
            return match rest.strip_prefix('/').map(|rest| (rest, rest.strip_prefix("search-by-name/"))) {
                None if rest.is_empty() => Route::MainList,
                Some((_, Some(name))) if is_segment(name) => Route::MainSearch(name),
                Some((id, None)) if is_segment(id) => Route::MainProject(id),
                _ => Route::Unknown,
            };
        }
        if let Some(id) = path.strip_prefix("/sandbox/projects/") {
            return if is_segment(id) { Route::Edit(id) } else { Route::Unknown };
        }
        match path {
            "/v1/oauth/token" => Route::Token,
            "/v1/oauth/refreshtoken" => Route::Refresh,
            "/v1/me" => Route::Me,
            "/" => Route::Page,
            "/openapi.json" => Route::OpenApi,
            "/health" => Route::Health,
            "/sandbox/projects" => Route::Projects,
            "/sandbox/requests" => Route::Requests,
            "/sandbox/queue" => Route::Queue,
            _ => Route::Unknown,
        }
    }

    /// The methods, as an `Allow` header lists them.
    fn allow(self) -> &'static str {
        match self {
            Route::Create | Route::Token | Route::Refresh => "POST",
            Route::Project(_) => "PUT, DELETE",
            Route::MainList | Route::MainProject(_) | Route::MainSearch(_) => "GET, HEAD",
            Route::Edit(_) => "PATCH, POST",
            Route::Me | Route::Page | Route::OpenApi | Route::Health | Route::Projects => "GET, HEAD",
            Route::Requests => "GET, HEAD, DELETE",
            Route::Queue => "POST, DELETE",
            Route::Unknown => "",
        }
    }

    fn endpoint(self) -> Option<Endpoint> {
        match self {
            Route::Create | Route::Project(_) => Some(Endpoint::Projects),
            Route::Token | Route::Refresh => Some(Endpoint::Tokens),
            Route::MainList | Route::MainProject(_) | Route::MainSearch(_) => Some(Endpoint::MainProjects),
            Route::Me => Some(Endpoint::Me),
            _ => None,
        }
    }

    /// What distinguishes a project in the path, still encoded.
    fn id(self) -> Option<&'a str> {
        match self {
            Route::Project(raw) | Route::MainProject(raw) | Route::MainSearch(raw) => Some(raw),
            _ => None,
        }
    }
}

fn is_segment(rest: &str) -> bool {
    !rest.is_empty() && !rest.contains('/')
}

impl App {
    /// Answers one request, or drops its connection if a scripted answer says so.
    pub(crate) async fn handle(
        self: &Arc<Self>,
        connection: &Connection,
        request: Request<Incoming>,
    ) -> Result<Reply, Dropped> {
        let (parts, body) = request.into_parts();
        let (body, problem) = http::read_body(body).await;
        // Not before: a body that drips in may be turned out like a connection that says nothing.
        connection.busy();
        let route = Route::of(parts.uri.path());
        let recorded = route.endpoint().filter(|_| self.record.is_on());
        let recorded = recorded.map(|_| self.record.arrived(record(connection, &parts, &body)));
        let mut answer = match (problem, route.endpoint()) {
            (Some(problem), _) => Ok(problem.into()),
            (None, Some(endpoint)) => self.answer_api(&parts, route, endpoint, &body).await,
            (None, None) => Ok(self.respond(&parts, route, &body).await),
        };
        if let Ok(answer) = &mut answer {
            answer.headers_mut().insert(http::STORE, self.identity.clone());
        }
        if let (Some(index), Ok(answer)) = (recorded, &answer) {
            self.record.answered(index, answer.status().as_u16());
        }
        connection.idle();
        answer
    }

    /// A request that COR would get: scripted answers come first, then the faults, then what COR would do.
    async fn answer_api(
        &self,
        parts: &Parts,
        route: Route<'_>,
        endpoint: Endpoint,
        body: &Bytes,
    ) -> Result<Reply, Dropped> {
        if !self.faults.latency.is_zero() {
            tokio::time::sleep(self.faults.latency).await;
        }
        let id = route.id().and_then(|raw| http::decode_segment(raw).ok());
        if let Some(answer) = self.script.next(endpoint, id.as_deref()) {
            return self.answer_scripted(answer, parts, route, body).await;
        }
        if [Endpoint::Projects, Endpoint::MainProjects].contains(&endpoint)
            && let Some(fault) = self.faults.next()
        {
            let mut reply = Reply::from(fault.problem);
            if fault.empty_body {
                reply = http::with_body(reply, Bytes::new());
                reply.headers_mut().remove(CONTENT_TYPE);
            }
            return Ok(reply);
        }
        Ok(self.respond(parts, route, body).await)
    }

    async fn answer_scripted(
        &self,
        mut answer: Answer,
        parts: &Parts,
        route: Route<'_>,
        body: &Bytes,
    ) -> Result<Reply, Dropped> {
        let own = if answer.apply { Some(self.respond(parts, route, body).await) } else { None };
        answer.wait().await;
        if answer.drop {
            return Err(Dropped);
        }
        let mut reply = match (answer.status, own) {
            (Some(status), _) => http::reply(status.as_u16(), http::JSON, Bytes::new()),
            (None, Some(own)) => own,
            (None, None) => return Err(Dropped),
        };
        if let Some(body) = answer.body {
            reply = http::with_body(reply, body);
        } else if answer.status.is_some() {
            reply.headers_mut().remove(CONTENT_TYPE);
        }
        for (name, value) in answer.headers {
            if name == CONTENT_TYPE {
                reply.headers_mut().insert(name, value);
            } else {
                reply.headers_mut().append(name, value);
            }
        }
        Ok(match answer.cut {
            Some(bytes) => reply.map(|body| body.cut(bytes)),
            None => reply,
        })
    }

    async fn respond(&self, parts: &Parts, route: Route<'_>, body: &Bytes) -> Reply {
        self.route(parts, route, body).await.unwrap_or_else(Reply::from)
    }

    async fn route(&self, parts: &Parts, route: Route<'_>, body: &Bytes) -> Result<Reply, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        if self.local_only {
            check_host(parts)?;
        }
        let get = parts.method == Method::GET || parts.method == Method::HEAD;
        match (route, &parts.method) {
            (Route::Create, &Method::POST) => {
                self.admit(parts)?;
                let (id, payload) = body::create(body)?;
                self.store.write(Write::Create { id, payload }).await.map(json_reply)
            }
            (Route::Project(raw), &Method::PUT) => {
                self.admit(parts)?;
                let id = http::decode_segment(raw)?;
                let payload = body::update(body)?;
                self.store.write(Write::Update { id, payload }).await.map(json_reply)
            }
            (Route::Project(raw), &Method::DELETE) => {
                self.admit(parts)?;
                let id = http::decode_segment(raw)?;
                let source = body::delete(body)?;
                self.store.write(Write::Delete { id, source }).await.map(json_reply)
            }
            (Route::Token, &Method::POST) => match http::form_value(query, "grant_type").as_deref() {
                Some("client_credentials") => self.tokens.exchange(authorization(parts)).map(json_reply),
                _ => Err(Problem::validation("the query must contain grant_type=client_credentials")),
            },
            (Route::Refresh, &Method::POST) => {
                http::check_media_type(&parts.headers, "application/x-www-form-urlencoded")?;
                let form = std::str::from_utf8(body).unwrap_or_default();
                match http::form_value(form, "refresh_token") {
                    Some(token) => self.tokens.refresh(&token).map(json_reply),
                    None => Err(Problem::validation("the form must contain refresh_token")),
                }
            }
            (Route::Me, _) if get => {
                self.tokens.check(authorization(parts))?;
                Ok(json_reply(ME))
            }
            (Route::MainList | Route::MainProject(_) | Route::MainSearch(_), _) if get => {
                self.admit_to_main_api(parts)?;
                match route {
                    Route::MainProject(raw) => main_api::get(&self.store, raw).await,
                    Route::MainSearch(raw) => main_api::search(&self.store, raw).await,
                    _ => main_api::list(&self.store, query).await,
                }
            }
            (Route::Page, _) if get => inspect::page(&self.store, query, host(parts)).await,
            (Route::OpenApi, _) if get => Ok(json_reply(openapi::document())),
            (Route::Health, _) if get => Ok(json_reply("{\"status\":\"ok\"}")),
            (Route::Projects, _) if get => inspect::projects(&self.store, query).await,
            (Route::Edit(raw), &Method::PATCH) => {
                http::check_json(&parts.headers)?;
                edit::patch(&self.store, raw, body).await
            }
            (Route::Edit(raw), &Method::POST) => {
                edit::check_origin(&parts.headers, host(parts))?;
                http::check_media_type(&parts.headers, "application/x-www-form-urlencoded")?;
                edit::form(&self.store, raw, body, host(parts)).await
            }
            (Route::Requests, _) if get => Ok(inspect::requests(&self.record)),
            (Route::Requests, &Method::DELETE) => {
                self.record.clear();
                Ok(json_reply("{\"message\":\"Requests cleared\"}"))
            }
            (Route::Queue, &Method::POST) => {
                http::check_json(&parts.headers)?;
                inspect::queue(&self.script, body)
            }
            (Route::Queue, &Method::DELETE) => {
                self.script.clear();
                Ok(json_reply("{\"message\":\"Queue cleared\"}"))
            }
            (Route::Unknown, _) => Err(Problem::of_status(
                404,
                "no endpoint has this path; percent-encode an external id as one path segment",
            )),
            _ => {
                let allow = route.allow();
                let why = match route {
                    Route::Create | Route::Project(_) => {
                        "; COR's Integrations API cannot read projects: read them with GET /v1/projects"
                    }
                    Route::MainList | Route::MainProject(_) | Route::MainSearch(_) => {
                        "; of COR's main API the sandbox serves only reading"
                    }
                    _ => "",
                };
                let message = format!("the method must be one of {allow}{why}");
                Err(Problem::of_status(405, message).with_header("allow", allow))
            }
        }
    }

    /// What every call about projects needs: a token, and a body that says it is JSON.
    fn admit(&self, parts: &Parts) -> Result<(), Problem> {
        self.tokens.check(authorization(parts))?;
        http::check_json(&parts.headers)
    }

    fn admit_to_main_api(&self, parts: &Parts) -> Result<(), Problem> {
        self.tokens.check(authorization(parts))?;
        if self.main_api_forbidden {
            return Err(Problem::of_status(403, "this user's role has no permission to read projects"));
        }
        Ok(())
    }
}

fn authorization(parts: &Parts) -> Option<&[u8]> {
    parts.headers.get(AUTHORIZATION).map(HeaderValue::as_bytes)
}

/// The name under which the client knows this sandbox.
fn host(parts: &Parts) -> &str {
    parts.headers.get(HOST).map_or("localhost", |host| host.to_str().unwrap_or("?"))
}

/// A page on the web could point its own name at this machine and then read the sandbox through the browser; its
/// requests still carry that name.
fn check_host(parts: &Parts) -> Result<(), Problem> {
    let name = host(parts);
    let name = match name.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => name,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    let local = name.eq_ignore_ascii_case("localhost")
        || name.to_ascii_lowercase().ends_with(".localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    if local {
        Ok(())
    } else {
        Err(Problem::of_status(421, "this sandbox accepts requests for localhost only"))
    }
}

fn record(connection: &Connection, parts: &Parts, body: &Bytes) -> Recorded {
    let headers =
        parts.headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()));
    Recorded {
        index: 0,
        connection: connection.id,
        at: std::time::Duration::ZERO,
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
        headers: headers.collect(),
        body: body.to_vec(),
        status: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_is_one_raw_segment() {
        assert_eq!(Route::of("/v2/integrations/projects/a%2Fb"), Route::Project("a%2Fb"));
        assert_eq!(Route::of("/v2/integrations/projects/.."), Route::Project(".."));
        assert_eq!(Route::of("/v1/projects/search-by-name"), Route::MainProject("search-by-name"));
        assert_eq!(Route::of("/v1/projects/search-by-name/a%2Fb"), Route::MainSearch("a%2Fb"));
        for unknown in [
            "/v1/projects/",
            "/v1/projects/1/",
            "/v1/projects/search-by-name/",
            "/v1/projectsx",
            "/sandbox/projects/",
            "/v2/integrations/projects/",
            "/v2/integrations/projects/a/b",
            "/v2/integrations/projectsx",
            "//",
        ] {
            assert_eq!(Route::of(unknown), Route::Unknown, "{unknown}");
        }
    }

    #[test]
    fn every_known_route_has_methods() {
        for path in [
            "/v2/integrations/projects",
            "/v1/oauth/token",
            "/",
            "/openapi.json",
            "/health",
            "/sandbox/queue",
            "/v1/projects",
            "/v1/projects/1",
            "/v1/projects/search-by-name/a",
            "/sandbox/projects/1",
        ] {
            assert!(!Route::of(path).allow().is_empty(), "{path}");
        }
    }
}
