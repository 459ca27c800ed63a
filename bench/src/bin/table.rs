//! The bench's rows as a table: `--write N` prints them as CSV, `--read FILE` reads one with the `csv` crate and hashes each
//! row, which is the least that can tell which rows are new.

use std::hash::{DefaultHasher, Hasher};
use std::io::{self, BufWriter, Write};

use cor_bench::{Clock, row};

const HEADER: [&str; 8] =
    ["id", "name", "start", "end", "estimated_time", "status", "estimated", "income_type"];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--write", n] => write(n.parse().unwrap()).unwrap(),
        ["--read", file] => read(file),
        _ => panic!("--write N, or --read FILE"),
    }
}

fn write(n: u64) -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    writeln!(out, "{}", HEADER.join(","))?;
    for i in 0..n {
        let row = row(i);
        let (start, income) = (row.start.unwrap_or(""), row.income_type.unwrap_or(""));
        let (id, name, end, status) = (row.id, row.name, row.end, row.status);
        writeln!(out, "{id},{name},{start},{end},{},{status},{},{income}", row.hours, row.money)?;
    }
    out.flush()
}

fn read(file: &str) {
    let clock = Clock::start();
    let mut reader = csv::Reader::from_path(file).unwrap();
    let mut record = csv::ByteRecord::new();
    let (mut rows, mut all) = (0, 0);
    while reader.read_byte_record(&mut record).unwrap() {
        let mut hasher = DefaultHasher::new();
        for cell in &record {
            hasher.write(cell);
            hasher.write_u8(0xff);
        }
        all ^= hasher.finish();
        rows += 1;
    }
    // So that the hashes are not optimised away.
    assert_ne!(all, 0);
    clock.report(rows, 0, Vec::new());
}
