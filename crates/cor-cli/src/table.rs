//! A table that lines up, whatever script its cells are written in.

use anstyle::Style;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::output::{BOLD, DIM, styled};

const GAP: &str = "  ";

pub(crate) struct Column {
    pub(crate) title: &'static str,
    /// Numbers stand to the right.
    pub(crate) right: bool,
    /// The widest it may get; longer cells are cut.
    pub(crate) most: usize,
}

#[derive(Clone)]
pub(crate) struct Cell {
    pub(crate) text: String,
    pub(crate) style: Style,
}

/// The lines of the table, styles included.
pub(crate) fn lines(columns: &[Column], rows: &[Vec<Cell>]) -> Vec<String> {
    let widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(at, column)| {
            let cells = rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.text.width());
            cells.max().unwrap_or(0).min(column.most).max(column.title.width())
        })
        .collect();
    let title = |column: &Column| Cell { text: column.title.to_owned(), style: BOLD };
    let rule = |width: &usize| Cell { text: "─".repeat(*width), style: DIM };
    let head = [columns.iter().map(title).collect(), widths.iter().map(rule).collect()];
    head.iter().chain(rows).map(|row| line(columns, &widths, row)).collect()
}

fn line(columns: &[Column], widths: &[usize], cells: &[Cell]) -> String {
    let mut line = String::new();
    for ((column, width), cell) in columns.iter().zip(widths).zip(cells) {
        let text = fitted(&cell.text, *width);
        let space = " ".repeat(width - text.width());
        let text = if text.is_empty() { text } else { styled(cell.style, &text) };
        line.push_str(&if column.right { format!("{space}{text}") } else { format!("{text}{space}") });
        line.push_str(GAP);
    }
    line.truncate(line.trim_end().len());
    line
}

/// The text, cut where it is too wide.
fn fitted(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut cut = String::new();
    let mut room = width.saturating_sub(1);
    for c in text.chars() {
        let wide = c.width().unwrap_or(0);
        if wide > room {
            break;
        }
        room -= wide;
        cut.push(c);
    }
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_characters_take_two_places() {
        assert_eq!(fitted("東京オフィス", 7), "東京オ…");
        assert_eq!(fitted("東京", 4), "東京");
        let column = |title, right| Column { title, right, most: 6 };
        let cell = |text: &str| Cell { text: text.to_owned(), style: Style::new() };
        let rows =
            [vec![cell("東京"), cell("1")], vec![cell("a"), cell("23")], vec![cell("too long"), cell("")]];
        let lines = lines(&[column("x", false), column("n", true)], &rows);
        assert_eq!(lines[2..], ["東京     1", "a       23", "too l…"]);
    }
}
