//! COR's response.

use std::ffi::{CString, c_char};
use std::ptr;
use std::sync::Arc;

use cor_http::{Project, Timestamp};
use once_cell::race::OnceBox;

use crate::error::Failure;
use crate::guard::{self, Kind, Object, borrow, c_text, get, insert, put_optional, release};
use crate::status::cor_status;

/// A project as COR's response describes it. It never changes, so many threads may read it.
///
/// Every field is optional: COR documents no response. Ids are COR's internal ids, not the external ids of a request.
#[derive(Debug)]
pub struct cor_project(());

/// A project, and the texts of it that C has asked for, each with its NUL. Threads that ask at once never wait for each
/// other: one of their texts stays.
pub(crate) struct ProjectData {
    project: Project,
    texts: [OnceBox<Option<CString>>; TEXTS],
    members: OnceBox<Member>,
}

/// A member that C has asked for, in a list that only grows.
struct Member {
    name: String,
    json: CString,
    next: OnceBox<Member>,
}

/// The fields that are text in C.
#[derive(Clone, Copy)]
enum Text {
    Name,
    Brief,
    Status,
    WorkOrder,
    Start,
    End,
    EstimatedTime,
    Estimated,
    CreatedAt,
    UpdatedAt,
    ElapsedTime,
    TotalEstimated,
    Json,
}
const TEXTS: usize = Text::Json as usize + 1;

impl ProjectData {
    pub(crate) fn new(project: Project) -> ProjectData {
        ProjectData { project, texts: [const { OnceBox::new() }; TEXTS], members: OnceBox::new() }
    }

    fn text(&self, which: Text) -> Option<&CString> {
        let project = &self.project;
        let make = || match which {
            Text::Name => project.name().map(c_text),
            Text::Brief => project.brief().map(c_text),
            Text::Status => project.status().map(c_text),
            Text::WorkOrder => project.work_order().map(c_text),
            Text::Start => project.start().map(|day| c_text(&day.to_string())),
            Text::End => project.end().map(|day| c_text(&day.to_string())),
            Text::EstimatedTime => project.estimated_time().map(|n| c_text(&n.to_string())),
            Text::Estimated => project.estimated().map(|n| c_text(&n.to_string())),
            Text::CreatedAt => project.created_at().map(|time| c_text(time.as_str())),
            Text::UpdatedAt => project.updated_at().map(|time| c_text(time.as_str())),
            Text::ElapsedTime => project.elapsed_time().map(|n| c_text(&n.to_string())),
            Text::TotalEstimated => project.total_estimated().map(|n| c_text(&n.to_string())),
            Text::Json => (!project.is_empty()).then(|| c_text(&project.json())),
        };
        self.texts[which as usize].get_or_init(|| Box::new(make())).as_ref()
    }

    /// A member's JSON.
    fn member(&self, name: &str) -> *const c_char {
        let mut place = &self.members;
        while let Some(member) = place.get() {
            if member.name == name {
                return member.json.as_ptr();
            }
            place = &member.next;
        }
        let Some(json) = self.project.get_json(name) else { return ptr::null() };
        let mut made = Box::new(Member { name: name.to_owned(), json: c_text(json), next: OnceBox::new() });
        let text = made.json.as_ptr();
        // Another thread may have taken the place.
        while let Err(back) = place.set(made) {
            made = back;
            match place.get() {
                Some(taken) => place = &taken.next,
                None => return ptr::null(),
            }
        }
        text
    }
}

/// What is behind a `cor_project *`.
pub(crate) struct ProjectHandle {
    data: Arc<ProjectData>,
    /// Whether the caller frees it; else it goes with the result it belongs to.
    owned: bool,
}

impl ProjectHandle {
    pub(crate) fn owned(project: Project) -> ProjectHandle {
        ProjectHandle { data: Arc::new(ProjectData::new(project)), owned: true }
    }

    /// The project as COR answered.
    pub(crate) fn project(&self) -> &Project {
        &self.data.project
    }

    pub(crate) fn of_a_result(data: Arc<ProjectData>) -> ProjectHandle {
        ProjectHandle { data, owned: false }
    }
}

impl Object for ProjectHandle {
    const KIND: Kind = Kind::Project;
    type Opaque = cor_project;
}

fn text(project: *const cor_project, which: Text) -> *const c_char {
    get(ptr::null(), || {
        // The handle keeps the text in its place until it is freed.
        let project = borrow::<ProjectHandle>(project, "project")?;
        Ok(project.data.text(which).map_or(ptr::null(), |text| text.as_ptr()))
    })
}

fn value<T>(project: *const cor_project, place: *mut T, read: impl FnOnce(&Project) -> Option<T>) -> bool {
    get(false, || {
        let project = borrow::<ProjectHandle>(project, "project")?;
        put_optional(place, "value", read(&project.data.project))
    })
}

/// Frees a project. NULL is fine.
///
/// Projects of results and of callbacks, see cor_item_result_project() and cor_on_project, go with them and are not freed.
///
/// Returns COR_ERR_ARGUMENT for a project that was freed already or is not the caller's to free. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_project_free(project: *mut cor_project) -> cor_status {
    release::<ProjectHandle>(project, "project", |project| match project.owned {
        true => Ok(()),
        false => {
            Err(Failure::argument("the project is part of a result; free the result instead".to_owned()))
        }
    })
}

/// Another handle of the same project, to be freed by the caller: keeps the project of a result beyond the callback.
///
/// Returns NULL for misuse. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_project_clone(project: *const cor_project) -> *mut cor_project {
    get(ptr::null_mut(), || {
        let data = borrow::<ProjectHandle>(project, "project")?.data.clone();
        insert(ProjectHandle { data, owned: true })
    })
}

/// COR's internal id of the project; not the external id.
///
/// @param value  gets the number where there is one.
///
/// Returns whether there is one. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_project_id(project: *const cor_project, value: *mut i64) -> bool {
    self::value(project, value, Project::id)
}

/// COR's internal id of the client; as cor_project_id(). Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_project_client_id(project: *const cor_project, value: *mut i64) -> bool {
    self::value(project, value, Project::client_id)
}

/// COR's internal id of the project manager; as cor_project_id(). Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_project_pm_id(project: *const cor_project, value: *mut i64) -> bool {
    self::value(project, value, Project::pm_id)
}

/// COR's internal id of the contract; as cor_project_id(). Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_project_contract_id(project: *const cor_project, value: *mut i64) -> bool {
    self::value(project, value, Project::contract_id)
}

/// COR's internal id of the company; as cor_project_id(). Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_project_company_id(project: *const cor_project, value: *mut i64) -> bool {
    self::value(project, value, Project::company_id)
}

/// The name. Text that lives as long as the project; NULL where COR sent none. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_project_name(project: *const cor_project) -> *const c_char {
    text(project, Text::Name)
}

/// The description. Text that lives as long as the project; NULL where COR sent none. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_project_brief(project: *const cor_project) -> *const c_char {
    text(project, Text::Brief)
}

/// The status, as COR spells it. Text that lives as long as the project; NULL where COR sent none. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_project_status(project: *const cor_project) -> *const c_char {
    text(project, Text::Status)
}

/// Number or code of the work order. Text that lives as long as the project; NULL where COR sent none. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_project_work_order(project: *const cor_project) -> *const c_char {
    text(project, Text::WorkOrder)
}

/// The first day, YYYY-MM-DD. Text that lives as long as the project; NULL where COR sent none. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_project_start(project: *const cor_project) -> *const c_char {
    text(project, Text::Start)
}

/// The last day, YYYY-MM-DD. Text that lives as long as the project; NULL where COR sent none. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_project_end(project: *const cor_project) -> *const c_char {
    text(project, Text::End)
}

/// Hours, as the exact decimal text COR sent. Lives as long as the project; NULL where COR sent none. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_project_estimated_time(project: *const cor_project) -> *const c_char {
    text(project, Text::EstimatedTime)
}

/// Hours, as the nearest double; as cor_project_id(). Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_project_estimated_time_double(
    project: *const cor_project,
    value: *mut f64,
) -> bool {
    self::value(project, value, |project| project.estimated_time().map(|n| n.as_f64()))
}

/// Money in the project's currency, as the exact decimal text COR sent. Lives as long as the project; NULL where COR
/// sent none. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_project_estimated(project: *const cor_project) -> *const c_char {
    text(project, Text::Estimated)
}

/// Money, as the nearest double; as cor_project_id(). Better read the text. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_project_estimated_double(project: *const cor_project, value: *mut f64) -> bool {
    self::value(project, value, |project| project.estimated().map(|n| n.as_f64()))
}

/// COR's rating of the project: 1 on track, 2 at risk, 3 delayed, 4 critical. Shown by the main API only; as
/// cor_project_id(). Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_project_health(project: *const cor_project, value: *mut i64) -> bool {
    self::value(project, value, Project::health)
}

/// Hours worked, as the exact decimal text COR sent. Shown by the main API only. Lives as long as the project; NULL where COR
/// sent none. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_project_elapsed_time(project: *const cor_project) -> *const c_char {
    text(project, Text::ElapsedTime)
}

/// Hours worked, as the nearest double; as cor_project_id(). Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_project_elapsed_time_double(
    project: *const cor_project,
    value: *mut f64,
) -> bool {
    self::value(project, value, |project| project.elapsed_time().map(|n| n.as_f64()))
}

/// Money, as the exact decimal text COR sent. Shown by the main API only; COR does not document how it relates to
/// cor_project_estimated(). Lives as long as the project; NULL where COR sent none. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_project_total_estimated(project: *const cor_project) -> *const c_char {
    text(project, Text::TotalEstimated)
}

/// Money, as the nearest double; as cor_project_id(). Better read the text. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_project_total_estimated_double(
    project: *const cor_project,
    value: *mut f64,
) -> bool {
    self::value(project, value, |project| project.total_estimated().map(|n| n.as_f64()))
}

/// Whether the work is billed; as cor_project_id(). Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_project_billable(project: *const cor_project, value: *mut bool) -> bool {
    self::value(project, value, Project::billable)
}

/// Whether the project is archived; as cor_project_id(). Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_project_archived(project: *const cor_project, value: *mut bool) -> bool {
    self::value(project, value, Project::archived)
}

/// When the project was created, as COR wrote it. Text that lives as long as the project; NULL where COR sent none.
/// Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_project_created_at(project: *const cor_project) -> *const c_char {
    text(project, Text::CreatedAt)
}

/// When the project was created, in seconds since 1970-01-01T00:00:00Z; known only where COR's text names a zone;
/// as cor_project_id(). Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_project_created_at_unix(project: *const cor_project, value: *mut i64) -> bool {
    self::value(project, value, |project| project.created_at().and_then(Timestamp::unix_seconds))
}

/// When the project was last changed, as COR wrote it. Text that lives as long as the project; NULL where COR sent
/// none. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_project_updated_at(project: *const cor_project) -> *const c_char {
    text(project, Text::UpdatedAt)
}

/// When the project was last changed, in seconds since 1970-01-01T00:00:00Z; known only where COR's text names a
/// zone; as cor_project_id(). Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_project_updated_at_unix(project: *const cor_project, value: *mut i64) -> bool {
    self::value(project, value, |project| project.updated_at().and_then(Timestamp::unix_seconds))
}

/// The response's object on one line, as COR sent it. Text that lives as long as the project; NULL where COR answered
/// without a body. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_project_json(project: *const cor_project) -> *const c_char {
    text(project, Text::Json)
}

/// Any field of the response as JSON, whether this library knows it or not.
///
/// @param name  the field's name in COR's response.
///
/// Returns text that lives as long as the project; NULL where the response has no such field. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_project_get_json(
    project: *const cor_project,
    name: *const c_char,
) -> *const c_char {
    get(ptr::null(), || {
        let project = borrow::<ProjectHandle>(project, "project")?;
        Ok(project.data.member(guard::text(name, "name")?))
    })
}

/// As cor_project_get_json(), for a name of `size` bytes. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_project_get_json_n(
    project: *const cor_project,
    name: *const c_char,
    size: usize,
) -> *const c_char {
    get(ptr::null(), || {
        let project = borrow::<ProjectHandle>(project, "project")?;
        Ok(project.data.member(guard::text_n(name, size, "name")?))
    })
}
