//! Reading projects back before a table is sent, so that the run knows what was changed in COR.

use cor_http::{
    Client, Comparison, Date, Error, Field, FieldComparison, FieldType, NotComparable, OUTAGE_TIMEOUT,
    Project, ProjectUpdate, ReadBack,
};

use super::{PAGE, TableSync};
use crate::field_changes as fields;
use crate::read_back::{Finding, Found, KnownTable, ReadBackRun};
use crate::state_store::{Known, Pending, Refreshed as Stored, StateError};

/// What reading the projects of a table back showed. Each project is counted once; in a Singer stream once for each piece in which
/// it is sent.
#[derive(Clone, Debug, Default, serde::Serialize)]
#[non_exhaustive]
pub struct Refreshed {
    /// Projects that were read.
    pub read: u64,
    /// Of these, projects with a field that was changed in COR since COR last accepted it.
    pub changed: u64,
    /// Projects of which a field was left to COR.
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

/// The staged projects being read back.
pub(crate) struct RefreshRun {
    run: ReadBackRun,
    /// What was read and is not in the state yet.
    findings: Vec<Finding>,
}

impl RefreshRun {
    /// Waits for the next project; `false` when every project was read, or the reading has ended. Dropping the future loses
    /// nothing.
    pub(crate) async fn advance(&mut self) -> Result<bool, StateError> {
        let finding = self.run.next().await?;
        let goes_on = finding.is_some();
        self.findings.extend(finding);
        Ok(goes_on)
    }

    /// Whether enough was read to be stored together.
    pub(crate) fn is_full(&self) -> bool {
        self.findings.len() >= PAGE
    }
}

impl TableSync {
    /// Begins to read the projects back that were staged since the last time.
    pub(crate) fn begin_refresh(
        &mut self,
        client: &Client,
        refreshed: &mut Refreshed,
    ) -> Result<RefreshRun, StateError> {
        self.end_group()?;
        refreshed.without_cor_id += std::mem::take(&mut self.unread);
        let mut known = KnownTable::new()?;
        loop {
            let page = self.state.pending(self.refreshed, PAGE).map_err(|error| self.state.failed(&error))?;
            let Some(last) = page.last() else { break };
            self.refreshed = last.place;
            for Pending { id, accepted, cor_id, .. } in page {
                // Where COR accepted nothing yet, there is nothing to compare with.
                let Some(accepted) = accepted else { continue };
                refreshed.without_cor_id += u64::from(!known.add(&Known { id, cor_id, accepted })?);
            }
        }
        let outage_timeout = self.options.outage_timeout.unwrap_or(OUTAGE_TIMEOUT);
        Ok(RefreshRun { run: ReadBackRun::start(known, client, outage_timeout), findings: Vec::new() })
    }

    /// Compares what was read so far with what COR accepted and with what the table says, and stores what COR has now.
    pub(crate) fn take_refreshed(
        &mut self,
        run: &mut RefreshRun,
        refreshed: &mut Refreshed,
    ) -> Result<(), StateError> {
        let mut stored = Vec::new();
        for Finding { known, found } in run.findings.drain(..) {
            let pending = self.state.pending_of(&known.id).map_err(|error| self.state.failed(&error))?;
            let Some(pending) = pending else { continue };
            match found {
                Found::Shown(project) => {
                    refreshed.read += 1;
                    let update = self.compare(&pending, &project, refreshed)?;
                    stored.push((pending, Some(update)));
                }
                Found::Gone(_) => {
                    refreshed.gone += 1;
                    stored.push((pending, None));
                }
                Found::NotRead(error) => {
                    refreshed.not_read += 1;
                    refreshed.error.get_or_insert(error);
                }
            }
        }
        let (state, run) = (&self.state, &self.run);
        state.write(|| {
            stored.iter().try_for_each(|(pending, update)| match update {
                Some(update) => state.refresh_staged(run, pending, update),
                None => state.forget_staged(pending),
            })
        })
    }

    /// Ends the reading. `false`: every later reading would end for the same reason.
    pub(crate) fn end_refresh(
        &mut self,
        mut run: RefreshRun,
        refreshed: &mut Refreshed,
    ) -> Result<bool, StateError> {
        self.take_refreshed(&mut run, refreshed)?;
        let Some(halted) = run.run.halted() else { return Ok(true) };
        refreshed.not_read += run.run.unread();
        refreshed.error = Some(halted.clone());
        Ok(false)
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
        let changed: Vec<String> = of_accepted.differences().map(|field| field.field.clone()).collect();
        refreshed.changed += u64::from(!changed.is_empty());
        let (mut equal, mut shown, mut kept) = (Vec::new(), Vec::new(), Vec::new());
        for field in &of_wanted.fields {
            let is_kept = self.options.keep_remote.iter().any(|keep| keep.name() == field.field)
                && of_accepted
                    .fields
                    .iter()
                    .any(|accepted| accepted.field == field.field && is_of_others(accepted));
            match field.result {
                _ if is_kept => kept.push(field.field.clone()),
                Comparison::Equal => equal.push((field.field.clone(), field.ours.to_string())),
                Comparison::Different => shown.push((field.field.clone(), value_of(field))),
                // Where it is known that others changed the field, the table's value is sent.
                Comparison::NotComparable(_) if changed.contains(&field.field) => {
                    shown.push((field.field.clone(), value_of(field)));
                }
                Comparison::NotComparable(_) => {}
            }
        }
        refreshed.kept += u64::from(!kept.is_empty());
        let damaged = || self.state.unreadable(&pending.id);
        Ok(Stored {
            accepted: fields::merged(accepted, &fields::of_values(&equal)).ok_or_else(damaged)?,
            shown: fields::of_values(&shown),
            wanted: fields::without(&pending.wanted, &kept).ok_or_else(damaged)?,
        })
    }
}

/// Whether others certainly set the value that COR shows: it is not the one that COR last accepted. After null was sent, any value may
/// be theirs, and is left to them.
fn is_of_others(accepted: &FieldComparison) -> bool {
    matches!(accepted.result, Comparison::Different | Comparison::NotComparable(NotComparable::Cleared))
}

/// COR's value of a field as an update would write it: a date without the time that COR shows behind it.
fn value_of(field: &FieldComparison) -> String {
    let theirs = field.theirs.as_ref().map_or("null", |theirs| theirs.as_str());
    let is_date = Field::from_name(&field.field).is_some_and(|field| field.kind() == FieldType::Date);
    let text = || serde_json::from_str::<String>(theirs).ok();
    let day = || text()?.get(..10)?.parse::<Date>().ok();
    match is_date.then(day).flatten() {
        Some(day) => format!("\"{day}\""),
        None => theirs.to_owned(),
    }
}
