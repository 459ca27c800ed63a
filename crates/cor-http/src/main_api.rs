//! COR's main API: where it is, and whether it lets the token's user read.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use crate::Error;
use crate::endpoint::Endpoint;
use crate::failure::Server;
use crate::operation::Paths;
use crate::options::Options;

/// The main API as one client reaches it. The first request sets up the transport, because most clients only write.
pub(crate) struct MainApi {
    options: Arc<Options>,
    paths: Paths,
    endpoint: OnceLock<Endpoint>,
    /// It has refused to let the token's user read, so that no project is read back on the client's own account.
    is_closed: AtomicBool,
}

impl MainApi {
    pub(crate) fn new(options: Arc<Options>) -> MainApi {
        let paths = Paths::of_main_api(options.main_url.as_ref().unwrap_or(&options.base_url));
        MainApi { options, paths, endpoint: OnceLock::new(), is_closed: AtomicBool::new(false) }
    }

    pub(crate) fn paths(&self) -> &Paths {
        &self.paths
    }

    /// # Errors
    /// `config` if no main API belongs with the base URL, or if its transport cannot be set up.
    pub(crate) fn endpoint(&self) -> Result<&Endpoint, Error> {
        if let Some(endpoint) = self.endpoint.get() {
            return Ok(endpoint);
        }
        let options = &self.options;
        let url = options.main_url.as_ref().map_err(|refused| refused.error())?;
        let transport = options.transport_to(url)?;
        let endpoint =
            Endpoint::new(Server::MainApi, url, transport, &options.user_agent, options.attempt_timeout)?;
        Ok(self.endpoint.get_or_init(|| endpoint))
    }

    /// Whether the client may read a project on its own account, to learn the outcome of an update.
    pub(crate) fn is_open(&self) -> bool {
        self.options.main_url.is_ok() && !self.is_closed.load(Ordering::Relaxed)
    }

    /// Ends the reading on the client's own account. `true`: this call did.
    pub(crate) fn close(&self) -> bool {
        !self.is_closed.swap(true, Ordering::Relaxed)
    }
}

impl fmt::Debug for MainApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.options.main_url.as_ref().ok().map(|url| url.as_str());
        f.debug_struct("MainApi").field("url", &url).finish_non_exhaustive()
    }
}
