//! How far ahead of what is sent the watermark on the disk is.

use std::time::{Duration, Instant};

/// A watermark that the run reaches sooner makes it wait for the disk too often; the next one is twice as far ahead.
const SOON: Duration = Duration::from_secs(1);
/// A watermark that lasts longer covers too many places that were not sent; the next one is half as far ahead.
const LATE: Duration = Duration::from_secs(4);

/// How many places a watermark is ahead: at first and at least, and at most.
const LEAST: i64 = 64;
const MOST: i64 = 10_000;

/// The watermark on the disk is ahead of what was sent, so that few updates have to wait for the disk. The next run uses it after a
/// power cut, and on systems that do not identify a boot of the machine; otherwise it uses the table `watermarks`, which is exact
/// and is written without waiting for the disk.
#[derive(Debug)]
pub(super) struct Watermark {
    upto: i64,
    lead: i64,
    since: Option<Instant>,
}

impl Watermark {
    pub(super) fn new() -> Watermark {
        Watermark { upto: -1, lead: LEAST, since: None }
    }

    /// The place that the disk has to know before this one is sent at this time; `None` where it knows enough.
    pub(super) fn ahead_of(&mut self, place: i64, now: Instant) -> Option<i64> {
        if place <= self.upto {
            return None;
        }
        match self.since.map(|since| now.duration_since(since)) {
            Some(lasted) if lasted < SOON => self.lead = MOST.min(self.lead * 2),
            Some(lasted) if lasted > LATE => self.lead = LEAST.max(self.lead / 2),
            _ => {}
        }
        (self.upto, self.since) = (place + self.lead, Some(now));
        Some(self.upto)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Marks that a second of sending costs once it has gone on for long, and how far the last one is ahead.
    fn after_a_while(rate: u64, rows: i64) -> (usize, i64) {
        let start = Instant::now();
        let (mut mark, mut marks, mut lead) = (Watermark::new(), Vec::new(), 0);
        for place in 0..rows {
            let now = start + Duration::from_nanos(1_000_000_000 / rate) * place as u32;
            if let Some(upto) = mark.ahead_of(place, now) {
                marks.push(now);
                lead = upto - place;
            }
            assert!(place <= mark.upto);
        }
        let last = marks[marks.len() - 1];
        (marks.iter().filter(|at| last.duration_since(**at) < SOON).count(), lead)
    }

    #[test]
    fn watermark_lasts_about_one_second_at_every_rate() {
        assert_eq!(after_a_while(5, 2_000), (1, LEAST));
        assert_eq!(after_a_while(200, 20_000), (1, 256));
        assert_eq!(after_a_while(5_000, 200_000), (1, 8192));
        assert_eq!(after_a_while(100_000, 1_000_000), (10, MOST));
    }

    #[test]
    fn slower_run_has_closer_watermark() {
        let (start, mut mark) = (Instant::now(), Watermark::new());
        let leads: Vec<i64> = [0, 1, 2, 3, 10_003, 20_003, 22_003]
            .into_iter()
            .map(|ms| {
                let place = mark.upto + 1;
                mark.ahead_of(place, start + Duration::from_millis(ms)).unwrap() - place
            })
            .collect();
        assert_eq!(leads, [64, 128, 256, 512, 256, 128, 128]);
    }
}
