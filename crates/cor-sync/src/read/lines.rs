//! Lines of text, one after the other, however long they are.

use std::io::{self, BufRead, BufReader, Read};

use super::encoding::{Encoding, EncodingAdvisor};
use super::input::Input;
use super::raw_rows::LONGEST_ROW;
use crate::{Content, Problem, ReadError};

pub(crate) struct LineReader {
    reader: BufReader<Box<dyn Read + Send>>,
    encoding: Encoding,
    pub(crate) advisor: EncodingAdvisor,
    pub(crate) line: u64,
    /// Bytes of the input up to the end of the line.
    pub(crate) position: u64,
    pub(crate) buffer: Vec<u8>,
}

/// What came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// A line that is not empty, in the buffer, without its end.
    Text,
    /// A line that was passed over.
    TooLong,
    End,
}

impl LineReader {
    pub(crate) fn new(input: Input) -> LineReader {
        LineReader {
            reader: BufReader::with_capacity(64 << 10, input.reader),
            encoding: input.encoding,
            advisor: input.advisor,
            line: 0,
            position: input.mark,
            buffer: Vec::new(),
        }
    }

    /// The first bytes, without taking them.
    pub(crate) fn peek(&mut self) -> io::Result<&[u8]> {
        self.reader.fill_buf()
    }

    pub(crate) fn next(&mut self) -> io::Result<Line> {
        loop {
            self.buffer.clear();
            let mut n = self.read_some()?;
            if n == 0 {
                return Ok(Line::End);
            }
            self.line += 1;
            let too_long = n == LONGEST_ROW && self.buffer.last() != Some(&b'\n');
            while too_long && n > 0 && self.buffer.last() != Some(&b'\n') {
                self.buffer.clear();
                n = self.read_some()?;
            }
            if too_long {
                self.buffer = Vec::new();
                return Ok(Line::TooLong);
            }
            while let [.., b'\n' | b'\r'] = self.buffer[..] {
                self.buffer.pop();
            }
            self.advisor.read(&self.buffer);
            if !self.buffer.trim_ascii().is_empty() {
                return Ok(Line::Text);
            }
        }
    }

    /// After notes: what to say where the line they are about was left empty, because the row was too long to be copied.
    /// It is not lost from sight by feeding the file back.
    pub(crate) fn lonely_notes(&mut self) -> Result<Option<Content>, ReadError> {
        let line = self.line + 1;
        let next = self.reader.fill_buf().map_err(|error| ReadError { line, error })?;
        if !matches!(next.first(), Some(b'\n' | b'\r')) {
            return Ok(None);
        }
        let message = "the row that belongs to this _line and _reason is not in this file; copy the row from the \
                       original table";
        Ok(Some(Content::Rejected(String::new(), vec![Problem::of_row("row_missing", message)])))
    }

    fn read_some(&mut self) -> io::Result<usize> {
        let from = self.buffer.len();
        let n = (&mut self.reader).take(LONGEST_ROW as u64).read_until(b'\n', &mut self.buffer)?;
        self.position += self.encoding.source_length(&self.buffer[from..]).unwrap_or(0);
        Ok(n)
    }

    /// The next line, as far as it is here to its end.
    pub(crate) fn ahead(&self) -> Option<&[u8]> {
        let buffer = self.reader.buffer();
        buffer.iter().position(|byte| *byte == b'\n').map(|end| &buffer[..end])
    }
}
