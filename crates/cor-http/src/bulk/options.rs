use std::time::Duration;

use super::items::{Creation, OnProgress};

/// How long a bulk run waits by default while COR cannot be reached: 15 min.
pub const OUTAGE_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// The options of a run, whichever type the caller sets them on: see [`run_option_setters`].
pub(crate) struct RunOptions {
    pub(crate) concurrency: usize,
    pub(crate) outage_timeout: Duration,
    pub(crate) creation: Option<Creation>,
    pub(crate) on_progress: Option<OnProgress>,
    /// The number of all rows, if the caller knows it and the input does not.
    pub(super) total: Option<u64>,
}

impl RunOptions {
    pub(super) fn new(concurrency: usize) -> RunOptions {
        RunOptions {
            concurrency,
            outage_timeout: OUTAGE_TIMEOUT,
            creation: None,
            on_progress: None,
            total: None,
        }
    }
}

/// The setters of a run's options, on every type that has them in a place `options`.
macro_rules! run_option_setters {
    ($name:ident, |$this:ident| $options:expr) => {
        impl $name {
            /// The most requests in flight; default: the client's, 16.
            pub fn concurrency(mut self, concurrency: usize) -> Self {
                let $this = &mut self;
                $options.concurrency = concurrency.clamp(1, 10_000);
                self
            }

            /// How long the run waits while COR cannot be reached or refuses every request; default
            /// 15 min. Until COR has answered once, the run waits no longer than the client's deadline. After that the run
            /// stops: rows in flight fail, and the remaining rows are not started.
            pub fn outage_timeout(mut self, outage_timeout: std::time::Duration) -> Self {
                let $this = &mut self;
                $options.outage_timeout = outage_timeout;
                self
            }

            /// Creates projects that COR does not have. `creation` makes the create from the row's external id and update;
            /// with `None` the row fails as `project_not_found`. Where the update holds every field,
            /// [`ProjectCreate::new`](cor_core::ProjectCreate::new) is enough.
            ///
            /// A create that COR may have processed is not sent again. If its response is lost, or COR reports a duplicate, an
            /// update with the same fields follows and decides the result.
            pub fn create_missing(
                mut self,
                creation: impl Fn(&str, &cor_core::ProjectUpdate) -> Option<cor_core::ProjectCreate>
                + Send
                + Sync
                + 'static,
            ) -> Self {
                let $this = &mut self;
                $options.creation =
                    Some(std::sync::Arc::new(move |id, update| creation(id, update).ok_or(None)));
                self
            }

            /// As [`create_missing`](Self::create_missing), with a create of the row's id and fields. Unless
            /// `allow_mangled_ids` is true, no project is created under an id that a spreadsheet or a data frame has rewritten
            /// or that stands for no value ([`MangledId`](cor_core::MangledId)): that row fails as `project_not_found`.
            pub fn create_missing_from_rows(mut self, allow_mangled_ids: bool) -> Self {
                let $this = &mut self;
                $options.creation = Some(std::sync::Arc::new(move |id, update| {
                    let create = cor_core::ProjectCreate::of_row(id, update.clone(), allow_mangled_ids);
                    create.ok_or_else(|| cor_core::MangledId::of(id))
                }));
                self
            }

            /// Called after each row. `false` stops the run: requests in flight finish, no further row starts, and the
            /// remaining rows that the input has ready are reported as not started.
            pub fn on_progress(
                mut self,
                on_progress: impl FnMut(&$crate::Progress) -> bool + Send + 'static,
            ) -> Self {
                let $this = &mut self;
                $options.on_progress = Some(Box::new(on_progress));
                self
            }
        }
    };
}
pub(crate) use run_option_setters;
