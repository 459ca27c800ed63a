//! Python values as the core's values. No value is converted with loss: an invalid value is refused with a remedy.
//!
//! numpy and pandas are recognised by the names of their types, so neither is imported nor needed.

use std::ops::Range;

use cor_core::{Date, FieldInput, IncomeType, IssueCode, Number, TextInput, Value};
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyDate, PyDateTime, PyFloat, PyInt, PyString, PyType};

use crate::values::Clear;

/// How Python writes a number whose digits count.
const DECIMAL: &str = ", or Decimal(\"18000.10\") for exact digits";
/// Text and nothing else.
pub(crate) const TEXTS: TextInput = TextInput::Typed { number: DECIMAL, advice: "" };
/// Text, of a caller that could have said that its texts are cells.
pub(crate) const PERHAPS_CELLS: TextInput = TextInput::Typed {
    number: DECIMAL,
    advice: "; where all values are text, as in a CSV file, pass text_cells=True",
};

/// What a Python value asks of a field.
///
/// # Errors
/// Only what must end the call, such as Ctrl-C; whatever is wrong with the value itself is [`FieldInput::Refused`].
pub(crate) fn read(value: &Bound<'_, PyAny>) -> PyResult<FieldInput> {
    if value.is_none() {
        return Ok(FieldInput::Keep);
    }
    // Exact types first: a pointer comparison each, in the order of their frequency.
    if let Ok(text) = value.cast_exact::<PyString>() {
        return Ok(read_text(text));
    }
    if let Ok(number) = value.cast_exact::<PyFloat>() {
        return Ok(read_float(number.value()));
    }
    if let Ok(number) = value.cast_exact::<PyInt>() {
        return read_int(number).or_else(|error| explained(value, error));
    }
    if let Ok(yes) = value.cast_exact::<PyBool>() {
        return Ok(FieldInput::Value(Value::Boolean(yes.is_true())));
    }
    if value.cast_exact::<Clear>().is_ok() {
        return Ok(FieldInput::Value(Value::Clear));
    }
    read_other(value).or_else(|error| explained(value, error))
}

/// An error raised by a value's own code is a problem of the value; one that is no `Exception` ends the call.
fn explained(value: &Bound<'_, PyAny>, error: PyErr) -> PyResult<FieldInput> {
    let py = value.py();
    if !error.is_instance_of::<PyException>(py) {
        return Err(error);
    }
    let message = format!("a value of type {} could not be read: {}", type_name(value), error.value(py));
    Ok(FieldInput::Refused(IssueCode::WrongType, message))
}

pub(crate) fn read_text(text: &Bound<'_, PyString>) -> FieldInput {
    match text.to_cow() {
        Ok(text) => FieldInput::Value(Value::Text(text.into_owned().into())),
        Err(_) => {
            let message = format!(
                "{} contains an unpaired surrogate, which is not valid Unicode; decode the input with the right \
                 encoding",
                shown(text)
            );
            FieldInput::Refused(IssueCode::NotAllowed, message)
        }
    }
}

fn read_float(number: f64) -> FieldInput {
    // NaN is how tables of floats say that there is nothing.
    if number.is_nan() { FieldInput::Keep } else { FieldInput::Value(Value::Number(number.into())) }
}

fn read_int(number: &Bound<'_, PyAny>) -> PyResult<FieldInput> {
    if let Ok(number) = number.extract::<i64>() {
        return Ok(FieldInput::Value(Value::Number(number.into())));
    }
    // int's own digits, whatever a subclass prints itself as.
    let digits = number.py().get_type::<PyInt>().call_method1("__repr__", (number,))?;
    Ok(read_digits(&digits.extract::<String>()?))
}

fn read_digits(digits: &str) -> FieldInput {
    match digits.parse::<Number>() {
        Ok(number) => FieldInput::Value(Value::Number(number)),
        Err(issue) => FieldInput::Refused(issue.code, issue.message),
    }
}

fn read_other(value: &Bound<'_, PyAny>) -> PyResult<FieldInput> {
    let class = value.get_type();
    let module = class.module()?;
    let module = module.to_cow()?;
    let library = module.split('.').next().unwrap_or_default();
    let name = class.name()?;
    let name = name.to_cow()?;
    match (library, &*name) {
        ("pandas", "NaTType" | "NAType") => return Ok(FieldInput::Keep),
        ("decimal" | "_decimal" | "_pydecimal", "Decimal") => return read_decimal(value),
        ("numpy", _) if value.hasattr("item")? && !value.is_instance_of::<PyString>() => {
            if value.getattr("ndim")?.is_truthy()? {
                // One of a single element too: a field is no array.
                return Ok(refused(value));
            }
            // A masked value holds nothing; its number is arbitrary.
            if let Some(mask) = value.getattr_opt("mask")?
                && mask.is_truthy()?
            {
                return Ok(FieldInput::Keep);
            }
            // In an array without dimensions too.
            let dtype = value.getattr("dtype")?;
            let kind = dtype.getattr("kind")?;
            if kind.eq("M")? {
                return read_datetime64(value);
            }
            let item = value.call_method0("item")?;
            if kind.eq("f")? && dtype.getattr("itemsize")?.eq(4)? {
                // Its own digits: those of the double say 18000.099609375 for 18000.1.
                return Ok(cor_sync::f32_input(item.extract::<f64>()? as f32));
            }
            // Some of numpy's own have nothing to become, or become a list.
            return if item.get_type().is(&class) { Ok(refused(value)) } else { read(&item) };
        }
        _ => {}
    }
    if value.is_instance_of::<PyString>() {
        return read_named_text(value);
    }
    if value.is_instance_of::<PyInt>() {
        return read_int(value);
    }
    if let Ok(number) = value.cast::<PyFloat>() {
        return Ok(read_float(number.value()));
    }
    if value.is_instance_of::<PyDateTime>() {
        return read_datetime(value);
    }
    if value.is_instance_of::<PyDate>() {
        return read_date(value);
    }
    if value.is_instance(decimal_class(value.py())?)? {
        return read_decimal(value);
    }
    Ok(refused(value))
}

/// Text of a class of its own: an enum's member, numpy's text, an income type that is passed on whatever it is.
fn read_named_text(value: &Bound<'_, PyAny>) -> PyResult<FieldInput> {
    static INCOME_TYPE: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let text = value.cast::<PyString>()?;
    if value.is_instance(INCOME_TYPE.import(value.py(), "projectcor._update", "IncomeType")?)? {
        let name = text.to_cow()?;
        let kind = IncomeType::known(&name).unwrap_or_else(|| IncomeType::Other(name.into_owned()));
        return Ok(FieldInput::Value(Value::IncomeType(kind)));
    }
    Ok(read_text(text))
}

fn decimal_class(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static DECIMAL_TYPE: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    DECIMAL_TYPE.import(py, "decimal", "Decimal")
}

fn read_decimal(value: &Bound<'_, PyAny>) -> PyResult<FieldInput> {
    if value.call_method0("is_finite")?.is_truthy()? {
        // Decimal's own digits, whatever a subclass prints itself as.
        let digits = decimal_class(value.py())?.call_method1("__str__", (value,))?;
        return Ok(read_digits(&digits.extract::<String>()?));
    }
    if value.call_method0("is_nan")?.is_truthy()? {
        return Ok(FieldInput::Keep);
    }
    let message = format!(
        "{} is not finite; pass a finite number, or leave the field out to keep its value",
        shown(value)
    );
    Ok(FieldInput::Refused(IssueCode::NotFinite, message))
}

/// numpy's moments go beyond those of Python, both in years and in precision, and may be whole weeks, months or years.
fn read_datetime64(value: &Bound<'_, PyAny>) -> PyResult<FieldInput> {
    // NaT, whatever its unit.
    if value.ne(value)? {
        return Ok(FieldInput::Keep);
    }
    let refused = |why| Ok(FieldInput::Refused(IssueCode::NotADate, format!("{} {why}", shown(value))));
    // Such as `<M8[us]`; `<M8[7D]` counts in sevens of days.
    let kind: String = value.getattr("dtype")?.getattr("str")?.extract()?;
    let counted_in = kind.split(['[', ']']).nth(1).unwrap_or_default();
    let unit = counted_in.trim_start_matches(|c: char| c.is_ascii_digit());
    let multiple: i128 = counted_in.trim_end_matches(unit).parse().unwrap_or(1);
    let (seconds, parts) = match unit {
        "D" if multiple == 1 => (86_400, 1),
        "h" => (3_600, 1),
        "m" => (60, 1),
        "s" => (1, 1),
        "ms" => (1, 1_000),
        "us" => (1, 1_000_000),
        "ns" => (1, 1_000_000_000),
        "ps" => (1, 10_i128.pow(12)),
        "fs" => (1, 10_i128.pow(15)),
        "as" => (1, 10_i128.pow(18)),
        _ => return refused("spans more than a day; pass the day that counts, such as 2025-04-30"),
    };
    // numpy's own conversions overflow silently.
    let count: i64 = value.call_method1("astype", ("int64",))?.call_method0("item")?.extract()?;
    if !YEARS_1_TO_9999.contains(&(i128::from(count) * multiple * seconds).div_euclid(parts)) {
        return refused("is outside the years 1 to 9999");
    }
    let rounded = value.call_method1("astype", ("datetime64[us]",))?;
    if rounded.ne(value)? {
        return moment(value.str()?.as_any());
    }
    read(&rounded.call_method0("item")?)
}

/// In seconds after 1970-01-01.
const YEARS_1_TO_9999: Range<i128> = -62_135_596_800..253_402_300_800;

/// A timestamp as ISO 8601 writes it.
fn moment(text: &Bound<'_, PyAny>) -> PyResult<FieldInput> {
    Ok(FieldInput::Value(Value::Moment(text.extract::<String>()?.into())))
}

fn read_date(value: &Bound<'_, PyAny>) -> PyResult<FieldInput> {
    let part = |name| value.getattr(name);
    let day = Date::new(part("year")?.extract()?, part("month")?.extract()?, part("day")?.extract()?);
    Ok(match day {
        Some(day) => FieldInput::Value(Value::Date(day)),
        None => refused(value),
    })
}

/// Midnight without a zone stands for its day; a day's field checks any other timestamp.
fn read_datetime(value: &Bound<'_, PyAny>) -> PyResult<FieldInput> {
    let mut is_day = value.getattr("tzinfo")?.is_none();
    for part in ["hour", "minute", "second", "microsecond"] {
        is_day &= !value.getattr(part)?.is_truthy()?;
    }
    // pandas counts further.
    if let Some(nanosecond) = value.getattr_opt("nanosecond")? {
        is_day &= !nanosecond.is_truthy()?;
    }
    if is_day { read_date(value) } else { moment(&value.call_method0("isoformat")?) }
}

fn refused(value: &Bound<'_, PyAny>) -> FieldInput {
    let message = format!(
        "{} of type {} cannot be the value of a field; pass text, a number, a date, True or False",
        shown(value),
        type_name(value)
    );
    FieldInput::Refused(IssueCode::WrongType, message)
}

/// The name of a value's type, as Python people write it.
pub(crate) fn type_name(value: &Bound<'_, PyAny>) -> String {
    let class = value.get_type();
    class.fully_qualified_name().map_or_else(|_| "?".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// A value as messages quote it: short, and on one line.
pub(crate) fn shown(value: &Bound<'_, PyAny>) -> String {
    const MOST: usize = 60;
    let text = match value.repr() {
        Ok(text) => text.to_string_lossy().into_owned(),
        Err(_) => return "a value".to_owned(),
    };
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match line.char_indices().nth(MOST) {
        Some((cut, _)) => format!("{}…", &line[..cut]),
        None => line,
    }
}
