use std::fmt;
use std::future::IntoFuture;
use std::pin::Pin;
use std::time::Duration;

use crate::Error;
use crate::options::CallOptions;

type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// A call that starts when it is awaited. Options set here apply to this call only.
///
/// Dropping the future stops the call; whether a request in flight was applied is then unknown.
///
/// ```
/// # let sandbox = cor_sandbox::Sandbox::builder().example().start()?;
/// # let client = cor_http::Client::builder().base_url(sandbox.base_url()).token(sandbox.token()).build()?;
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// use std::time::Duration;
/// let update = cor_http::ProjectUpdate::new("SALESFORCE").name("Phase 2");
/// let project =
///     client.projects().update("SF-OPP-12345", &update).deadline(Duration::from_secs(5)).max_attempts(2).await?;
/// assert_eq!(project.name(), Some("Phase 2"));
/// # Ok::<(), cor_http::Error>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a call does nothing until it is awaited"]
pub struct Pending<'a, T> {
    start: Box<dyn FnOnce(CallOptions) -> Answer<'a, T> + Send + 'a>,
    options: CallOptions,
}

impl<'a, T> Pending<'a, T> {
    pub(crate) fn new(start: impl FnOnce(CallOptions) -> Answer<'a, T> + Send + 'a) -> Pending<'a, T> {
        Pending { start: Box::new(start), options: CallOptions::default() }
    }

    /// Sets [`CallOptions::deadline`].
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.options = self.options.deadline(deadline);
        self
    }

    /// Sets [`CallOptions::max_attempts`].
    pub fn max_attempts(mut self, max_attempts: u32) -> Self {
        self.options = self.options.max_attempts(max_attempts);
        self
    }

    /// Sets [`CallOptions::settle_unknown`].
    pub fn settle_unknown(mut self, settle_unknown: bool) -> Self {
        self.options = self.options.settle_unknown(settle_unknown);
        self
    }

    /// Sets [`CallOptions::cor_id`].
    pub fn cor_id(mut self, cor_id: i64) -> Self {
        self.options = self.options.cor_id(cor_id);
        self
    }

    /// Replaces all options of this call.
    pub fn options(mut self, options: CallOptions) -> Self {
        self.options = options;
        self
    }
}

impl<'a, T: Send + 'a> IntoFuture for Pending<'a, T> {
    type Output = Result<T, Error>;
    type IntoFuture = Answer<'a, T>;

    fn into_future(self) -> Answer<'a, T> {
        match self.options.check() {
            Ok(()) => (self.start)(self.options),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }
}

impl<T> fmt::Debug for Pending<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").field("options", &self.options).finish_non_exhaustive()
    }
}
