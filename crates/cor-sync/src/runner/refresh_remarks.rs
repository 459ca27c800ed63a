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
            "{} of {} that the run read back {} changed in COR since COR last accepted the values; where the table sets another \
             value, it is sent again",
            grouped(changed),
            projects(read),
            were(changed)
        ));
    }
    if kept > 0 {
        let keeps = if kept == 1 { "keeps" } else { "keep" };
        remarks.push(format!("{} {keeps} fields as others set them in COR (`keep_remote`)", projects(kept)));
    }
    if gone > 0 {
        remarks.push(format!("COR no longer has {}; the run sends all of their fields", projects(gone)));
    }
    if let Some(error) = error {
        remarks.push(format!(
            "{} could not be read back, and the run compares them with what COR last accepted: {}",
            match not_read {
                0 => "projects".to_owned(),
                not_read => projects(not_read),
            },
            error.reason()
        ));
    }
    if without_cor_id > 0 {
        remarks.push(format!(
            "{} {} not read back, because the state does not know COR's internal id of them; it is stored when COR answers an \
             update of the project",
            projects(without_cor_id),
            were(without_cor_id)
        ));
    }
    remarks
}
