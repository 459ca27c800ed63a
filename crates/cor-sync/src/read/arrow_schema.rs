//! The Arrow schema that pandas, Polars and others leave in a Parquet file. It says what Parquet has no type for: to
//! Parquet a span of time is an integer.
//!
//! Read here as far as names and types go; the layout is that of FlatBuffers, in Arrow's `Message.fbs` and `Schema.fbs`.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

/// The key under which a Parquet file holds it.
pub(super) const KEY: &str = "ARROW:schema";
/// `Type.Duration` in `Schema.fbs`.
const DURATION: u8 = 18;

/// The columns that hold spans of time; none where the schema cannot be read.
pub(super) fn spans(encoded: &str) -> Vec<String> {
    let bytes = BASE64_STANDARD.decode(encoded).unwrap_or_default();
    read(&bytes).unwrap_or_default()
}

fn read(bytes: &[u8]) -> Option<Vec<String>> {
    // The length of the message is in front, since Arrow 0.15 behind a mark.
    let start = if bytes.starts_with(&[0xFF; 4]) { 8 } else { 4 };
    let bytes = bytes.get(start..)?;
    let message = Table::at(bytes, 0)?;
    let schema = Table::at(bytes, message.member(2)?)?;
    let fields = indirect(bytes, schema.member(1)?)?;
    let count = usize::try_from(u32_at(bytes, fields)?).ok()?.min(bytes.len() / 4);
    let mut spans = Vec::new();
    for n in 0..count {
        let field = Table::at(bytes, fields + 4 + 4 * n)?;
        let is_span = field.member(2).and_then(|at| bytes.get(at)) == Some(&DURATION);
        if let (true, Some(name)) = (is_span, field.member(0)) {
            let name = indirect(bytes, name)?;
            let length = usize::try_from(u32_at(bytes, name)?).ok()?;
            let text = bytes.get(name + 4..)?.get(..length)?;
            spans.push(std::str::from_utf8(text).ok()?.to_owned());
        }
    }
    Some(spans)
}

/// An object whose members are found by their number.
struct Table<'a> {
    bytes: &'a [u8],
    start: usize,
    /// Where its list of members is, and how long.
    list: usize,
    length: usize,
}

impl Table<'_> {
    /// The one that this place points to.
    fn at(bytes: &[u8], place: usize) -> Option<Table<'_>> {
        let start = indirect(bytes, place)?;
        let list = i64::try_from(start).ok()? - i64::from(u32_at(bytes, start)?.cast_signed());
        let list = usize::try_from(list).ok()?;
        Some(Table { bytes, start, list, length: u16_at(bytes, list)?.into() })
    }

    fn member(&self, number: usize) -> Option<usize> {
        let entry = 4 + 2 * number;
        if entry + 2 > self.length {
            return None;
        }
        let offset = u16_at(self.bytes, self.list + entry)?;
        (offset != 0).then(|| self.start + usize::from(offset))
    }
}

fn indirect(bytes: &[u8], place: usize) -> Option<usize> {
    place.checked_add(usize::try_from(u32_at(bytes, place)?).ok()?)
}

fn u32_at(bytes: &[u8], place: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(place..)?.first_chunk().copied()?))
}

fn u16_at(bytes: &[u8], place: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(place..)?.first_chunk().copied()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// By pyarrow 26: id string, estimated_time duration[us], estimated int64.
    const SCHEMA: &str = "//////AAAAAQAAAAAAAKAAwABgAFAAgACgAAAAABBAAMAAAACAAIAAAABAAIAAAABAAAAAMAAACUAAAARAAAAAQAAACI////AAABAhAAAAAkAAAABAAAAAAAAAAJAAAAZXN0aW1hdGVkAAAACAAMAAgABwAIAAAAAAAAAUAAAADE////AAABEhAAAAAoAAAABAAAAAAAAAAOAAAAZXN0aW1hdGVkX3RpbWUAAAAABgAIAAYABgAAAAAAAgAQABQACAAGAAcADAAAABAAEAAAAAAAAQUQAAAAGAAAAAQAAAAAAAAAAgAAAGlkAAAEAAQABAAAAAAAAAA=";

    #[test]
    fn spans_of_time_are_found() {
        assert_eq!(spans(SCHEMA), ["estimated_time"]);
        for encoded in ["", "no base64", "AAAA", "//////////8AAAAA"] {
            assert_eq!(spans(encoded), [""; 0], "{encoded}");
        }
    }

    proptest! {
        /// Whatever is in there, it ends, and finds at most what was there.
        #[test]
        fn damaged_schemas_are_read_without_panic(cut in 0usize..400, place in 0usize..400, byte: u8) {
            let mut bytes = BASE64_STANDARD.decode(SCHEMA).unwrap();
            bytes.truncate(bytes.len().saturating_sub(cut));
            if let Some(there) = bytes.get_mut(place) {
                *there = byte;
            }
            prop_assert!(read(&bytes).unwrap_or_default().len() <= 3);
        }
    }
}
