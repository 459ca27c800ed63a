//! The question before a sync that would change most of the known projects.

use std::io::{self, BufRead, IsTerminal};
use std::time::Duration;

use cor_sync::{Origin, Reach, grouped};
use tokio::sync::oneshot;

use crate::args::SyncArgs;
use crate::output::Output;

/// An unanswered question counts as a no after this time, because other runs of the source wait for it.
const LONGEST: Duration = Duration::from_secs(300);

/// Whether a person is there to answer.
pub(super) fn can_be_asked(args: &SyncArgs, output: &Output) -> bool {
    let reads_table = matches!(args.table.origin(), Origin::Stdin);
    !output.is_json() && !reads_table && io::stdin().is_terminal() && output.err_is_terminal()
}

pub(super) fn show(Reach { changed, known }: Reach, output: &mut Output) {
    output.note(&format!(
        "This sync would change {} of the {} projects that the state knows; cor projects plan shows how. Type yes to send it:",
        grouped(changed),
        grouped(known)
    ));
}

/// Whether the person types yes, within [`LONGEST`]. Reads on a thread of its own, so that a signal is handled meanwhile.
pub(super) async fn answer() -> bool {
    let (answers, answer) = oneshot::channel();
    let reading = std::thread::Builder::new().spawn(move || {
        let mut line = String::new();
        // What cannot be read is no consent.
        let is_yes =
            io::stdin().lock().read_line(&mut line).is_ok() && line.trim().eq_ignore_ascii_case("yes");
        // After a signal or the time limit the receiver is gone, and the send fails.
        let _ = answers.send(is_yes);
    });
    let answer = tokio::time::timeout(LONGEST, answer).await;
    reading.is_ok() && matches!(answer, Ok(Ok(true)))
}
