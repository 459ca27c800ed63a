//! The options of a plan or a sync, as C passes them.

use std::ffi::c_char;
use std::path::PathBuf;

use cor_http::{Field, UnknownField};
use cor_sync::{ConfigError, MaxFailures, TableOptions};

use super::cor_sync_options;
use crate::failure::Failure;
use crate::guard::{self, array, element};

/// The options, converted to Rust types.
pub(super) struct Options {
    pub(super) table: TableOptions,
    pub(super) state: Option<PathBuf>,
    pub(super) rejects: Option<PathBuf>,
    pub(super) report: Option<PathBuf>,
    pub(super) max_failures: Option<MaxFailures>,
    pub(super) keep_remote: Vec<Field>,
}

impl Options {
    /// `default_source` is that of the client's profile.
    pub(super) fn read(options: &cor_sync_options, default_source: Option<&str>) -> Result<Options, Failure> {
        let text = |value: *const c_char, name: &str| -> Result<Option<String>, Failure> {
            match value.is_null() {
                true => Ok(None),
                false => Ok(Some(guard::text(value, &format!("options.{name}"))?.to_owned())),
            }
        };
        let path = |value, name| text(value, name).map(|text| text.map(PathBuf::from));
        let table = TableOptions {
            source: text(options.source, "source")?,
            default_source: default_source.map(str::to_owned),
            id_column: text(options.id_column, "id_column")?,
            // C takes no Singer stream.
            key_as_id: false,
            mapping: path(options.mapping, "mapping")?,
            map: texts(options.map, options.map_count, "options.map")?,
            ignore: texts(options.ignore, options.ignore_count, "options.ignore")?,
            strict: options.strict != 0,
            clear_value: text(options.clear_value, "clear_value")?,
            clear_nulls: texts(options.clear_nulls, options.clear_nulls_count, "options.clear_nulls")?,
            null_values: texts(options.null_values, options.null_values_count, "options.null_values")?,
            trim: options.trim != 0,
            allow_mangled_ids: options.allow_mangled_ids != 0,
            date_format: text(options.date_format, "date_format")?.into_iter().collect(),
            day_in: text(options.day_in, "day_in")?,
            decimal: text(options.decimal, "decimal")?,
            thousands: text(options.thousands, "thousands")?,
            format: text(options.format, "format")?,
            delimiter: text(options.delimiter, "delimiter")?,
            encoding: text(options.encoding, "encoding")?,
            stream: None,
            sheet: None,
            header_row: None,
        };
        let (state, rejects) = (path(options.state, "state")?, path(options.rejects, "rejects")?);
        let max_failures = text(options.max_failures, "max_failures")?;
        let max_failures = max_failures.as_deref().map(str::parse).transpose();
        let max_failures = max_failures.map_err(|error: ConfigError| Failure::config(error.to_string()))?;
        if options.reserved != 0 {
            return Err(Failure::argument("options.reserved must be 0".to_owned()));
        }
        let keep_remote = texts(options.keep_remote, options.keep_remote_count, "options.keep_remote")?;
        let keep_remote = keep_remote.iter().map(|name| name.parse()).collect::<Result<Vec<Field>, _>>();
        let keep_remote = keep_remote
            .map_err(|error: UnknownField| Failure::config(format!("options.keep_remote: {error}")))?;
        let report = path(options.report, "report")?;
        Ok(Options { table, state, rejects, report, max_failures, keep_remote })
    }
}

/// The texts of an array.
fn texts(array: *const *const c_char, count: usize, name: &str) -> Result<Vec<String>, Failure> {
    let array = self::array(array, count, name)?;
    (0..count).map(|at| Ok(guard::text(element(array, at), name)?.to_owned())).collect()
}
