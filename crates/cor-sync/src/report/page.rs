//! The page of a run.

use std::fmt::Write;
use std::time::Duration;

use super::RunReport;
use super::parts::{bars, begin, escaped, tiles};
use crate::grouped;

pub(super) fn html(report: &RunReport, took: Duration) -> String {
    let title = format!("{} to COR", report.input);
    let mut page = begin(&title, &report.scope, report.started, took, report.stopped.as_deref());
    counts(report, &mut page);
    chart(report, took, &mut page);
    let mut fields: Vec<(&str, u64)> =
        report.fields.iter().map(|(name, count)| (name.as_str(), *count)).collect();
    fields.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    bars(&mut page, "What changed most", &fields);
    rows(report, &mut page);
    page.push_str("</body>\n</html>\n");
    page
}

fn counts(report: &RunReport, page: &mut String) {
    let class = |name: &str| match name {
        "applied" | "of them created" => "good",
        "rejected" | "not applied" | "unknown" | "not started" => "bad",
        _ => "",
    };
    tiles(page, report.counts.iter().map(|(name, count)| (*name, *count, class(name))));
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
