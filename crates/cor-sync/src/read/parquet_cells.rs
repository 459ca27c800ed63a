//! Values of a Parquet file: exact, or refused.

use cor_http::{FieldInput, IssueCode, Value};
use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::errors::Result;
use parquet::schema::types::ColumnDescriptor;

use crate::inputs::{day_input, digits_input, f32_input, f64_input, moment_input};
use crate::mapping::json_of;

/// Bytes of a decimal number; 154 digits.
const LONGEST_DECIMAL: usize = 64;
/// Digits are worked out nine at a time.
const GROUP: u64 = 1_000_000_000;

const NOT_TEXT: Cell =
    Cell::Unreadable("is not text in UTF-8; write the file with a text column (string) instead");

/// What the values of a column stand for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Text,
    Boolean,
    Integer {
        is_signed: bool,
    },
    Float,
    Decimal {
        scale: usize,
    },
    Date,
    Moment {
        per_second: i64,
        is_utc: bool,
    },
    Uuid,
    /// A column that is null in every row: a data frame writes it so, whatever it was to hold.
    Null,
}

/// A value that is not null.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    Text(String),
    /// Bytes that say nothing, and why.
    Unreadable(&'static str),
    Boolean(bool),
    Integer(i128),
    Float(f64),
    Single(f32),
    Decimal(String),
    /// Days after 1970-01-01.
    Day(i64),
    /// A timestamp, how many of its units a second has, and whether it is one of UTC.
    Moment(i64, i64, bool),
}

impl Kind {
    /// # Errors
    /// What is the matter with the column.
    pub(super) fn of(column: &ColumnDescriptor) -> std::result::Result<Kind, String> {
        let physical = column.physical_type();
        let bytes = matches!(physical, Type::BYTE_ARRAY | Type::FIXED_LEN_BYTE_ARRAY);
        let integer = matches!(physical, Type::INT32 | Type::INT64);
        let moment = |per_second, is_utc| Kind::Moment { per_second, is_utc };
        Ok(match (column.logical_type_ref(), column.converted_type()) {
            _ if column.max_rep_level() > 0 => return Err("holds lists".to_owned()),
            (Some(LogicalType::Decimal(_)), _) | (None, ConvertedType::DECIMAL) if bytes || integer => {
                Kind::Decimal { scale: usize::try_from(column.type_scale()).unwrap_or(0) }
            }
            (Some(LogicalType::Date), _) | (None, ConvertedType::DATE) if physical == Type::INT32 => {
                Kind::Date
            }
            (Some(LogicalType::Timestamp(time)), _) if physical == Type::INT64 => {
                let per_second = match time.unit {
                    TimeUnit::MILLIS => 1_000,
                    TimeUnit::MICROS => 1_000_000,
                    TimeUnit::NANOS => 1_000_000_000,
                };
                moment(per_second, time.is_adjusted_to_u_t_c)
            }
            // The old annotations are defined to be in UTC.
            (None, ConvertedType::TIMESTAMP_MILLIS) if physical == Type::INT64 => moment(1_000, true),
            (None, ConvertedType::TIMESTAMP_MICROS) if physical == Type::INT64 => moment(1_000_000, true),
            (Some(LogicalType::Integer(int)), _) if integer => Kind::Integer { is_signed: int.is_signed },
            (
                None,
                ConvertedType::UINT_8
                | ConvertedType::UINT_16
                | ConvertedType::UINT_32
                | ConvertedType::UINT_64,
            ) if integer => Kind::Integer { is_signed: false },
            (
                None,
                ConvertedType::NONE
                | ConvertedType::INT_8
                | ConvertedType::INT_16
                | ConvertedType::INT_32
                | ConvertedType::INT_64,
            ) if integer => Kind::Integer { is_signed: true },
            (Some(LogicalType::String | LogicalType::Enum | LogicalType::Json), _)
            | (None, ConvertedType::UTF8 | ConvertedType::ENUM | ConvertedType::JSON | ConvertedType::NONE)
                if physical == Type::BYTE_ARRAY =>
            {
                Kind::Text
            }
            (Some(LogicalType::Unknown), _) => Kind::Null,
            (Some(LogicalType::Uuid), _) if physical == Type::FIXED_LEN_BYTE_ARRAY => Kind::Uuid,
            (None, ConvertedType::NONE) if physical == Type::BOOLEAN => Kind::Boolean,
            (None, ConvertedType::NONE) if matches!(physical, Type::FLOAT | Type::DOUBLE) => Kind::Float,
            (None, _) if physical == Type::INT96 => {
                return Err(
                    "has the type INT96, a timestamp without a time zone; write the file with dates, or timestamps with a time zone, instead".to_owned()
                );
            }
            (Some(logical), _) => {
                let name = format!("{logical:?}");
                let name = name.split('(').next().unwrap_or_default().to_lowercase();
                return Err(format!(
                    "has the type {name}, which no field accepts; write the file with text, numbers, booleans, dates or timestamps instead"
                ));
            }
            (None, converted) => {
                return Err(format!(
                    "has the type {physical} ({converted}), which no field accepts; write the file with text, numbers, booleans, dates or timestamps instead"
                ));
            }
        })
    }

    fn of_integer(&self, number: i64, unsigned: u64) -> Cell {
        match self {
            Kind::Decimal { scale } => {
                Cell::Decimal(decimal(number < 0, &number.unsigned_abs().to_string(), *scale))
            }
            Kind::Date => Cell::Day(number),
            Kind::Moment { per_second, is_utc } => Cell::Moment(number, *per_second, *is_utc),
            Kind::Integer { is_signed: false } => Cell::Integer(unsigned.into()),
            _ => Cell::Integer(number.into()),
        }
    }

    fn of_bytes(&self, bytes: &[u8]) -> Cell {
        match self {
            Kind::Decimal { .. } if bytes.len() > LONGEST_DECIMAL => Cell::Unreadable(
                "is a decimal number of more than 64 bytes; write the file with a text column (string) instead",
            ),
            Kind::Decimal { scale } => {
                let (is_negative, digits) = integer(bytes);
                Cell::Decimal(decimal(is_negative, &digits, *scale))
            }
            Kind::Uuid => {
                let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                let parts =
                    [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| hex.get(part).unwrap_or_default());
                Cell::Text(parts.join("-"))
            }
            _ => std::str::from_utf8(bytes).map_or(NOT_TEXT, |text| Cell::Text(text.to_owned())),
        }
    }
}

/// Reads up to `wanted` values of a column that holds neither lists nor objects.
pub(super) fn read(
    reader: &mut ColumnReader,
    kind: &Kind,
    wanted: usize,
    cells: &mut Vec<Option<Cell>>,
) -> Result<()> {
    match reader {
        ColumnReader::BoolColumnReader(reader) => typed(reader, wanted, cells, |yes| Cell::Boolean(*yes)),
        ColumnReader::Int32ColumnReader(reader) => {
            typed(reader, wanted, cells, |n| kind.of_integer((*n).into(), u64::from(n.cast_unsigned())))
        }
        ColumnReader::Int64ColumnReader(reader) => {
            typed(reader, wanted, cells, |n| kind.of_integer(*n, n.cast_unsigned()))
        }
        ColumnReader::FloatColumnReader(reader) => typed(reader, wanted, cells, |n| Cell::Single(*n)),
        ColumnReader::DoubleColumnReader(reader) => typed(reader, wanted, cells, |n| Cell::Float(*n)),
        ColumnReader::ByteArrayColumnReader(reader) => {
            typed(reader, wanted, cells, |bytes| kind.of_bytes(bytes.data()))
        }
        ColumnReader::FixedLenByteArrayColumnReader(reader) => {
            typed(reader, wanted, cells, |bytes| kind.of_bytes(bytes.data()))
        }
        // Refused when the file was opened.
        ColumnReader::Int96ColumnReader(reader) => typed(reader, wanted, cells, |_| NOT_TEXT),
    }
}

fn typed<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    wanted: usize,
    cells: &mut Vec<Option<Cell>>,
    cell: impl Fn(&T::T) -> Cell,
) -> Result<()> {
    let (mut levels, mut values) = (Vec::new(), Vec::new());
    let (records, ..) = reader.read_records(wanted, Some(&mut levels), None, &mut values)?;
    if levels.is_empty() {
        // A required column has no levels: every value is there.
        cells.extend(values.iter().map(|value| Some(cell(value))));
    } else {
        let mut values = values.iter();
        cells.extend(levels.iter().take(records).map(|level| match level {
            0 => None,
            _ => values.next().map(&cell),
        }));
    }
    Ok(())
}

/// A number in two's complement, big end first: whether it is negative, and its digits.
fn integer(bytes: &[u8]) -> (bool, String) {
    let is_negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    let mut rest = bytes.to_vec();
    if is_negative {
        // Its opposite: one more than what the inverted bits say.
        let mut carry = true;
        for byte in rest.iter_mut().rev() {
            let (sum, overflow) = (!*byte).overflowing_add(u8::from(carry));
            (*byte, carry) = (sum, overflow);
        }
    }
    let mut groups = Vec::new();
    while rest.iter().any(|byte| *byte != 0) {
        let mut remainder = 0;
        for byte in &mut rest {
            let part: u64 = remainder << 8 | u64::from(*byte);
            // A remainder is below the divisor, so the quotient fits.
            (*byte, remainder) = ((part / GROUP) as u8, part % GROUP);
        }
        groups.push(remainder);
    }
    let mut digits = groups.pop().unwrap_or(0).to_string();
    for group in groups.iter().rev() {
        digits += &format!("{group:09}");
    }
    (is_negative, digits)
}

/// All digits of a number that counts units of a decimal place.
fn decimal(is_negative: bool, digits: &str, scale: usize) -> String {
    let digits = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let sign = if is_negative { "-" } else { "" };
    if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

impl Cell {
    /// How many bytes of text it holds.
    pub(super) fn length(&self) -> usize {
        if let Cell::Text(text) = self { text.len() } else { 0 }
    }

    /// What it says of a field.
    pub(super) fn input(&self) -> FieldInput {
        match self {
            Cell::Text(text) => FieldInput::Value(Value::Text(text.clone().into())),
            Cell::Unreadable(why) => FieldInput::Refused(IssueCode::WrongType, (*why).to_owned()),
            Cell::Boolean(yes) => FieldInput::Value(Value::Boolean(*yes)),
            Cell::Integer(number) => digits_input(&number.to_string()),
            Cell::Float(number) => f64_input(*number),
            Cell::Single(number) => f32_input(*number),
            Cell::Decimal(digits) => digits_input(digits),
            Cell::Day(days) => day_input(*days),
            Cell::Moment(count, per_second, is_utc) => moment_input(*count, *per_second, *is_utc),
        }
    }

    /// The value as JSON, to be corrected by hand. An integer that is a key is text, as it has to be in JSON.
    pub(super) fn json(&self, is_key: bool) -> String {
        let text = |text: &str| serde_json::Value::from(text).to_string();
        match (self, self.input()) {
            (Cell::Integer(number), _) if is_key => text(&number.to_string()),
            (_, FieldInput::Value(value)) => json_of(&value),
            (_, FieldInput::Keep) => "null".to_owned(),
            (_, FieldInput::Refused(_, message)) => text(&message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_keep_every_digit() {
        let read = |bytes: &[u8], scale| match (Kind::Decimal { scale }).of_bytes(bytes) {
            Cell::Decimal(text) => text,
            other => panic!("{other:?}"),
        };
        for (number, scale, text) in [
            (1_800_010, 2, "18000.10"),
            (-5, 2, "-0.05"),
            (0, 3, "0.000"),
            (7, 0, "7"),
            (-1_000_000_000, 0, "-1000000000"),
            (i128::MAX, 38, "1.70141183460469231731687303715884105727"),
            (i128::MIN, 0, "-170141183460469231731687303715884105728"),
        ] {
            assert_eq!(read(&number.to_be_bytes(), scale), text);
            let wide = [vec![if number < 0 { 0xFF } else { 0 }; 16], number.to_be_bytes().to_vec()].concat();
            assert_eq!(read(&wide, scale), text);
        }
        for (bytes, text) in [(&[0xFF][..], "-1"), (&[1, 0], "256"), (&[0x80, 0], "-32768"), (&[], "0")] {
            assert_eq!(read(bytes, 0), text);
        }
        let ten_to_the_60 = "9f4f2726179a224501d762422c946590d91000000000000000";
        let bytes: Vec<u8> =
            (0..25).map(|n| u8::from_str_radix(&ten_to_the_60[2 * n..2 * n + 2], 16).unwrap()).collect();
        assert_eq!(read(&[&[0][..], &bytes].concat(), 60), format!("1.{}", "0".repeat(60)));
        assert!(matches!((Kind::Decimal { scale: 0 }).of_bytes(&[1; 65]), Cell::Unreadable(_)));
    }
}
