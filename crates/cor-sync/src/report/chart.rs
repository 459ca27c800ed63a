//! Applied and refused rows per second, as bars.

use std::fmt::Write;
use std::time::Duration;

/// Bars, at most; twice as long a run has bars of twice the time.
const MOST_BARS: usize = 240;
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 160.0;
const LEFT: f64 = 48.0;
const TOP: f64 = 8.0;
const BELOW: f64 = 22.0;

#[derive(Debug)]
pub(super) struct Series {
    /// Seconds of one bar.
    width: u64,
    bars: Vec<Bar>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Bar {
    applied: u64,
    refused: u64,
}

impl Default for Series {
    fn default() -> Series {
        Series { width: 1, bars: Vec::new() }
    }
}

impl Series {
    pub(super) fn applied(&mut self, at: Duration, rows: u64) {
        self.bar(at).applied += rows;
    }

    pub(super) fn refused(&mut self, at: Duration, rows: u64) {
        self.bar(at).refused += rows;
    }

    fn bar(&mut self, at: Duration) -> &mut Bar {
        while at.as_secs() / self.width >= MOST_BARS as u64 {
            self.width *= 2;
            self.bars = self.bars.chunks(2).map(Bar::sum).collect();
        }
        let at = (at.as_secs() / self.width) as usize;
        if self.bars.len() <= at {
            self.bars.resize(at + 1, Bar::default());
        }
        &mut self.bars[at]
    }

    /// Nothing where nothing happened.
    pub(super) fn svg(&self, took: Duration) -> String {
        let most = self.bars.iter().map(|bar| bar.applied + bar.refused).max().unwrap_or(0);
        if most == 0 {
            return String::new();
        }
        let per_second = |rows: u64| rows as f64 / self.width as f64;
        let top = round_up(per_second(most));
        let step = (WIDTH - LEFT) / self.bars.len() as f64;
        let height = |rows: u64| HEIGHT * per_second(rows) / top;
        let bottom = TOP + HEIGHT;
        let mut svg = format!(
            "<svg viewBox=\"0 0 {WIDTH} {:.0}\" role=\"img\" aria-label=\"Rows per second: at most {} applied or refused\">",
            bottom + BELOW,
            number(per_second(most)),
        );
        for (share, label) in [(0.0, number(top)), (0.5, number(top / 2.0)), (1.0, "0".to_owned())] {
            let y = TOP + HEIGHT * share;
            // Writing into memory does not fail.
            let _ = write!(
                svg,
                "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
                LEFT - 6.0,
                y + 4.0,
            );
        }
        for (n, bar) in self.bars.iter().enumerate() {
            let (x, wide) = (LEFT + n as f64 * step, (step * 0.9).max(0.5));
            let mut y = bottom;
            for (class, rows) in [("applied", bar.applied), ("refused", bar.refused)] {
                if rows > 0 {
                    // What happened is seen, however little it is beside the rest.
                    let tall = height(rows).max(1.0);
                    y -= tall;
                    let _ = write!(
                        svg,
                        "<rect class=\"{class}\" x=\"{x:.2}\" y=\"{y:.1}\" width=\"{wide:.2}\" height=\"{tall:.1}\"/>"
                    );
                }
            }
        }
        let end = (self.bars.len() as u64 * self.width).min(took.as_secs().max(1));
        let _ = write!(
            svg,
            "<text x=\"{LEFT}\" y=\"{:.1}\">0 s</text><text x=\"{WIDTH}\" y=\"{:.1}\" text-anchor=\"end\">{}</text></svg>",
            bottom + 16.0,
            bottom + 16.0,
            clock(end),
        );
        svg
    }
}

impl Bar {
    fn sum(bars: &[Bar]) -> Bar {
        bars.iter().fold(Bar::default(), |sum, bar| Bar {
            applied: sum.applied + bar.applied,
            refused: sum.refused + bar.refused,
        })
    }
}

/// The next of 1, 2, 5, 10, 20, … that is not below.
fn round_up(value: f64) -> f64 {
    let tens = 10f64.powf(value.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|step| step * tens).find(|step| *step >= value).unwrap_or(value)
}

fn number(value: f64) -> String {
    if value.fract() == 0.0 || value >= 100.0 { format!("{value:.0}") } else { format!("{value:.1}") }
}

/// A number of seconds for people.
fn clock(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{}:{:02} min", seconds / 60, seconds % 60),
        _ => format!("{}:{:02} h", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chart_of_long_run_has_bounded_bars_and_all_rows() {
        let mut series = Series::default();
        for second in 0..100_000 {
            series.applied(Duration::from_secs(second), 3);
            series.refused(Duration::from_secs(second), 1);
        }
        assert!(series.bars.len() <= MOST_BARS);
        assert_eq!(Bar::sum(&series.bars), Bar { applied: 300_000, refused: 100_000 });
        let svg = series.svg(Duration::from_secs(100_000));
        assert!(svg.contains("27:46 h") && svg.contains(">5</text>"), "{svg}");
    }

    #[test]
    fn chart_scale_is_round_number() {
        for (value, top) in [(0.3, 0.5), (1.0, 1.0), (3.0, 5.0), (70.0, 100.0), (2001.0, 5000.0)] {
            assert!((round_up(value) - top).abs() < 1e-9, "{value}");
        }
        assert_eq!(Series::default().svg(Duration::ZERO), "");
    }
}
