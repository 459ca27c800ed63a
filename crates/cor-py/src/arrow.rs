//! Values out of Arrow's record batches: anything with `__arrow_c_stream__`, whichever library made it.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, Float32Type,
    Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{
    Array, ArrayRef, BooleanArray, LargeStringArray, PrimitiveArray, RecordBatch, RecordBatchReader,
    StringArray, StringViewArray,
};
use arrow_schema::{ArrowError, DataType, FieldRef, TimeUnit};
use cor_core::{FieldInput, IssueCode, Value};
use cor_sync::{ColumnType, day_input, digits_input, f32_input, f64_input, moment_input, zoned_moment_input};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3_arrow::PyRecordBatchReader;

use crate::column_types;

/// A stream of batches, read one row after the other.
pub(crate) struct Batches {
    /// Always there, but for the last moment.
    stream: Option<Box<dyn RecordBatchReader + Send>>,
    /// The names of its columns, and their types.
    header: Vec<(String, ColumnType)>,
    /// Whether moments are written as Python writes them.
    is_of_python: bool,
    /// The columns of the batch that is read.
    columns: Vec<Cells>,
    rows: usize,
    /// The place of the row after the one that is read.
    next: usize,
}

impl Batches {
    /// `is_of_python` says that moments are to be written as Python writes them.
    pub(crate) fn open(stream: &Bound<'_, PyAny>, is_of_python: bool) -> PyResult<Batches> {
        let stream = stream.extract::<PyRecordBatchReader>()?.into_reader()?;
        let of_field = |field: &FieldRef| (field.name().clone(), column_types::of_arrow(field.data_type()));
        let header = stream.schema().fields().iter().map(of_field).collect();
        Ok(Batches { stream: Some(stream), header, is_of_python, columns: Vec::new(), rows: 0, next: 0 })
    }

    /// The names of the columns, and their types.
    pub(crate) fn header(&self) -> &[(String, ColumnType)] {
        &self.header
    }

    /// Goes on to the next row; `false` at the end of the stream. The interpreter is released while a batch is made: its
    /// makers may need it in threads of their own.
    pub(crate) fn advance(&mut self, py: Python<'_>) -> PyResult<bool> {
        while self.next == self.rows {
            let Some(batch) = py.detach(|| self.stream.as_mut().and_then(Iterator::next)) else {
                return Ok(false);
            };
            let failed = |error: ArrowError| {
                PyValueError::new_err(format!(
                    "the table could not be read: {}",
                    without_stack(&error.to_string())
                ))
            };
            let batch: RecordBatch = batch.map_err(failed)?;
            self.columns =
                batch.columns().iter().map(|column| Cells::new(column, self.is_of_python)).collect();
            (self.rows, self.next) = (batch.num_rows(), 0);
        }
        self.next += 1;
        Ok(true)
    }

    /// What the column at this place says in the row.
    pub(crate) fn value(&self, column: usize) -> FieldInput {
        self.columns.get(column).map_or(FieldInput::Keep, |cells| cells.value(self.next - 1))
    }
}

impl Drop for Batches {
    fn drop(&mut self) {
        // Its makers may be waited for here, and need the interpreter meanwhile.
        let (stream, columns) = (self.stream.take(), std::mem::take(&mut self.columns));
        Python::try_attach(|py| py.detach(|| drop((columns, stream))));
    }
}

/// A column of a batch. What most cells are is looked up once for the batch, not for each cell.
enum Cells {
    Text(StringArray),
    LargeText(LargeStringArray),
    TextView(StringViewArray),
    Float(PrimitiveArray<Float64Type>),
    Integer(PrimitiveArray<Int64Type>),
    Boolean(BooleanArray),
    Moment(ArrayRef),
    Other(ArrayRef),
}

impl Cells {
    fn new(array: &ArrayRef, is_of_python: bool) -> Cells {
        match array.data_type() {
            DataType::Utf8 => Cells::Text(array.as_string().clone()),
            DataType::LargeUtf8 => Cells::LargeText(array.as_string().clone()),
            DataType::Utf8View => Cells::TextView(array.as_string_view().clone()),
            DataType::Float64 => Cells::Float(array.as_primitive().clone()),
            DataType::Int64 => Cells::Integer(array.as_primitive().clone()),
            DataType::Boolean => Cells::Boolean(array.as_boolean().clone()),
            DataType::Timestamp(_, None) if is_of_python => Cells::Moment(array.clone()),
            _ => Cells::Other(array.clone()),
        }
    }

    fn value(&self, at: usize) -> FieldInput {
        match self {
            Cells::Text(array) => present(array, at, |array| text(array.value(at))),
            Cells::LargeText(array) => present(array, at, |array| text(array.value(at))),
            Cells::TextView(array) => present(array, at, |array| text(array.value(at))),
            Cells::Float(array) => present(array, at, |array| f64_input(array.value(at))),
            Cells::Integer(array) => present(array, at, |array| signed(array.value(at))),
            Cells::Boolean(array) => present(array, at, |array| boolean(array.value(at))),
            Cells::Moment(array) => python_moment(cell(array, at)),
            Cells::Other(array) => cell(array, at),
        }
    }
}

/// The text of an error without the stacks of a JVM, which run to hundreds of lines around one reason.
fn without_stack(text: &str) -> String {
    let is_frame =
        |line: &&str| line.trim().is_empty() || line.starts_with([' ', '\t']) || *line == "JVM stacktrace:";
    let mut lines: Vec<&str> = text.lines().filter(|line| !is_frame(line)).collect();
    lines.dedup();
    // The first says what was attempted, and the last ones hold the cause.
    if lines.len() > 6 {
        lines.drain(1..lines.len() - 5);
    }
    lines.join("; ")
}

/// The value of a cell that is not null.
fn present<A: Array>(array: &A, at: usize, value: impl FnOnce(&A) -> FieldInput) -> FieldInput {
    if array.is_null(at) { FieldInput::Keep } else { value(array) }
}
/// Python writes the fraction of a second with 6 or 9 digits.
fn python_moment(input: FieldInput) -> FieldInput {
    let FieldInput::Value(Value::Moment(text)) = input else { return input };
    let digits = text.rsplit_once('.').map_or(0, |(_, digits)| digits.len());
    let zeros = if digits == 0 { 0 } else { digits.div_ceil(3).max(2) * 3 - digits };
    FieldInput::Value(Value::Moment((text.into_owned() + &"0".repeat(zeros)).into()))
}

/// The value of a cell of a type that is rare.
fn cell(array: &dyn Array, at: usize) -> FieldInput {
    if array.is_null(at) {
        return FieldInput::Keep;
    }
    match array.data_type() {
        DataType::Null => FieldInput::Keep,
        DataType::Utf8 => text(array.as_string::<i32>().value(at)),
        DataType::LargeUtf8 => text(array.as_string::<i64>().value(at)),
        DataType::Utf8View => text(array.as_string_view().value(at)),
        DataType::Boolean => boolean(array.as_boolean().value(at)),
        DataType::Float32 => f32_input(array.as_primitive::<Float32Type>().value(at)),
        DataType::Float64 => f64_input(array.as_primitive::<Float64Type>().value(at)),
        DataType::Decimal32(..) => digits_input(&array.as_primitive::<Decimal32Type>().value_as_string(at)),
        DataType::Decimal64(..) => digits_input(&array.as_primitive::<Decimal64Type>().value_as_string(at)),
        DataType::Decimal128(..) => digits_input(&array.as_primitive::<Decimal128Type>().value_as_string(at)),
        DataType::Decimal256(..) => digits_input(&array.as_primitive::<Decimal256Type>().value_as_string(at)),
        DataType::Date32 => day_input(array.as_primitive::<Date32Type>().value(at).into()),
        DataType::Date64 => moment_input(array.as_primitive::<Date64Type>().value(at), 1_000, false),
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
            match zone {
                Some(zone) => zoned_moment_input(count, per_second, zone),
                None => moment_input(count, per_second, false),
            }
        }
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            match integer(dictionary.keys(), at).and_then(|key| usize::try_from(key).ok()) {
                Some(key) => cell(dictionary.values(), key),
                None => FieldInput::Keep,
            }
        }
        other => match integer(array, at) {
            Some(number) => match u64::try_from(number) {
                Ok(number) => FieldInput::Value(Value::Number(number.into())),
                // Whatever is below zero came from a signed type of at most 64 bits.
                Err(_) => signed(number as i64),
            },
            None => {
                let message = format!(
                    "a value of Arrow's type {other} cannot be the value of a field; before the call, cast the column to text, numbers, booleans, dates or timestamps"
                );
                FieldInput::Refused(IssueCode::WrongType, message)
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

fn text(text: &str) -> FieldInput {
    FieldInput::Value(Value::Text(text.to_owned().into()))
}

fn signed(number: i64) -> FieldInput {
    FieldInput::Value(Value::Number(number.into()))
}

fn boolean(yes: bool) -> FieldInput {
    FieldInput::Value(Value::Boolean(yes))
}
