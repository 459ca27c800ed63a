//! The bytes of a row as they were written, beside a parser that gives them in pieces.

use std::io::{self, Read};

/// A row longer than this is no row: most likely a quotation mark is missing somewhere.
pub(crate) const LONGEST_ROW: usize = 16 << 20;

/// Passes bytes on and keeps those of the current row, so that it can be copied as it was written.
pub(crate) struct RawRowReader<R> {
    inner: R,
    kept: Vec<u8>,
    /// How many of the kept bytes are done with.
    done: usize,
    /// How many of the kept bytes are still to be passed on: a part at their end.
    again: usize,
    /// Bytes passed on.
    read: u64,
    overflowed: bool,
}

impl<R: Read> RawRowReader<R> {
    pub(crate) fn new(inner: R) -> Self {
        RawRowReader::after(Vec::new(), inner)
    }

    /// Passes these bytes on before those of `inner`.
    pub(crate) fn after(bytes: Vec<u8>, inner: R) -> Self {
        RawRowReader { again: bytes.len(), kept: bytes, inner, done: 0, read: 0, overflowed: false }
    }

    /// Bytes passed on so far, whether they were asked for or are still in a buffer.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.read
    }

    /// Whether reading failed because the row is too long.
    pub(crate) fn overflowed(&self) -> bool {
        self.overflowed
    }

    /// The first byte after the last cut, as far as it was read.
    pub(crate) fn next_byte(&self) -> Option<u8> {
        self.kept.get(self.done).copied()
    }

    /// The bytes from the last cut up to `position`, counted from the start.
    pub(crate) fn cut(&mut self, position: u64) -> &[u8] {
        let rest = usize::try_from(self.read - position).unwrap_or(0) + self.again;
        let from = self.done;
        self.done = self.kept.len() - rest;
        &self.kept[from..self.done]
    }

    /// The bytes after the last cut, and where more come from.
    pub(crate) fn into_parts(mut self) -> (Vec<u8>, R) {
        self.kept.drain(..self.done);
        (self.kept, self.inner)
    }
}

impl<R: Read> Read for RawRowReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // Only here do bytes move, once per buffer and not once per row.
        self.kept.drain(..self.done);
        self.done = 0;
        let n = if self.again > 0 {
            let n = self.again.min(buffer.len());
            let from = self.kept.len() - self.again;
            buffer[..n].copy_from_slice(&self.kept[from..from + n]);
            self.again -= n;
            n
        } else if self.kept.len() > LONGEST_ROW {
            self.overflowed = true;
            return Err(io::Error::new(io::ErrorKind::InvalidData, too_long()));
        } else {
            let n = self.inner.read(buffer)?;
            self.kept.extend_from_slice(&buffer[..n]);
            n
        };
        self.read += n as u64;
        Ok(n)
    }
}

pub(crate) fn too_long() -> String {
    format!("the row is longer than {} MiB", LONGEST_ROW >> 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_raw_rows_out_of_input_bytes() {
        for mut keeping in [
            RawRowReader::after(Vec::new(), &b"abcdefghij"[..]),
            RawRowReader::after(b"abcdef".to_vec(), b"ghij"),
        ] {
            let mut buffer = [0; 4];
            assert_eq!(keeping.read(&mut buffer).unwrap(), 4);
            assert_eq!(keeping.cut(3), b"abc");
            let mut passed = 4 + keeping.read(&mut buffer).unwrap();
            assert_eq!(keeping.cut(5), b"de");
            while passed < 10 {
                passed += keeping.read(&mut buffer).unwrap();
            }
            assert_eq!(keeping.cut(8), b"fgh");
            assert_eq!(keeping.cut(10), b"ij");
        }
    }
}
