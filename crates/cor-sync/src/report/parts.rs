//! The parts of a page. Every text from outside is escaped.

use std::fmt::Write;
use std::time::{Duration, SystemTime};

use crate::{Scope, grouped};

const STYLE: &str = include_str!("style.css");

/// A page from its beginning to its heading, with the reason why the run stopped early.
pub(crate) fn begin(
    title: &str,
    scope: &Scope,
    started: SystemTime,
    took: Duration,
    stopped: Option<&str>,
) -> String {
    let mut page = String::with_capacity(32 << 10);
    let title = escaped(title);
    // Writing into memory does not fail, here and below.
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <h1>{title}</h1>\n<p class=\"soft\">{} of {}; begun {}, took {}</p>\n",
        escaped(&scope.source),
        escaped(&scope.base_url),
        time(started),
        length(took),
    );
    if let Some(reason) = stopped {
        let _ =
            writeln!(page, "<p class=\"stopped\"><strong>Stopped early.</strong> {}</p>", escaped(reason));
    }
    page
}

/// Numbers with their names, and `good` or `bad` where a number above 0 is.
pub(crate) fn tiles<'a>(page: &mut String, counts: impl Iterator<Item = (&'a str, u64, &'a str)>) {
    page.push_str("<dl class=\"counts\">\n");
    for (name, count, class) in counts {
        let class = match (class, count) {
            ("", _) | (_, 0) => String::new(),
            (class, _) => format!(" class=\"{class}\""),
        };
        let _ = writeln!(page, "<div{class}><dt>{name}</dt><dd>{}</dd></div>", grouped(count));
    }
    page.push_str("</dl>\n");
}

/// Fields with the number of projects, in the order in which they are passed; nothing if there are none.
pub(crate) fn bars(page: &mut String, title: &str, fields: &[(&str, u64)]) {
    let most = fields.iter().map(|(_, count)| *count).max().unwrap_or(0);
    if most == 0 {
        return;
    }
    let _ = writeln!(
        page,
        "<h2>{title}</h2>\n<table>\n<thead><tr><th>Field</th><th class=\"number\">Projects</th><th></th></tr></thead>\n<tbody>"
    );
    for (name, count) in fields {
        let share = 100.0 * *count as f64 / most as f64;
        let _ = writeln!(
            page,
            "<tr><td>{}</td><td class=\"number\">{}</td><td class=\"bar\"><span class=\"applied\" style=\"width:{share:.1}%\"></span></td></tr>",
            escaped(name),
            grouped(*count),
        );
    }
    page.push_str("</tbody>\n</table>\n");
}

/// A table of texts.
pub(crate) struct Table<'a> {
    pub(crate) title: &'a str,
    pub(crate) head: &'a [&'a str],
    pub(crate) rows: &'a [Vec<String>],
    /// Rows that are not shown.
    pub(crate) more: u64,
}

/// The table; nothing if it has no rows.
pub(crate) fn table(page: &mut String, table: &Table<'_>) {
    if table.rows.is_empty() {
        return;
    }
    let cells = |texts: &mut dyn Iterator<Item = &str>, tag: &str| -> String {
        texts.map(|text| format!("<{tag}>{}</{tag}>", escaped(text))).collect()
    };
    let head = cells(&mut table.head.iter().copied(), "th");
    let _ = writeln!(
        page,
        "<h2>{}</h2>\n<div class=\"wide\"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>",
        table.title
    );
    for row in table.rows {
        let _ = writeln!(page, "<tr>{}</tr>", cells(&mut row.iter().map(String::as_str), "td"));
    }
    page.push_str("</tbody>\n</table></div>\n");
    if table.more > 0 {
        let _ = writeln!(page, "<p class=\"soft\">… and {} more</p>", grouped(table.more));
    }
}

fn time(started: SystemTime) -> String {
    let time = jiff::Timestamp::try_from(started).ok();
    let time = time.and_then(|time| time.round(jiff::Unit::Second).ok());
    time.map_or_else(|| "at an unknown time".to_owned(), |time| time.to_string())
}

fn length(took: Duration) -> String {
    match took.as_secs() {
        0..60 => format!("{:.1} s", took.as_secs_f64()),
        seconds @ 60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        seconds => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// Text that means nothing to a browser.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c if c.is_control() => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}
