//! The ids of `get_many`: from an iterable of Python's, read as far as they are requested, or added one by one.

use std::time::Instant;

use cor_http::{GetMany, Projects};
use futures_util::stream;
use pyo3::exceptions::{PyException, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::types::PyIterator;
use pyo3::{PyTraverseError, PyVisit};
use tokio::sync::mpsc;

use crate::input::BUDGET;
use crate::numbers::cor_id;

/// What is left of the ids.
pub(crate) struct ReadIds {
    /// `None` once it has ended, and for ids that are added.
    iterator: Option<Py<PyIterator>>,
    /// `None` once there are no more ids.
    sender: Option<mpsc::Sender<i64>>,
    /// Raised by the iterable, and raised again once every id before it has its result.
    failed: Option<PyErr>,
}

impl ReadIds {
    /// A reading whose ids are those of an iterable, or where there is none, those that are added.
    pub(crate) fn start(
        projects: Projects<'_>,
        cor_ids: Option<Py<PyIterator>>,
        concurrency: usize,
    ) -> (GetMany, ReadIds) {
        // As many wait as can be requested next: no id is read that is not soon needed.
        let (sender, mut receiver) = mpsc::channel(concurrency.max(1));
        let read = projects.get_stream(stream::poll_fn(move |cx| receiver.poll_recv(cx)));
        (read.concurrency(concurrency), ReadIds { iterator: cor_ids, sender: Some(sender), failed: None })
    }

    /// Reads ids as far as there is room. A slow iterable gives few, and the requests go on in between.
    ///
    /// # Errors
    /// Only what must show at once, such as Ctrl-C.
    pub(crate) fn fill(&mut self, py: Python<'_>) -> PyResult<()> {
        let begun = Instant::now();
        while let (Some(iterator), Some(sender)) = (&self.iterator, &self.sender) {
            // No more are wanted, because the run was stopped.
            if sender.is_closed() {
                self.finish(None);
                break;
            }
            if sender.capacity() == 0 {
                break;
            }
            match iterator.bind(py).clone().next().map(|id| cor_id(&id?)) {
                // There is room, since only this reader sends; the next pass notices a run that was stopped meanwhile.
                Some(Ok(cor_id)) => drop(sender.try_send(cor_id)),
                None => self.finish(None),
                Some(Err(error)) if error.is_instance_of::<PyException>(py) => self.finish(Some(error)),
                Some(Err(error)) => return Err(error),
            }
            if begun.elapsed() >= BUDGET {
                break;
            }
        }
        Ok(())
    }

    /// Whether the iterable has ids to be read now.
    pub(crate) fn are_wanted(&self) -> bool {
        let has_room = self.sender.as_ref().is_some_and(|sender| sender.capacity() > 0);
        self.iterator.is_some() && has_room
    }

    /// Adds an id, for which the caller has waited for room. `false`: no more ids are wanted.
    pub(crate) fn add(&mut self, id: &Bound<'_, PyAny>) -> PyResult<bool> {
        let id = cor_id(id)?;
        let Some(sender) = &self.sender else { return Ok(false) };
        match sender.try_send(id) {
            Ok(()) => Ok(true),
            Err(mpsc::error::TrySendError::Closed(_)) => Ok(false),
            Err(mpsc::error::TrySendError::Full(_)) => {
                Err(PyRuntimeError::new_err("an id was added while the queue was full"))
            }
        }
    }

    /// Waits for room; `None` where there is.
    pub(crate) fn room(&self) -> Option<impl Future<Output = ()> + Send + 'static + use<>> {
        let sender = self.sender.as_ref().filter(|sender| sender.capacity() == 0 && !sender.is_closed())?;
        // A strong sender would keep the ids from ending.
        let sender = sender.downgrade();
        Some(async move {
            if let Some(sender) = sender.upgrade() {
                // Either there is room, or no more ids are wanted.
                let _ = sender.reserve().await;
            }
        })
    }

    /// There are no more ids. The first reason counts.
    pub(crate) fn finish(&mut self, error: Option<PyErr>) {
        if self.sender.take().is_some() {
            self.failed = error;
        }
        self.iterator = None;
    }

    /// Raises what the iterable raised, once.
    pub(crate) fn check(&mut self) -> PyResult<()> {
        self.failed.take().map_or(Ok(()), Err)
    }

    /// Ends the reading of ids, and returns the iterable for its end.
    pub(crate) fn close(&mut self) -> Option<Py<PyIterator>> {
        self.sender = None;
        self.failed = None;
        self.iterator.take()
    }

    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.iterator.as_ref().map_or(Ok(()), |iterator| visit.call(iterator))
    }
}
