//! Rows out of Arrow's record batches: anything with `__arrow_c_stream__`, whichever library made it.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, Float32Type,
    Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, RecordBatch, RecordBatchReader};
use arrow_schema::{DataType, TimeUnit};
use cor_core::{Date, IssueCode, Number, Value};
use cor_http::Row;
use jiff::{Span, civil};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3_arrow::PyRecordBatchReader;

use crate::convert::Given;
use crate::input;
use crate::row::{Column, Reader};

/// A stream of batches, read one row after the other.
pub(crate) struct Batches {
    /// Always there, but for the last moment.
    stream: Option<Box<dyn RecordBatchReader + Send>>,
    names: Vec<String>,
    columns: Vec<Column>,
    batch: Option<RecordBatch>,
    next: usize,
}

impl Batches {
    pub(crate) fn open(stream: &Bound<'_, PyAny>, reader: &Reader) -> PyResult<Batches> {
        let py = stream.py();
        let mut batches = Batches::bare(stream)?;
        batches.columns = input::columns(py, reader, &batches.names)?;
        Ok(batches)
    }

    /// The same for whoever knows the columns' use himself.
    pub(crate) fn bare(stream: &Bound<'_, PyAny>) -> PyResult<Batches> {
        let stream = stream.extract::<PyRecordBatchReader>()?.into_reader()?;
        let names = stream.schema().fields().iter().map(|field| field.name().clone()).collect();
        Ok(Batches { stream: Some(stream), names, columns: Vec::new(), batch: None, next: 0 })
    }

    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// The next row; `None` at the end of the stream.
    pub(crate) fn next(&mut self, py: Python<'_>, reader: &Reader) -> PyResult<Option<Row>> {
        let Some((batch, at)) = self.advance(py)? else { return Ok(None) };
        let cells = self.names.iter().zip(&self.columns).zip(batch.columns());
        let cells = cells.map(|((name, column), array)| (name.as_str(), *column, cell(array, at)));
        Ok(Some(reader.read_values(cells)))
    }

    /// The same, by the columns' names.
    pub(crate) fn next_cells(&mut self, py: Python<'_>) -> PyResult<Option<Vec<(String, Given)>>> {
        let Some((batch, at)) = self.advance(py)? else { return Ok(None) };
        let cells = self.names.iter().zip(batch.columns());
        Ok(Some(cells.map(|(name, array)| (name.clone(), cell(array, at))).collect()))
    }

    /// The batch that holds the next row, and where; a batch is its columns' handles, so a copy is cheap. The
    /// interpreter is released while a batch is made: its makers may need it in threads of their own.
    fn advance(&mut self, py: Python<'_>) -> PyResult<Option<(RecordBatch, usize)>> {
        loop {
            match &self.batch {
                Some(batch) if self.next < batch.num_rows() => {
                    self.next += 1;
                    return Ok(Some((batch.clone(), self.next - 1)));
                }
                _ => match py.detach(|| self.stream.as_mut().and_then(Iterator::next)) {
                    None => return Ok(None),
                    Some(batch) => {
                        let failed =
                            |error| PyValueError::new_err(format!("the table could not be read: {error}"));
                        self.batch = Some(batch.map_err(failed)?);
                        self.next = 0;
                    }
                },
            }
        }
    }
}

impl Drop for Batches {
    fn drop(&mut self) {
        // Its makers may be waited for here, and need the interpreter meanwhile.
        let stream = self.stream.take();
        Python::try_attach(|py| py.detach(|| drop(stream)));
    }
}

fn cell(array: &dyn Array, at: usize) -> Given {
    if array.is_null(at) {
        return Given::Keep;
    }
    match array.data_type() {
        DataType::Null => Given::Keep,
        DataType::Utf8 => text(array.as_string::<i32>().value(at)),
        DataType::LargeUtf8 => text(array.as_string::<i64>().value(at)),
        DataType::Utf8View => text(array.as_string_view().value(at)),
        DataType::Boolean => Given::Value(Value::Boolean(array.as_boolean().value(at))),
        DataType::Float32 => float(array.as_primitive::<Float32Type>().value(at).into()),
        DataType::Float64 => float(array.as_primitive::<Float64Type>().value(at)),
        DataType::Decimal32(..) => digits(&array.as_primitive::<Decimal32Type>().value_as_string(at)),
        DataType::Decimal64(..) => digits(&array.as_primitive::<Decimal64Type>().value_as_string(at)),
        DataType::Decimal128(..) => digits(&array.as_primitive::<Decimal128Type>().value_as_string(at)),
        DataType::Decimal256(..) => digits(&array.as_primitive::<Decimal256Type>().value_as_string(at)),
        DataType::Date32 => day(array.as_primitive::<Date32Type>().value(at).into()),
        DataType::Date64 => moment(array.as_primitive::<Date64Type>().value(at), 1_000, None),
        DataType::Timestamp(unit, zone) => {
            let (count, per_second) = match unit {
                TimeUnit::Second => (array.as_primitive::<TimestampSecondType>().value(at), 1),
                TimeUnit::Millisecond => (array.as_primitive::<TimestampMillisecondType>().value(at), 1_000),
                TimeUnit::Microsecond => {
                    (array.as_primitive::<TimestampMicrosecondType>().value(at), 1_000_000)
                }
                TimeUnit::Nanosecond => {
                    (array.as_primitive::<TimestampNanosecondType>().value(at), 1_000_000_000)
                }
            };
            moment(count, per_second, zone.as_deref())
        }
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            match integer(dictionary.keys(), at).and_then(|key| usize::try_from(key).ok()) {
                Some(key) => cell(dictionary.values(), key),
                None => Given::Keep,
            }
        }
        other => match integer(array, at) {
            Some(number) => match u64::try_from(number) {
                Ok(number) => Given::Value(Value::Number(number.into())),
                // Whatever is below zero came from a signed type of at most 64 bits.
                Err(_) => Given::Value(Value::Number((number as i64).into())),
            },
            None => {
                let message = format!(
                    "a value of Arrow's type {other} does not fit any field; convert the column first"
                );
                Given::Refused(IssueCode::WrongType, message)
            }
        },
    }
}

fn integer(array: &dyn Array, at: usize) -> Option<i128> {
    Some(match array.data_type() {
        DataType::Int8 => array.as_primitive::<Int8Type>().value(at).into(),
        DataType::Int16 => array.as_primitive::<Int16Type>().value(at).into(),
        DataType::Int32 => array.as_primitive::<Int32Type>().value(at).into(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(at).into(),
        DataType::UInt8 => array.as_primitive::<UInt8Type>().value(at).into(),
        DataType::UInt16 => array.as_primitive::<UInt16Type>().value(at).into(),
        DataType::UInt32 => array.as_primitive::<UInt32Type>().value(at).into(),
        DataType::UInt64 => array.as_primitive::<UInt64Type>().value(at).into(),
        _ => return None,
    })
}

fn text(text: &str) -> Given {
    Given::Value(Value::Text(text.to_owned().into()))
}

fn float(number: f64) -> Given {
    if number.is_nan() { Given::Keep } else { Given::Value(Value::Number(number.into())) }
}

fn digits(text: &str) -> Given {
    match text.parse::<Number>() {
        Ok(number) => Given::Value(Value::Number(number)),
        Err(issue) => Given::Refused(issue.code, issue.message),
    }
}

/// The day so many days after 1970-01-01.
fn day(days: i64) -> Given {
    const EPOCH: civil::Date = civil::date(1970, 1, 1);
    let day = Span::new().try_days(days).ok().and_then(|span| EPOCH.checked_add(span).ok());
    let day = day.and_then(|day| Date::new(day.year(), day.month() as u8, day.day() as u8));
    match day {
        Some(day) => Given::Value(Value::Date(day)),
        None => Given::Refused(
            IssueCode::NotADate,
            format!("the day {days} after 1970-01-01 is outside the years 1 to 9999"),
        ),
    }
}

/// A moment that stands for a day: midnight, without a zone.
fn moment(count: i64, per_second: i64, zone: Option<&str>) -> Given {
    let per_day = per_second * 86_400;
    if let Some(zone) = zone {
        let message = format!(
            "the column has the time zone {zone}, and a day has none; convert it to days in the zone that is meant"
        );
        return Given::Refused(IssueCode::NotADate, message);
    }
    if count.rem_euclid(per_day) != 0 {
        let message = "the moment has a time of day, and a day has none; convert the column to dates";
        return Given::Refused(IssueCode::NotADate, message.to_owned());
    }
    day(count.div_euclid(per_day))
}
