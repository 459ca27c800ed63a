//! What a run says about the projects that it read back.

use crate::{Refreshed, grouped};

/// What reading back showed, one sentence for each thing that a reader has to know.
pub(super) fn remarks(refreshed: &Refreshed) -> Vec<String> {
    let projects = |count: u64| match count {
        1 => "1 project".to_owned(),
        count => format!("{} projects", grouped(count)),
    };
    let were = |count: u64| if count == 1 { "was" } else { "were" };
    let mut remarks = Vec::new();
    let Refreshed { read, changed, kept, gone, not_read, without_cor_id, ref error } = *refreshed;
    if changed > 0 {
        remarks.push(format!(
            "{} of {} {} changed in COR since COR last accepted the values; the run sends the table's values again, except in \
             fields of `keep_remote`",
            grouped(changed),
            projects(read),
            were(changed)
        ));
    }
    if kept > 0 {
        remarks.push(format!(
            "in {}, fields changed in COR were left as they are (`keep_remote`)",
            projects(kept)
        ));
    }
    if gone > 0 {
        let (are, their) = if gone == 1 { ("is", "its") } else { ("are", "their") };
        remarks.push(format!("{} {are} gone from COR; the run sends all of {their} fields", projects(gone)));
    }
    if let Some(error) = error {
        let them = if not_read == 1 { "it" } else { "them" };
        remarks.push(format!(
            "{} could not be read back, and the run compares {them} with what COR last accepted: {}",
            projects(not_read),
            error.reason()
        ));
    }
    if without_cor_id > 0 {
        remarks.push(format!(
            "{} {} not read back, because the state has no internal id of COR for {}; the next accepted update stores it",
            projects(without_cor_id),
            were(without_cor_id),
            if without_cor_id == 1 { "it" } else { "them" }
        ));
    }
    remarks
}
