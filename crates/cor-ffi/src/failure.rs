//! Why an exported function cannot do what it was asked for.

use std::any::Any;

use cor_http::{Error, Outcome};

use crate::status::cor_status;

/// Why an exported function cannot do what it was asked for.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    Cor(Error),
    /// Found here: a misused argument, a panic, a call that was stopped.
    Here {
        status: cor_status,
        outcome: Outcome,
        message: String,
    },
}

impl Failure {
    fn here(status: cor_status, outcome: Outcome, message: String) -> Failure {
        Failure::Here { status, outcome, message }
    }

    pub(crate) fn argument(message: String) -> Failure {
        Failure::here(cor_status::COR_ERR_ARGUMENT, Outcome::NotApplied, message)
    }

    pub(crate) fn internal(message: impl Into<String>) -> Failure {
        Failure::here(cor_status::COR_ERR_INTERNAL, Outcome::NotApplied, message.into())
    }

    /// A table, a state or a file cannot be used.
    pub(crate) fn config(message: String) -> Failure {
        Failure::here(cor_status::COR_ERR_CONFIG, Outcome::NotApplied, message)
    }

    /// The handle was freed while the call ran.
    pub(crate) fn cancelled(message: &str) -> Failure {
        let message = format!("{message}; whether COR applied the updates in flight is unknown");
        Failure::here(cor_status::COR_ERR_CANCELLED, Outcome::Unknown, message)
    }

    /// A row that came when nothing new is begun any more.
    pub(crate) fn stopped(message: String) -> Failure {
        Failure::ended(Outcome::NotApplied, message)
    }

    /// A run that ended before its rows did, with the outcome of what it had sent.
    pub(crate) fn ended(outcome: Outcome, message: String) -> Failure {
        Failure::here(cor_status::COR_ERR_CANCELLED, outcome, message)
    }

    pub(crate) fn panicked(panic: &(dyn Any + Send)) -> Failure {
        let said = panic.downcast_ref::<String>().map(String::as_str);
        let said =
            said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("the panic has no message");
        let message = format!("the call failed because of a bug in the library: {said}");
        Failure::here(cor_status::COR_ERR_INTERNAL, Outcome::Unknown, message)
    }

    pub(crate) fn status(&self) -> cor_status {
        match self {
            Failure::Cor(error) => cor_status::of(error.kind()),
            Failure::Here { status, .. } => *status,
        }
    }

    pub(crate) fn message(&self) -> String {
        match self {
            Failure::Cor(error) => error.chain(),
            Failure::Here { message, .. } => message.clone(),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Cor(error)
    }
}
