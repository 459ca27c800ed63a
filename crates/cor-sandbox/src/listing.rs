//! Which projects a list of the main API holds, in the order of COR's numbers. The numbers of the last few lists are kept, eight
//! bytes a project, so that a later page is a slice and not another pass over the store.

use std::sync::Arc;

use rusqlite::params;

use crate::db::Db;

/// Lists that are kept; one more replaces the one that was used longest ago.
const KEPT: usize = 4;

/// What a list is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Selection {
    Filtered(Filter),
    /// Projects whose name holds this text, whatever its case.
    Named(String),
}

/// The documented filters of a list. One that is not set lets every project through.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) date_start: Option<String>,
    pub(crate) date_end: Option<String>,
    pub(crate) client_id: Option<i64>,
    pub(crate) brand_id: Option<i64>,
    pub(crate) product_id: Option<i64>,
    pub(crate) status: Option<String>,
    pub(crate) archived: Option<bool>,
    /// Asks for what the sandbox does not store: teams, their members, health. No project has it.
    pub(crate) finds_nothing: bool,
}

/// Moves with whatever may change a list.
type Version = (i64, i64);

#[derive(Debug)]
struct Listing {
    selection: Selection,
    version: Version,
    cor_ids: Arc<[i64]>,
}

/// The lists that are kept, the latest used last.
#[derive(Debug, Default)]
pub(crate) struct Listings(Vec<Listing>);

impl Db {
    /// COR's numbers of the projects of a list, ascending.
    pub(crate) fn listed(&mut self, selection: &Selection) -> rusqlite::Result<Arc<[i64]>> {
        let version = self.version(selection);
        let kept = &mut self.listings.0;
        if let Some(position) = kept.iter().position(|listing| listing.selection == *selection) {
            let listing = kept.remove(position);
            if listing.version == version {
                let cor_ids = Arc::clone(&listing.cor_ids);
                kept.push(listing);
                return Ok(cor_ids);
            }
        }
        let cor_ids: Arc<[i64]> = match selection {
            Selection::Filtered(filter) => self.filtered(filter)?,
            Selection::Named(name) => self.named(name)?,
        }
        .into();
        let kept = &mut self.listings.0;
        if kept.len() == KEPT {
            kept.remove(0);
        }
        let listing = Listing { selection: selection.clone(), version, cor_ids: Arc::clone(&cor_ids) };
        kept.push(listing);
        Ok(cor_ids)
    }

    /// An update moves no project into the list of all or out of it. Any other list may depend on it, and on the numbers
    /// that references got since.
    fn version(&self, selection: &Selection) -> Version {
        match selection {
            Selection::Filtered(filter) if *filter == Filter::default() => (self.membership, 0),
            _ => (self.seq, self.next_reference),
        }
    }

    fn filtered(&self, filter: &Filter) -> rusqlite::Result<Vec<i64>> {
        if filter.finds_nothing {
            return Ok(Vec::new());
        }
        if *filter == Filter::default() {
            let mut statement = self.conn.prepare_cached("SELECT cor_id FROM projects ORDER BY cor_id")?;
            return statement.query_map([], |row| row.get(0))?.collect();
        }
        let reference = |entity: &str, parameter: u8| {
            format!(
                "AND (?{parameter} IS NULL OR EXISTS (SELECT 1 FROM refs WHERE refs.source = p.source AND entity = '{entity}' \
                 AND refs.external_id = p.{entity}_id AND refs.cor_id = ?{parameter}))"
            )
        };
        let sql = format!(
            "SELECT cor_id FROM projects p WHERE (?1 IS NULL OR start >= ?1) AND (?2 IS NULL OR \"end\" <= ?2) \
             AND (?3 IS NULL OR status = ?3) AND (?4 IS NULL OR coalesce(archived, 0) = ?4) {} {} {} ORDER BY cor_id",
            reference("client", 5),
            reference("brand", 6),
            reference("product", 7),
        );
        let values = params![
            filter.date_start,
            filter.date_end,
            filter.status,
            filter.archived,
            filter.client_id,
            filter.brand_id,
            filter.product_id
        ];
        self.conn.prepare_cached(&sql)?.query_map(values, |row| row.get(0))?.collect()
    }

    /// Compared here and not by SQLite, whose `LIKE` knows the case of ASCII alone and ends at U+0000.
    fn named(&self, name: &str) -> rusqlite::Result<Vec<i64>> {
        let wanted = name.to_lowercase();
        let mut statement = self.conn.prepare_cached("SELECT cor_id, name FROM projects ORDER BY cor_id")?;
        let mut rows = statement.query([])?;
        let mut cor_ids = Vec::new();
        while let Some(row) = rows.next()? {
            if row.get_ref(1)?.as_str()?.to_lowercase().contains(&wanted) {
                cor_ids.push(row.get(0)?);
            }
        }
        Ok(cor_ids)
    }

    /// The answers of the main API for these projects, with commas between them. A project that was deleted since is left out.
    /// In one transaction, because a reference that is shown for the first time gets its number here.
    pub(crate) fn main_answers(&mut self, cor_ids: &[i64]) -> rusqlite::Result<String> {
        self.transaction(|db, _| {
            let mut out = String::with_capacity(cor_ids.len() * 640);
            for cor_id in cor_ids {
                let Some(project) = db.find_by_cor_id(*cor_id)? else { continue };
                if !out.is_empty() {
                    out.push(',');
                }
                out.push_str(&project.main_answer(&db.references(&project)?));
            }
            Ok(out)
        })
    }
}
