//! The compiled half of the Python package `projectcor`: thin translations between Python and the crates beside it.
//!
//! * [`convert`], [`row`], [`input`], [`columns`], [`arrow`]: what people have, as the core's rows; every rule is the core's.
//! * [`engine`], [`client`], [`update_many`]: the blocking client. The caller's thread drives, with the interpreter released.
//! * [`background`], [`loop_bridge`], [`update_many_async`]: the asynchronous client. One thread drives for all event loops.
//! * [`row_source`], [`callbacks`], [`unsent`]: the rows that go into a run of either client, the progress that it reports, and
//!   the warning where rows were not sent.
//! * [`project`], [`results`], [`values`], [`errors`]: what comes back.
//! * [`read_calls`], [`reading`], [`read_ids`], [`read_result`], [`filter`], [`compare`]: projects read from COR's main API.
//! * [`sync`], [`sync_rows`], [`sync_report`], [`sync_errors`]: a table kept in sync, by the crate `cor-sync`.
//! * [`numbers`]: numbers and times among the options; [`token_provider`]: tokens from a function of Python.
//! * [`sandbox`], [`log`]: COR on this machine; records for `logging`.

mod arrow;
mod background;
mod callbacks;
mod client;
mod column_types;
mod compare;
mod convert;
mod create;
mod engine;
mod errors;
mod filter;
mod input;
mod log;
mod loop_bridge;
mod numbers;
mod project;
mod read_calls;
mod read_ids;
mod read_result;
mod reading;
mod record;
mod results;
mod row;
mod row_source;
mod sandbox;
mod sync;
mod sync_errors;
mod sync_report;
mod sync_rows;
mod table;
mod table_options;
mod token_provider;
mod unlocked;
mod unsent;
mod update;
mod update_many;
mod update_many_async;
mod values;

use pyo3::prelude::*;

/// The compiled half of projectcor.
// Works without the GIL: every class is frozen, what changes in one is behind a lock, and no lock is waited for whose holder may
// run code of Python's.
#[pymodule(gil_used = false)]
mod _native {
    use pyo3::prelude::*;
    use pyo3::types::PyTuple;

    #[pymodule_export]
    use crate::background::Call;
    #[pymodule_export]
    use crate::callbacks::check_callback;
    #[pymodule_export]
    use crate::client::NativeClient;
    #[pymodule_export]
    use crate::compare::{FieldComparison, compare};
    #[pymodule_export]
    use crate::create::Deleted;
    #[pymodule_export]
    use crate::loop_bridge::LoopBridge;
    #[pymodule_export]
    use crate::project::Project;
    #[pymodule_export]
    use crate::read_calls::{
        find_projects, list_projects, read_project, read_projects, start_find_projects, start_read_project,
    };
    #[pymodule_export]
    use crate::read_result::ReadResult;
    #[pymodule_export]
    use crate::reading::ReadRun;
    #[pymodule_export]
    use crate::results::{ItemResult, Progress, Summary, group_failures};
    #[pymodule_export]
    use crate::sandbox::{Answer, Hold, Request, Sandbox, StoredProject};
    #[pymodule_export]
    use crate::sync::{Halt, run_table};
    #[pymodule_export]
    use crate::update::{update_json, validate_update};
    #[pymodule_export]
    use crate::update_many::Results;
    #[pymodule_export]
    use crate::update_many_async::AsyncRun;
    #[pymodule_export]
    use crate::values::{Clear, Issue};
    #[pymodule_export]
    use crate::{run_program, run_target};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        let py = module.py();
        module.add("CLEAR", Clear)?;
        module.add(
            "ERROR_KINDS",
            PyTuple::new(py, cor_core::ErrorKind::ALL.iter().map(|kind| kind.as_str()))?,
        )?;
        module.add(
            "CREATE_FIELDS",
            PyTuple::new(py, cor_core::CreateField::ALL.iter().map(|field| field.name()))?,
        )?;
        module.add("FIELDS", PyTuple::new(py, cor_core::Field::ALL.iter().map(|field| field.name()))?)?;
        module.add(
            "SOURCES",
            PyTuple::new(py, cor_core::Source::KNOWN.iter().map(|source| source.as_str()))?,
        )?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}

/// Runs the program `cor` with its arguments, the program's name first, and returns its exit status.
#[pyfunction]
fn run_program(py: Python<'_>, arguments: Vec<std::ffi::OsString>) -> u8 {
    py.detach(|| cor_cli::run(arguments))
}

/// Runs the Singer target `target-cor` with its arguments, the program's name first, and returns its exit status.
#[pyfunction]
fn run_target(py: Python<'_>, arguments: Vec<std::ffi::OsString>) -> u8 {
    py.detach(|| cor_cli::run_target(arguments))
}
