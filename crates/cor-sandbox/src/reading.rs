//! What the main API reads of the store: which projects a list holds, in the order of COR's numbers, and their answers.

use std::sync::Arc;

use rusqlite::params;

use crate::db::Db;
use crate::listing::{Filter, Selection, Version};

impl Db {
    /// COR's numbers of the projects of a list, ascending.
    pub(crate) fn listed(&mut self, selection: &Selection) -> rusqlite::Result<Arc<[i64]>> {
        let version = self.version(selection);
        if let Some(cor_ids) = self.listings.find(selection, version) {
            return Ok(cor_ids);
        }
        let cor_ids: Arc<[i64]> = match selection {
            Selection::Filtered(filter) => self.filtered(filter)?,
            Selection::Named(name) => self.named(name)?,
        }
        .into();
        self.listings.keep(selection.clone(), version, Arc::clone(&cor_ids));
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
