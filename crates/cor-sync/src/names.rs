//! What the ending of a file's name promises.

use std::path::Path;

/// Endings that say what is in a file, to people and to programs that open it. Other endings say nothing.
const PROMISES: &[&str] = &[
    "csv", "tsv", "tab", "json", "jsonl", "ndjson", "parquet", "pq", "avro", "orc", "arrow", "feather",
    "xlsx", "xlsm", "xlsb", "xls", "ods", "numbers", "html", "htm", "xhtml", "xml", "pdf", "md", "rtf",
    "doc", "docx", "odt", "png", "jpg", "jpeg", "svg", "toml", "yaml", "yml", "sql", "db", "sqlite",
    "sqlite3", "gz", "zip", "bz2", "xz", "zst", "7z", "tar", "tgz",
];

/// Whether a name promises nothing but what is `written`, for which `endings` are right.
pub(crate) fn check(path: &Path, what: &str, written: &str, endings: &[&str]) -> Result<(), String> {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_lowercase();
    if !PROMISES.contains(&ending.as_str()) || endings.contains(&ending.as_str()) {
        return Ok(());
    }
    Err(format!(
        "{what} are written as {written}, but the file name ends in .{ending}; choose a name that ends in .{}",
        endings[0]
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_only_extension_of_other_format() {
        for name in ["r.csv", "R.CSV", "r", "r.txt", "r.2025-04-30", ".csv", "/dev/null", "a.parquet/r"] {
            assert_eq!(check(Path::new(name), "rows", "CSV", &["csv"]), Ok(()), "{name}");
        }
        for name in ["r.parquet", "r.csv.gz", "r.XLSX", "r.tsv"] {
            let refused = check(Path::new(name), "rows", "CSV", &["csv"]).unwrap_err();
            assert!(refused.ends_with("; choose a name that ends in .csv"), "{refused}");
        }
    }
}
