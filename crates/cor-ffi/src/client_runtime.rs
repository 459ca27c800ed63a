//! What is behind a `cor_client *`, and how a thread waits for it. Processes that were forked off and the end of a client are
//! the business of `cor_http::ClientRuntime`.

use std::ffi::CString;
use std::future::IntoFuture;

use cor_http::{Client, ClientRuntime, Error, ErrorKind};

use crate::failure::Failure;
use crate::guard::{Kind, NoSigpipe, Object, c_text};
use crate::status::cor_status;

/// A client of COR's Integrations API. May be used by many threads at once.
///
/// In a process that was forked off, a client goes on working: it connects anew and leaves the parent's connections
/// alone. What a parent's other threads had in flight is not carried on.
#[derive(Debug)]
pub struct cor_client(());

/// What is behind a `cor_client *`.
pub(crate) struct ClientHandle {
    runtime: ClientRuntime,
    warning: Option<CString>,
    main_url: Option<CString>,
}

impl Object for ClientHandle {
    const KIND: Kind = Kind::Client;
    type Opaque = cor_client;
}

impl ClientHandle {
    pub(crate) fn new(client: Client) -> Result<ClientHandle, Failure> {
        let warning = client.warning().map(c_text);
        let main_url = client.main_url().map(c_text);
        let runtime = ClientRuntime::new(client).map_err(|error| Failure::internal(error.chain()))?;
        Ok(ClientHandle { runtime, warning, main_url })
    }

    /// The base URL of COR's main API, where there is one.
    pub(crate) fn main_url(&self) -> Option<&CString> {
        self.main_url.as_ref()
    }

    /// What was ignored when the client was set up.
    pub(crate) fn warning(&self) -> Option<&CString> {
        self.warning.as_ref()
    }

    /// The client of this process: after a fork, a new one of the same options.
    pub(crate) fn runtime(&self) -> Result<ClientRuntime, Failure> {
        Ok(self.runtime.current()?)
    }

    /// Ends the calls in progress.
    pub(crate) fn end(&self) {
        self.runtime.cancel();
    }
}

/// Waits on this thread until `what` has its result or the client is freed. The caller's functions are never called
/// from within.
pub(crate) fn wait<F: IntoFuture>(runtime: &ClientRuntime, what: F) -> Result<F::Output, Failure> {
    let _quiet = NoSigpipe::new();
    runtime.block_on(what).map_err(|error: Error| match error.kind() {
        ErrorKind::Cancelled => Failure::cancelled("the client was freed while the call ran"),
        _ => error.into(),
    })
}

/// As `wait`, for a call that changes nothing in COR.
pub(crate) fn wait_to_read<F: IntoFuture>(runtime: &ClientRuntime, what: F) -> Result<F::Output, Failure> {
    wait(runtime, what).map_err(|failure| match failure.status() {
        cor_status::COR_ERR_CANCELLED => {
            Failure::stopped("the client was freed while the call ran".to_owned())
        }
        _ => failure,
    })
}
