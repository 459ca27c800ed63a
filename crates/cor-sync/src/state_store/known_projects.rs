//! The projects that a state knows, page by page.

use std::collections::VecDeque;

use rusqlite::params;

use super::cor_ids::COR_ID;
use super::inspect::unsettled;
use super::{OpenCalls, Scope, State, StateError};
use crate::field_changes as fields;

/// Projects on one page of [`KnownProjects`].
const PAGE: usize = 256;

/// A project of which COR accepted something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    /// The external id.
    pub(crate) id: String,
    /// COR's internal id, if a response had it.
    pub(crate) cor_id: Option<i64>,
    /// The accepted fields that COR certainly has unless someone changed them there, as one JSON object.
    pub(crate) accepted: String,
}

/// The projects of which COR accepted something, in the byte order of their external ids. Holds one page for each scope, so memory
/// does not grow with the state. A page shows what is committed when it is read.
#[derive(Debug)]
pub(crate) struct KnownProjects<'a> {
    state: &'a State,
    calls: OpenCalls,
    cursors: Vec<Cursor>,
}

/// How far the projects of one scope are read.
#[derive(Debug, Default)]
struct Cursor {
    scope: i64,
    page: VecDeque<Entry>,
    /// The external id that was read last.
    last: Option<String>,
    is_at_end: bool,
}

/// A project in one scope.
#[derive(Debug)]
struct Entry {
    known: Known,
    accepted_at: i64,
}

impl State {
    /// The projects of one scope. Another mapping of the source may have supplied COR's internal id.
    pub(crate) fn known_of_scope(&self, scope: &Scope) -> Result<KnownProjects<'_>, StateError> {
        let numbers = self.scope(scope).map(|number| number.into_iter().collect());
        KnownProjects::new(self, scope, numbers)
    }

    /// The projects of the scope's source, each once: where mappings know different fields of a project, it has them all.
    pub(crate) fn known_of_source(&self, scope: &Scope) -> Result<KnownProjects<'_>, StateError> {
        let read = || -> rusqlite::Result<Vec<i64>> {
            let sql = "SELECT scope FROM scopes WHERE base_url = ?1 AND source = ?2 ORDER BY scope";
            let mut statement = self.conn.prepare_cached(sql)?;
            statement.query_map([&scope.base_url, &scope.source], |row| row.get(0))?.collect()
        };
        KnownProjects::new(self, scope, read())
    }
}

impl<'a> KnownProjects<'a> {
    fn new(
        state: &'a State,
        scope: &Scope,
        scopes: rusqlite::Result<Vec<i64>>,
    ) -> Result<KnownProjects<'a>, StateError> {
        let scopes = scopes.map_err(|error| state.failed(&error))?;
        let calls = OpenCalls::read(state, scope).map_err(|error| state.failed(&error))?;
        let cursors = scopes.into_iter().map(|scope| Cursor { scope, ..Cursor::default() }).collect();
        Ok(KnownProjects { state, calls, cursors })
    }

    /// The next projects, at most 256; none at the end.
    pub(crate) fn next_page(&mut self) -> Result<Vec<Known>, StateError> {
        let mut page = Vec::new();
        while page.len() < PAGE {
            let Some(entries) = self.next_entries()? else { break };
            let Some(mut known) = merged(&entries) else {
                let id = entries.first().map_or("", |entry| entry.known.id.as_str());
                return Err(self.state.unreadable(id));
            };
            known.cor_id = self.calls.cor_id_after(&known.id, known.cor_id);
            // `None`: a single call that is not applied to the file yet left nothing certain.
            if let Some(accepted) = self.calls.accepted_after(&known.id, Some(known.accepted)) {
                known.accepted = accepted;
                page.push(known);
            }
        }
        Ok(page)
    }

    /// The entries of the project with the smallest external id that is not read yet.
    fn next_entries(&mut self) -> Result<Option<Vec<Entry>>, StateError> {
        for cursor in &mut self.cursors {
            cursor.fill(self.state)?;
        }
        let first = self.cursors.iter().filter_map(|cursor| Some(&cursor.page.front()?.known.id)).min();
        let Some(id) = first.cloned() else { return Ok(None) };
        let pages = self.cursors.iter_mut().map(|cursor| &mut cursor.page);
        let of_project = pages.filter(|page| page.front().is_some_and(|entry| entry.known.id == id));
        Ok(Some(of_project.filter_map(VecDeque::pop_front).collect()))
    }
}

impl Cursor {
    fn fill(&mut self, state: &State) -> Result<(), StateError> {
        if self.is_at_end || !self.page.is_empty() {
            return Ok(());
        }
        let sql = format!(
            "SELECT id, {COR_ID}, accepted, accepted_at, {} FROM projects
             WHERE scope = ?2 AND id > ?3 AND accepted IS NOT NULL ORDER BY id LIMIT ?4",
            unsettled()
        );
        let read = || -> rusqlite::Result<Vec<(Entry, Option<String>)>> {
            let mut statement = state.conn.prepare_cached(&sql)?;
            // No external id is empty.
            let values = params![state.boot, self.scope, self.last.as_deref().unwrap_or(""), PAGE as i64];
            let rows = statement.query_map(values, |row| {
                let known = Known { id: row.get(0)?, cor_id: row.get(1)?, accepted: row.get(2)? };
                Ok((Entry { known, accepted_at: row.get::<_, Option<i64>>(3)?.unwrap_or(0) }, row.get(4)?))
            })?;
            rows.collect()
        };
        let rows = read().map_err(|error| state.failed(&error))?;
        self.is_at_end = rows.len() < PAGE;
        for (mut entry, unsettled) in rows {
            self.last = Some(entry.known.id.clone());
            if let Some(unsettled) = unsettled {
                let certain = fields::certain(&entry.known.accepted, &unsettled);
                entry.known.accepted = certain.ok_or_else(|| state.unreadable(&entry.known.id))?;
            }
            self.page.push_back(entry);
        }
        Ok(())
    }
}

/// One project of its entries in several scopes: of two values of a field, the one that COR accepted last. `None` if an entry is
/// damaged.
fn merged(entries: &[Entry]) -> Option<Known> {
    let mut sorted: Vec<&Entry> = entries.iter().collect();
    sorted.sort_by_key(|entry| entry.accepted_at);
    let (first, later) = sorted.split_first()?;
    later.iter().try_fold(first.known.clone(), |known, entry| {
        let accepted = fields::merged(&known.accepted, &entry.known.accepted)?;
        Some(Known { cor_id: entry.known.cor_id.or(known.cor_id), accepted, id: known.id })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state_store::single_call::SingleCall;
    use cor_http::ProjectUpdate;

    /// A state with a scope for each mapping of one source, and the projects of each mapping.
    fn state(path: &std::path::Path, mappings: &[(&str, &str)]) -> State {
        let state = State::open(path).unwrap();
        for (number, (mapping, projects)) in mappings.iter().enumerate() {
            let sql = "INSERT INTO scopes VALUES (?1, 'https://example.com', 'SAP', ?2)";
            state.conn.execute(sql, params![number as i64 + 1, mapping]).unwrap();
            let columns = "scope, id, accepted, accepted_at, cor_id, pending, run, place";
            let sql = format!("INSERT INTO projects ({columns}) SELECT {}, * FROM ({projects})", number + 1);
            state.conn.execute(&sql, []).unwrap();
        }
        state
    }

    fn scope(mapping: &str) -> Scope {
        Scope::new("https://example.com", "SAP", mapping)
    }

    fn all(mut projects: KnownProjects<'_>) -> (Vec<Known>, Vec<usize>) {
        let (mut known, mut pages) = (Vec::new(), Vec::new());
        loop {
            let page = projects.next_page().unwrap();
            assert!(projects.cursors.iter().all(|cursor| cursor.page.len() <= PAGE));
            if page.is_empty() {
                return (known, pages);
            }
            pages.push(page.len());
            known.extend(page);
        }
    }

    fn known(id: &str, cor_id: Option<i64>, accepted: &str) -> Known {
        Known { id: id.to_owned(), cor_id, accepted: accepted.to_owned() }
    }

    #[test]
    fn pages_have_every_project_of_source_once() {
        let folder = tempfile::tempdir().unwrap();
        let projects = |from: u32, to: u32, step: u32| {
            format!(
                "WITH RECURSIVE n (n) AS (SELECT {from} UNION ALL SELECT n + {step} FROM n WHERE n + {step} < {to})
                 SELECT 'P-' || n, '{{}}', 1, n, NULL, NULL, NULL FROM n"
            )
        };
        let (first, second) = (projects(0, 1000, 1), projects(500, 2000, 3));
        let state = state(&folder.path().join("sync.db"), &[("m", &first), ("other", &second)]);
        let (of_scope, pages) = all(state.known_of_scope(&scope("m")).unwrap());
        assert_eq!((of_scope.len(), pages), (1000, vec![256, 256, 256, 232]));
        let (of_source, pages) = all(state.known_of_source(&scope("m")).unwrap());
        let expected: std::collections::BTreeSet<i64> = (0..1000).chain((500..2000).step_by(3)).collect();
        assert_eq!(pages.iter().sum::<usize>(), expected.len());
        let ids: std::collections::BTreeSet<i64> =
            of_source.iter().filter_map(|known| known.cor_id).collect();
        assert_eq!((of_source.len(), ids), (expected.len(), expected));
        assert!(of_source.is_sorted_by(|one, next| one.id < next.id));
        assert_eq!(all(state.known_of_scope(&scope("none")).unwrap()).0, []);
        assert_eq!(
            all(state.known_of_source(&Scope::new("https://example.com", "JIRA", "m")).unwrap()).0,
            []
        );
    }

    #[test]
    fn newest_value_of_any_mapping_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let first = r#"SELECT 'A', '{"name":"new","brief":"b"}', 2, NULL, NULL, NULL, NULL
            UNION ALL SELECT 'B', '{"name":"b"}', 1, NULL, NULL, NULL, NULL
            UNION ALL SELECT 'C', NULL, NULL, 9, '{"name":"c"}', 1, 0"#;
        let second = r#"SELECT 'A', '{"name":"old","estimated":1.0}', 1, 7, NULL, NULL, NULL"#;
        let state = state(&folder.path().join("sync.db"), &[("m", first), ("other", second)]);
        let merged = known("A", Some(7), r#"{"name":"new","brief":"b","estimated":1.0}"#);
        let (of_source, _) = all(state.known_of_source(&scope("m")).unwrap());
        assert_eq!(of_source, [merged, known("B", None, r#"{"name":"b"}"#)]);
        let (of_scope, _) = all(state.known_of_scope(&scope("m")).unwrap());
        assert_eq!(
            of_scope[0],
            known("A", Some(7), r#"{"name":"new","brief":"b"}"#),
            "the other mapping has the id"
        );
    }

    #[test]
    fn uncertain_fields_are_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sync.db");
        let projects = r#"SELECT 'A', '{"name":"a","brief":"a"}', 1, 1, '{"name":"in flight"}', 1, 0
            UNION ALL SELECT 'B', '{"name":"b","brief":"b"}', 1, 2, '{"name":"not sent"}', 1, 9
            UNION ALL SELECT 'C', '{"name":"c","brief":"c"}', 1, 3, NULL, NULL, NULL"#;
        let state = state(&path, &[("m", projects)]);
        state.conn.execute("INSERT INTO runs (run, sent_upto) VALUES (1, 5)", []).unwrap();
        let update = ProjectUpdate::new("SAP").brief("by hand");
        let call = SingleCall::update(&path, "https://example.com", "C", &update).unwrap();
        let (of_scope, _) = all(state.known_of_scope(&scope("m")).unwrap());
        let expected = [
            known("A", Some(1), r#"{"brief":"a"}"#),
            known("B", Some(2), r#"{"name":"b","brief":"b"}"#),
            known("C", Some(3), r#"{"name":"c"}"#),
        ];
        assert_eq!(of_scope, expected);
        drop(call);
    }
}
