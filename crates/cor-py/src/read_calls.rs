//! The calls of both clients that read projects.

use std::sync::Arc;

use cor_http::{ListProjects, Projects};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyIterator};

use crate::background::Call;
use crate::client::{Limits, NativeClient, limited, spawn};
use crate::errors;
use crate::filter;
use crate::loop_bridge::{self, LoopBridge, Outcome};
use crate::numbers::{cor_id, count, time};
use crate::project::Project;
use crate::read_ids::ReadIds;
use crate::reading::{ReadRun, Reader};

/// A count within its bounds.
fn within(py: Python<'_>, name: &str, value: &Bound<'_, PyAny>, most: u32) -> PyResult<u32> {
    let number = count(name, value)?;
    match (1..=most).contains(&number) {
        true => Ok(number),
        false => Err(errors::config(py, &format!("{name} is {number}; it must be from 1 to {most}"))),
    }
}

/// `per_page`, `concurrency` and `outage_timeout` of a list.
type Paging<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>, Option<Bound<'py, PyAny>>);

fn listed(
    projects: Projects<'_>,
    filter: &Bound<'_, PyDict>,
    (per_page, concurrency, outage_timeout): &Paging<'_>,
) -> PyResult<ListProjects> {
    let py = filter.py();
    let mut list = projects
        .list(filter::read(filter)?)
        .per_page(within(py, "per_page", per_page, 10_000)?)
        .concurrency(within(py, "concurrency", concurrency, 100)? as usize);
    if let Some(outage_timeout) = outage_timeout {
        list = list.outage_timeout(time("outage_timeout", outage_timeout)?);
    }
    Ok(list)
}

#[pyfunction]
pub(crate) fn read_project(
    py: Python<'_>,
    client: &NativeClient,
    id: &Bound<'_, PyAny>,
    limits: Limits<'_>,
) -> PyResult<Project> {
    let engine = client.engine(py)?;
    let (id, options) = (cor_id(id)?, limited(&limits)?);
    let sent = engine.client().projects().get(id).options(options).into_future();
    engine.wait(py, sent)?.map(Project::from).map_err(|error| errors::raised(py, &error))
}

#[pyfunction]
pub(crate) fn start_read_project(
    py: Python<'_>,
    client: &NativeClient,
    bridge: Py<LoopBridge>,
    future: Py<PyAny>,
    id: &Bound<'_, PyAny>,
    limits: Limits<'_>,
) -> PyResult<Call> {
    let engine = client.engine(py)?;
    let (id, options) = (cor_id(id)?, limited(&limits)?);
    let bridge = Arc::new(bridge);
    spawn(py, async move {
        let read = engine.client().projects().get(id).options(options).await;
        loop_bridge::deliver(&bridge, future, Outcome::Ended(read));
    })
}

#[pyfunction]
pub(crate) fn find_projects(
    py: Python<'_>,
    client: &NativeClient,
    name: &str,
    limits: Limits<'_>,
) -> PyResult<Vec<Project>> {
    let engine = client.engine(py)?;
    let sent = engine.client().projects().find_by_name(name).options(limited(&limits)?).into_future();
    let found = engine.wait(py, sent)?.map_err(|error| errors::raised(py, &error))?;
    Ok(found.into_iter().map(Project::from).collect())
}

#[pyfunction]
pub(crate) fn start_find_projects(
    py: Python<'_>,
    client: &NativeClient,
    bridge: Py<LoopBridge>,
    future: Py<PyAny>,
    name: String,
    limits: Limits<'_>,
) -> PyResult<Call> {
    let engine = client.engine(py)?;
    let options = limited(&limits)?;
    let bridge = Arc::new(bridge);
    spawn(py, async move {
        let found = engine.client().projects().find_by_name(name).options(options).await;
        loop_bridge::deliver(&bridge, future, Outcome::Found(found));
    })
}

/// Nothing is requested before the first page is asked for.
#[pyfunction]
pub(crate) fn list_projects(
    py: Python<'_>,
    client: &NativeClient,
    filter: &Bound<'_, PyDict>,
    paging: Paging<'_>,
) -> PyResult<ReadRun> {
    let engine = client.engine(py)?;
    let pages = listed(engine.client().projects(), filter, &paging)?.start();
    Ok(ReadRun::new(engine, Reader::Pages(Box::new(pages)), None))
}

/// `cor_ids` is not looked at where ids are `added` one by one, because they come from an asynchronous iterable.
#[pyfunction]
#[pyo3(signature = (client, cor_ids, added, concurrency, outage_timeout))]
pub(crate) fn read_projects(
    client: &NativeClient,
    cor_ids: &Bound<'_, PyAny>,
    added: bool,
    concurrency: Option<&Bound<'_, PyAny>>,
    outage_timeout: Option<&Bound<'_, PyAny>>,
) -> PyResult<ReadRun> {
    let py = cor_ids.py();
    let engine = client.engine(py)?;
    let concurrency = match concurrency {
        Some(concurrency) => within(py, "concurrency", concurrency, 10_000)? as usize,
        None => engine.client().concurrency(),
    };
    let iterator: Option<Py<PyIterator>> = match added {
        true => None,
        false => Some(cor_ids.try_iter()?.unbind()),
    };
    let (mut read, ids) = ReadIds::start(engine.client().projects(), iterator, concurrency);
    if let Some(outage_timeout) = outage_timeout {
        read = read.outage_timeout(time("outage_timeout", outage_timeout)?);
    }
    let reader = Reader::Projects(Box::new(read.start()));
    Ok(ReadRun::new(engine, reader, Some(ids)))
}
