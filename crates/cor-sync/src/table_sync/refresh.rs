//! Reading projects back before a table is sent, so that what others changed in COR is known.

use cor_http::{
    Client, Comparison, Error, ErrorKind, Field, FieldComparison, Project, ProjectUpdate, ReadBack,
    ReadResults,
};

use super::TableSync;
use crate::field_changes as fields;
use crate::state_store::{Pending, Refreshed as Stored, StateError};

/// Projects that are read together.
const PAGE: usize = 256;

/// What reading the projects of a table back showed. Each project is counted once.
#[derive(Clone, Debug, Default, serde::Serialize)]
#[non_exhaustive]
pub struct Refreshed {
    /// Projects that were read.
    pub read: u64,
    /// Of these, projects with a field that others changed in COR since COR last accepted it.
    pub changed: u64,
    /// Of the changed projects, those of which a changed field was left to COR.
    pub kept: u64,
    /// Projects that COR no longer has.
    pub gone: u64,
    /// Projects that could not be read.
    pub not_read: u64,
    /// Projects of which the state does not know COR's internal id, because no response to an update had it yet.
    pub without_cor_id: u64,
    /// Why projects could not be read: the error that ended the reading, else the first of a project.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Error>,
}

/// One reading of projects, up to 256 of them.
pub(crate) struct RefreshPage {
    pending: Vec<Pending>,
    reads: ReadResults,
    results: Vec<(i64, Result<Project, Error>)>,
}

impl RefreshPage {
    /// Waits for the next response; `false` when every project has one. Dropping the future loses nothing.
    pub(crate) async fn advance(&mut self) -> bool {
        match self.reads.next().await {
            Some(result) => {
                self.results.push(result);
                true
            }
            None => false,
        }
    }

    /// How many projects it has, those that cannot be read included.
    pub(crate) fn projects(&self) -> u64 {
        self.pending.len() as u64
    }

    /// Ends the reading early: the projects that were not read stay as the state knows them.
    pub(crate) fn stop(&mut self) {
        self.reads.stopper().stop();
    }
}

impl TableSync {
    /// Begins to read the next staged projects back; `None` when there are no more.
    pub(crate) fn refresh_page(
        &mut self,
        client: &Client,
        refreshed: &mut Refreshed,
    ) -> Result<Option<RefreshPage>, StateError> {
        self.end_group()?;
        let pending = self.state.pending(self.refreshed, PAGE).map_err(|error| self.state.failed(&error))?;
        let Some(last) = pending.last() else { return Ok(None) };
        self.refreshed = last.place;
        refreshed.without_cor_id += std::mem::take(&mut self.unread);
        let known = |pending: &&Pending| pending.accepted.is_some();
        refreshed.without_cor_id +=
            pending.iter().filter(known).filter(|pending| pending.cor_id.is_none()).count() as u64;
        let cor_ids: Vec<i64> = pending.iter().filter_map(|pending| pending.cor_id).collect();
        let reads = client.projects().get_many(cor_ids).concurrency(client.concurrency());
        let reads = match self.options.outage_timeout {
            Some(outage_timeout) => reads.outage_timeout(outage_timeout),
            None => reads,
        };
        Ok(Some(RefreshPage { pending, reads: reads.start(), results: Vec::new() }))
    }

    /// Compares the projects of a page with what COR accepted and with what the table says, and keeps what COR has now.
    /// `true`: the reading goes on.
    pub(crate) fn take_refreshed(
        &mut self,
        page: RefreshPage,
        refreshed: &mut Refreshed,
    ) -> Result<bool, StateError> {
        let RefreshPage { pending, reads, results } = page;
        let mut stored = Vec::new();
        for pending in &pending {
            let Some(cor_id) = pending.cor_id else { continue };
            match results.iter().find(|(known, _)| *known == cor_id).map(|(_, result)| result) {
                Some(Ok(project)) => {
                    refreshed.read += 1;
                    let update = self.compare(pending, project, refreshed)?;
                    stored.push((pending, Some(update)));
                }
                Some(Err(error)) if error.kind() == ErrorKind::ProjectNotFound => {
                    refreshed.gone += 1;
                    stored.push((pending, None));
                }
                Some(Err(error)) => {
                    refreshed.not_read += 1;
                    refreshed.error.get_or_insert_with(|| error.clone());
                }
                None => refreshed.not_read += 1,
            }
        }
        let (state, run) = (&self.state, &self.run);
        state.write(|| {
            stored.iter().try_for_each(|(pending, update)| match update {
                Some(update) => state.refresh_staged(run, pending, update),
                None => state.forget_staged(run, pending),
            })
        })?;
        if let Some(halted) = reads.halted() {
            refreshed.error = Some(halted.clone());
            return Ok(false);
        }
        Ok(true)
    }

    /// What the state is to hold of a project, and what the table still wants of it.
    fn compare(
        &self,
        pending: &Pending,
        project: &Project,
        refreshed: &mut Refreshed,
    ) -> Result<Stored, StateError> {
        let accepted = pending.accepted.as_deref().unwrap_or("{}");
        let update = |json: &str| {
            ProjectUpdate::from_fields_json(self.source.clone(), json)
                .map_err(|_| self.state.unreadable(&pending.id))
        };
        let of_accepted = ReadBack::new(&update(accepted)?, project);
        let of_wanted = ReadBack::new(&update(&pending.wanted)?, project);
        let changed: Vec<&FieldComparison> = of_accepted.differences().collect();
        refreshed.changed += u64::from(!changed.is_empty());
        // What COR has now, of which the table may want something else.
        let mut now: Vec<(String, String)> = Vec::new();
        let (mut unknown, mut kept) = (Vec::new(), Vec::new());
        for field in &of_wanted.fields {
            let is_kept = self.options.keep_remote.iter().any(|keep| keep.name() == field.field)
                && field.result == Comparison::Different
                && is_of_others(field, &of_accepted);
            match field.result {
                _ if is_kept => kept.push(field.field.clone()),
                Comparison::Equal => now.push((field.field.clone(), field.ours.to_string())),
                Comparison::Different => now.push((field.field.clone(), shown(field))),
                Comparison::NotComparable(_) => {}
            }
        }
        for field in changed {
            if !of_wanted.fields.iter().any(|wanted| wanted.field == field.field) {
                unknown.push(field.field.clone());
            }
        }
        refreshed.kept += u64::from(!kept.is_empty());
        let damaged = || self.state.unreadable(&pending.id);
        let without = fields::without(accepted, &unknown).ok_or_else(damaged)?;
        Ok(Stored {
            accepted: fields::merged(&without, &fields::of_values(&now)).ok_or_else(damaged)?,
            wanted: fields::without(&pending.wanted, &kept).ok_or_else(damaged)?,
            changed: of_accepted.differences().map(|field| field.field.clone()).collect(),
        })
    }
}

/// Whether the value in COR is one that others set: not the one that COR last accepted, and not nothing where COR accepted none.
fn is_of_others(field: &FieldComparison, of_accepted: &ReadBack) -> bool {
    match of_accepted.fields.iter().find(|accepted| accepted.field == field.field) {
        Some(accepted) => accepted.result == Comparison::Different,
        None => field.theirs.as_ref().is_some_and(|theirs| !matches!(theirs.as_str(), "null" | "\"\"")),
    }
}

/// COR's value of a field as an update would write it: a date without the time that COR shows behind it.
fn shown(field: &FieldComparison) -> String {
    let theirs = field.theirs.as_ref().map_or("null", |theirs| theirs.as_str());
    let is_date =
        Field::from_name(&field.field).is_some_and(|field| field.kind() == cor_http::FieldType::Date);
    match theirs.strip_prefix('"').and_then(|text| text.get(..10)) {
        Some(day) if is_date => format!("\"{day}\""),
        _ => theirs.to_owned(),
    }
}
