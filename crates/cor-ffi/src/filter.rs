//! Which projects a list holds.

use std::ffi::c_char;

use cor_http::{Date, ProjectFilter};

use crate::failure::Failure;
use crate::guard::{Sized_, read_struct, text};

/// Whether a list holds archived projects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum cor_archived {
    /// The list is not filtered. COR does not document whether it then holds archived projects.
    COR_ARCHIVED_ANY = 0,
    /// Archived projects only.
    COR_ARCHIVED_ONLY = 1,
    /// Active projects only.
    COR_ARCHIVED_NONE = 2,
}

/// Which projects a list holds. Set it up with COR_PROJECT_FILTER_INIT, which lets every project pass; later versions may add
/// members at the end. Ids are COR's internal ones.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct cor_project_filter {
    /// sizeof(cor_project_filter), as the caller knows it.
    pub struct_size: usize,
    /// Projects from this day on, YYYY-MM-DD; NULL is not set. COR does not document which of a project's dates counts.
    pub date_start: *const c_char,
    /// Projects up to this day, YYYY-MM-DD; NULL is not set.
    pub date_end: *const c_char,
    /// COR's internal id of the client; 0 is not set.
    pub client_id: i64,
    /// COR's internal id of the team; 0 is not set.
    pub team_id: i64,
    /// COR's internal id of a user; 0 is not set.
    pub user_id: i64,
    /// COR's internal id of the brand; 0 is not set.
    pub brand_id: i64,
    /// COR's internal id of the product; 0 is not set.
    pub product_id: i64,
    /// The status: COR documents "finished", "in_process" and "suspended"; NULL is not set.
    pub status: *const c_char,
    /// The health: 1 on track, 2 at risk, 3 delayed, 4 critical; 0 is not set.
    pub health: i32,
    /// A cor_archived.
    pub archived: i32,
}

// SAFETY: plain integers and pointers, for which zero is a value; the size first.
unsafe impl Sized_ for cor_project_filter {}

/// The filter that C passed; NULL lets every project pass.
pub(crate) fn project_filter(given: *const cor_project_filter) -> Result<ProjectFilter, Failure> {
    if given.is_null() {
        return Ok(ProjectFilter::default());
    }
    let given = read_struct(given, "filter")?;
    let id = |id: i64| (id != 0).then_some(id);
    Ok(ProjectFilter {
        date_start: day(given.date_start, "date_start")?,
        date_end: day(given.date_end, "date_end")?,
        client_id: id(given.client_id),
        team_id: id(given.team_id),
        user_id: id(given.user_id),
        brand_id: id(given.brand_id),
        product_id: id(given.product_id),
        status: match given.status.is_null() {
            true => None,
            false => Some(text(given.status, "filter.status")?.to_owned()),
        },
        health: health(given.health)?,
        archived: archived(given.archived)?,
    })
}

fn day(given: *const c_char, name: &str) -> Result<Option<Date>, Failure> {
    if given.is_null() {
        return Ok(None);
    }
    let day = text(given, &format!("filter.{name}"))?.parse();
    day.map(Some).map_err(|issue| Failure::issue(name, issue))
}

fn health(given: i32) -> Result<Option<u8>, Failure> {
    match u8::try_from(given) {
        Ok(health) => Ok((health != 0).then_some(health)),
        Err(_) => Err(Failure::argument(format!(
            "filter.health is {given}; pass 1 (on track), 2 (at risk), 3 (delayed) or 4 (critical), or 0 for any"
        ))),
    }
}

fn archived(given: i32) -> Result<Option<bool>, Failure> {
    const ANY: i32 = cor_archived::COR_ARCHIVED_ANY as i32;
    const ONLY: i32 = cor_archived::COR_ARCHIVED_ONLY as i32;
    const NONE: i32 = cor_archived::COR_ARCHIVED_NONE as i32;
    match given {
        ANY => Ok(None),
        ONLY => Ok(Some(true)),
        NONE => Ok(Some(false)),
        other => Err(Failure::argument(format!("filter.archived is {other}; it must be a cor_archived"))),
    }
}
