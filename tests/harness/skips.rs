//! Records a skipped test for the summary of `make test`; `tests/harness/skips.py` says how. Test files include this
//! file by its path.

use std::io::Write as _;

/// Says on standard error that a test of `suite` is skipped, and appends it to the file that `PROJECTCOR_SKIPPED` names.
/// `reason` begins with one of the beginnings in `skips.py` that CI accepts; any other fails there.
#[track_caller]
pub(crate) fn skipped(suite: &str, reason: &str) {
    const MAY_BE_ABSENT: [&str; 2] = ["needs ../shared", "needs a network"];
    let ci = std::env::var("CI").is_ok_and(|value| !["", "0", "false"].contains(&value.as_str()));
    let allowed = MAY_BE_ABSENT.iter().any(|start| reason.starts_with(start));
    assert!(!ci || allowed, "a test may not be skipped in CI: {reason}");
    // Not eprintln!, which the test harness keeps to itself while a test passes.
    let _ = writeln!(std::io::stderr(), "skipped: 1 test of {suite}, because: {reason}");
    if let Some(path) = std::env::var_os("PROJECTCOR_SKIPPED") {
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
        file.write_all(format!("1\t{suite}\t{reason}\n").as_bytes()).unwrap();
    }
}
