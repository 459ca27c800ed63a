//! The page itself. Every text from outside is escaped.

use std::fmt::Write;
use std::time::Duration;

use super::RunReport;
use crate::grouped;

const STYLE: &str = include_str!("style.css");

pub(super) fn html(report: &RunReport, took: Duration) -> String {
    let mut page = String::with_capacity(32 << 10);
    let input = escaped(&report.input);
    // Writing into memory does not fail, here and below.
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{input} to COR</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <h1>{input} to COR</h1>\n<p class=\"soft\">{} of {}; begun {}, took {}</p>\n",
        escaped(&report.scope.source),
        escaped(&report.scope.base_url),
        time(report),
        length(took),
    );
    if let Some(reason) = &report.stopped {
        let _ =
            writeln!(page, "<p class=\"stopped\"><strong>Stopped early.</strong> {}</p>", escaped(reason));
    }
    counts(report, &mut page);
    chart(report, took, &mut page);
    fields(report, &mut page);
    rows(report, &mut page);
    page.push_str("</body>\n</html>\n");
    page
}

fn counts(report: &RunReport, page: &mut String) {
    page.push_str("<dl class=\"counts\">\n");
    for (name, count) in &report.counts {
        let class = match (*name, count) {
            ("applied" | "of them created", 1..) => " class=\"good\"",
            ("rejected" | "not applied" | "unknown" | "not started", 1..) => " class=\"bad\"",
            _ => "",
        };
        let _ = writeln!(page, "<div{class}><dt>{name}</dt><dd>{}</dd></div>", grouped(*count));
    }
    page.push_str("</dl>\n");
}

fn chart(report: &RunReport, took: Duration, page: &mut String) {
    let svg = report.series.svg(took);
    if !svg.is_empty() {
        let _ = writeln!(
            page,
            "<h2>Rows per second</h2>\n{svg}\n<p class=\"soft\"><span class=\"key applied\"></span><span>applied</span>\
             <span class=\"key refused\"></span><span>refused</span></p>"
        );
    }
}

fn fields(report: &RunReport, page: &mut String) {
    let most = report.fields.values().copied().max().unwrap_or(0);
    if most == 0 {
        return;
    }
    let mut fields: Vec<(&String, &u64)> = report.fields.iter().collect();
    fields.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    page.push_str("<h2>What changed most</h2>\n<table>\n<thead><tr><th>Field</th><th class=\"number\">Projects</th><th></th></tr></thead>\n<tbody>\n");
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

fn rows(report: &RunReport, page: &mut String) {
    if report.rejected.is_empty() {
        return;
    }
    page.push_str(
        "<h2>Rows that were not applied</h2>\n<div class=\"wide\"><table>\n\
         <thead><tr><th class=\"number\">Rows</th><th>Outcome</th><th>Reason</th><th>Row</th><th>Project</th></tr></thead>\n\
         <tbody>\n",
    );
    for rejected in &report.rejected {
        let more = rejected.rows - rejected.examples.len() as u64;
        let more = if more > 0 { format!("<br>and {} more", grouped(more)) } else { String::new() };
        let places: Vec<_> = rejected.examples.iter().map(|(place, _)| escaped(place)).collect();
        let ids: Vec<_> = rejected.examples.iter().map(|(_, id)| escaped(id)).collect();
        let _ = writeln!(
            page,
            "<tr><td class=\"number\">{}</td><td class=\"outcome\">{}</td><td class=\"reason\">{}</td>\
             <td class=\"place\">{}{more}</td><td class=\"id\">{}</td></tr>",
            grouped(rejected.rows),
            rejected.reject_reason.as_str().replace('_', " "),
            escaped(&rejected.reason),
            places.join("<br>"),
            ids.join("<br>"),
        );
    }
    page.push_str("</tbody>\n</table></div>\n");
    if report.more_rows > 0 {
        let _ = writeln!(
            page,
            "<p class=\"soft\">… and {} more rows for other reasons</p>",
            grouped(report.more_rows)
        );
    }
}

fn time(report: &RunReport) -> String {
    let time = jiff::Timestamp::try_from(report.started).ok();
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
fn escaped(text: &str) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{RejectReason, Scope};

    #[test]
    fn rows_with_one_reason_are_counted_with_three_examples() {
        let mut report = RunReport::new("t.csv", &Scope::new("http://x", "SAP", "m"));
        for line in 2..9 {
            let (place, id) = (format!("line {line}"), format!("P-{line}"));
            report.rejected(Duration::ZERO, &place, &id, RejectReason::Rejected, "id: is empty");
        }
        report.rejected(Duration::ZERO, "line 9", "P-9", RejectReason::NotApplied, "id: is empty");
        let page = report.html(Duration::from_secs(5));
        let row = "<tr><td class=\"number\">7</td><td class=\"outcome\">rejected</td><td class=\"reason\">id: is empty</td>\
                   <td class=\"place\">line 2<br>line 3<br>line 4<br>and 4 more</td><td class=\"id\">P-2<br>P-3<br>P-4</td></tr>";
        assert!(page.contains(row), "{page}");
        assert!(page.contains("<td class=\"number\">1</td><td class=\"outcome\">not applied</td>"), "{page}");
    }

    #[test]
    fn html_in_values_is_escaped() {
        let scope = Scope::new("http://x/<b>", "S&P", "m");
        let mut report = RunReport::new("<script>alert(1)</script>.csv", &scope);
        report.rejected(
            Duration::ZERO,
            "line 2",
            "\"><img src=x onerror=y>",
            RejectReason::Unknown,
            "it's </td> \u{1b}[31m",
        );
        report.stopped("<i>");
        report.count("read", 1_234_567);
        let page = report.html(Duration::from_secs(5));
        for raw in ["<script>alert", "<img", "S&P", "</td> ", "\u{1b}", "<i>"] {
            assert!(!page.contains(raw), "{raw}");
        }
        for shown in ["&lt;script&gt;alert(1)", "S&amp;P", "&lt;/td&gt;", "1,234,567", "unknown"] {
            assert!(page.contains(shown), "{shown}");
        }
        // Nothing is fetched and nothing runs.
        for reach in ["<script", "<link", "src=", "url(", "@import"] {
            assert!(!page.replace("img src=", "").contains(reach), "{reach}");
        }
    }
}
