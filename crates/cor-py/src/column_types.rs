//! The types of columns, by the names that Arrow and Spark have for them.

use arrow_schema::DataType;
use cor_sync::ColumnType;

/// The type of a column of Arrow's.
pub(crate) fn of_arrow(kind: &DataType) -> ColumnType {
    match kind {
        DataType::Null => ColumnType::Null,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => ColumnType::Text,
        DataType::Boolean => ColumnType::Boolean,
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => ColumnType::Integer,
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64 => ColumnType::Integer,
        DataType::Decimal32(_, scale)
        | DataType::Decimal64(_, scale)
        | DataType::Decimal128(_, scale)
        | DataType::Decimal256(_, scale) => ColumnType::Decimal { scale: i32::from(*scale) },
        DataType::Float64 => ColumnType::Double,
        DataType::Float32 => ColumnType::Float,
        DataType::Date32 | DataType::Date64 => ColumnType::Date,
        DataType::Timestamp(_, None) => ColumnType::Timestamp,
        DataType::Timestamp(_, Some(_)) => ColumnType::ZonedTimestamp,
        DataType::Dictionary(_, values) => of_arrow(values),
        other => ColumnType::Other(other.to_string()),
    }
}

/// The type of a column of Spark's, by its name in SQL, such as `decimal(10,2)`.
pub(crate) fn of_spark(name: &str) -> ColumnType {
    match name.split(['(', ' ']).next().unwrap_or_default() {
        "void" => ColumnType::Null,
        "string" | "char" | "varchar" => ColumnType::Text,
        "boolean" => ColumnType::Boolean,
        "tinyint" | "smallint" | "int" | "bigint" => ColumnType::Integer,
        "decimal" => {
            let scale =
                name.trim_end_matches(')').rsplit_once(',').and_then(|(_, scale)| scale.trim().parse().ok());
            ColumnType::Decimal { scale: scale.unwrap_or(0) }
        }
        "double" => ColumnType::Double,
        "float" => ColumnType::Float,
        "date" => ColumnType::Date,
        "timestamp_ntz" => ColumnType::Timestamp,
        // A point in time, which Spark shows in the time zone of the session.
        "timestamp" => ColumnType::ZonedTimestamp,
        _ => ColumnType::Other(name.to_owned()),
    }
}
