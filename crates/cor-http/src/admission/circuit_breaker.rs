//! Tells a bad request from a bad day. Pure: the time is an argument.
//!
//! While COR cannot be reached, a run of many rows pauses: one request at a time finds out whether COR is back,
//! and the others wait without losing an attempt.
//!
//! Where a single row fails again and again and no other is there to compare, nobody can tell an outage from a row
//! that COR cannot cope with. A row may then try for as long as one call may take, and no longer; the patience of the
//! whole run is for outages that several rows saw, or that kept even a connection from being made.

use std::time::Duration;

use tokio::time::Instant;

use super::order::ProjectKey;

/// Failures in a row, without a success in between, that make an outage.
const ENOUGH: u32 = 3;
/// After a first failure this many requests at a time find out whether it is more, until one is answered: a run with
/// a hundred connections does not make a hundred new ones at once to a COR that has gone.
const AT_A_TIME: u32 = 3;
/// Of requests that nothing was heard of for this long it is not known what they found out; the next ones go.
const NEXT_TRY: Duration = Duration::from_millis(500);
const FIRST_PROBE: Duration = Duration::from_millis(250);
const LONGEST_BETWEEN_PROBES: Duration = Duration::from_secs(4);
/// A probe nothing was heard of for this long is given up on; the next one goes.
const PROBE_LEASE: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub(crate) struct Outage {
    failures: u32,
    /// Something broke and nothing was answered since: when the next requests may leave, and how many of them.
    shaky: Option<(Instant, u32)>,
    down: Option<Down>,
    /// Rows that failed since the last answer, up to [`ENOUGH`]; and whether it was not the row's doing.
    rows: Vec<ProjectKey>,
    for_all: bool,
    /// Whether COR ever answered.
    seen: bool,
}

#[derive(Debug)]
struct Down {
    since: Instant,
    probes: u32,
    next_probe: Instant,
}

/// A request that failed as requests do in an outage.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failure {
    pub(crate) row: ProjectKey,
    /// Something answered at COR's address, if only to say that COR is away.
    pub(crate) heard: bool,
    /// It would have failed with any other row as well: there was no connection, or no token.
    pub(crate) for_all: bool,
}

/// What a failure is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Nothing that is known of.
    Passing,
    /// An outage, or a few rows that COR cannot cope with: nobody else is there to tell.
    Doubtful,
    Outage,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Go,
    /// Go, as the one request that finds out.
    Probe,
    /// Ask again then, or when something changes.
    Wait(Instant),
}

impl Outage {
    pub(crate) fn is_down(&self) -> bool {
        self.down.is_some()
    }

    /// Whether it is known to be more than a few bad rows.
    pub(crate) fn is_certain(&self) -> bool {
        self.is_down() && (self.for_all || self.rows.len() >= ENOUGH as usize)
    }

    /// Whether requests leave without asking.
    pub(crate) fn is_calm(&self) -> bool {
        self.down.is_none() && self.shaky.is_none()
    }

    /// Whether COR ever answered.
    pub(crate) fn was_up(&self) -> bool {
        self.seen
    }

    /// How long COR has been out of reach.
    pub(crate) fn lasting(&self, now: Instant) -> Option<Duration> {
        Some(now.saturating_duration_since(self.down.as_ref()?.since))
    }

    pub(crate) fn turn(&mut self, now: Instant) -> Turn {
        match &mut self.down {
            None => self.try_turn(now),
            Some(down) if down.next_probe <= now => {
                down.next_probe = now + PROBE_LEASE;
                Turn::Probe
            }
            Some(down) => Turn::Wait(down.next_probe),
        }
    }

    fn try_turn(&mut self, now: Instant) -> Turn {
        let Some((again_at, left)) = &mut self.shaky else { return Turn::Go };
        if *again_at <= now {
            (*again_at, *left) = (now + NEXT_TRY, AT_A_TIME);
        }
        match left.checked_sub(1) {
            Some(rest) => {
                *left = rest;
                Turn::Go
            }
            None => Turn::Wait(*again_at),
        }
    }

    /// COR answered: it is there. Returns whether that is news.
    pub(crate) fn answered(&mut self) -> bool {
        self.failures = 0;
        self.rows.clear();
        self.for_all = false;
        self.seen = true;
        let was_shaky = self.shaky.take().is_some();
        self.down.take().is_some() || was_shaky
    }

    /// A connection broke: by itself no failure, but perhaps the first sign of an outage.
    pub(crate) fn broke(&mut self, now: Instant) {
        self.shaky.get_or_insert((now, 0));
    }

    /// A request failed as requests do in an outage. It is one after a few failures in a row, or at once where the
    /// server itself says how long to `wait`.
    pub(crate) fn failed(
        &mut self,
        probe: bool,
        failure: Failure,
        wait: Option<Duration>,
        now: Instant,
    ) -> Trouble {
        self.failures = self.failures.saturating_add(1);
        self.broke(now);
        self.seen |= failure.heard;
        self.for_all |= failure.for_all;
        if self.rows.len() < ENOUGH as usize && !self.rows.contains(&failure.row) {
            self.rows.push(failure.row);
        }
        match &mut self.down {
            Some(down) if probe => {
                down.probes += 1;
                let backoff =
                    FIRST_PROBE.saturating_mul(1 << down.probes.min(16)).min(LONGEST_BETWEEN_PROBES);
                down.next_probe = now + wait.unwrap_or(backoff);
            }
            Some(_) => {}
            None if self.failures >= ENOUGH || wait.is_some() => {
                let next_probe = now + wait.unwrap_or(FIRST_PROBE);
                self.down = Some(Down { since: now, probes: 0, next_probe });
            }
            None => return Trouble::Passing,
        }
        if self.is_certain() { Trouble::Outage } else { Trouble::Doubtful }
    }
}

#[cfg(test)]
mod tests {
    use cor_core::Source;

    use super::*;

    fn failure(row: &str) -> Failure {
        Failure { row: ProjectKey::new(&Source::SAP, row), heard: true, for_all: false }
    }

    #[test]
    fn three_failures_in_a_row_make_an_outage_and_one_answer_ends_it() {
        let now = Instant::now();
        let mut outage = Outage::default();
        let failed = |outage: &mut Outage, row| outage.failed(false, failure(row), None, now);
        assert_eq!(failed(&mut outage, "a"), Trouble::Passing);
        assert_eq!(failed(&mut outage, "b"), Trouble::Passing);
        outage.answered();
        assert_eq!(failed(&mut outage, "a"), Trouble::Passing);
        assert_eq!(failed(&mut outage, "b"), Trouble::Passing);
        assert_eq!(failed(&mut outage, "c"), Trouble::Outage);
        assert!(outage.answered());
        assert_eq!(outage.turn(now), Turn::Go);
    }

    #[test]
    fn a_connection_that_broke_lets_few_find_out_what_it_means() {
        let now = Instant::now();
        let mut outage = Outage::default();
        outage.broke(now);
        outage.broke(now);
        let next = now + NEXT_TRY;
        let turns: Vec<_> = (0..5).map(|_| outage.turn(now)).collect();
        assert_eq!(turns, [Turn::Go, Turn::Go, Turn::Go, Turn::Wait(next), Turn::Wait(next)]);
        assert_eq!(outage.turn(next), Turn::Go);
        assert!(outage.answered(), "those who wait are to be told");
        assert!(!outage.answered() && outage.is_calm());
        assert_eq!((0..99).map(|_| outage.turn(next)).find(|turn| *turn != Turn::Go), None);
    }

    #[test]
    fn one_probe_at_a_time_ever_less_often() {
        let start = Instant::now();
        let mut outage = Outage::default();
        for _ in 0..3 {
            outage.failed(false, failure("a"), None, start);
        }
        let (mut now, mut probes) = (start, 0);
        while now < start + Duration::from_secs(60) {
            match outage.turn(now) {
                Turn::Go => panic!("it is down"),
                Turn::Wait(until) => now = until,
                Turn::Probe => {
                    assert!(matches!(outage.turn(now), Turn::Wait(_)), "a second probe at once");
                    probes += 1;
                    outage.failed(true, failure("a"), None, now);
                }
            }
        }
        assert!((14..=20).contains(&probes), "{probes}");
        assert_eq!(outage.lasting(now), Some(now - start));
    }

    #[test]
    fn a_server_that_says_when_it_is_back_is_left_alone_until_then() {
        let now = Instant::now();
        let mut outage = Outage::default();
        let wait = Duration::from_secs(120);
        assert_ne!(outage.failed(false, failure("a"), Some(wait), now), Trouble::Passing);
        assert_eq!(outage.turn(now), Turn::Wait(now + wait));
        assert_eq!(outage.turn(now + wait), Turn::Probe);
    }

    #[test]
    fn a_probe_that_vanished_does_not_end_probing() {
        let start = Instant::now();
        let mut outage = Outage::default();
        for _ in 0..3 {
            outage.failed(false, failure("a"), None, start);
        }
        let now = start + FIRST_PROBE;
        assert_eq!(outage.turn(now), Turn::Probe);
        assert_eq!(outage.turn(now + PROBE_LEASE), Turn::Probe);
    }

    #[test]
    fn what_a_single_row_sees_is_in_doubt_until_others_see_it_or_nobody_can_connect() {
        let now = Instant::now();
        let mut outage = Outage::default();
        for n in 1..20 {
            let trouble = outage.failed(false, failure("a"), None, now);
            assert_eq!(trouble, if n < 3 { Trouble::Passing } else { Trouble::Doubtful });
        }
        assert!(outage.is_down() && !outage.is_certain());
        assert_eq!(outage.failed(true, failure("b"), None, now), Trouble::Doubtful);
        assert_eq!(outage.failed(true, failure("c"), None, now), Trouble::Outage);
        outage.answered();
        let unconnected = Failure { heard: false, for_all: true, ..failure("a") };
        outage.failed(false, unconnected, None, now);
        outage.failed(false, failure("a"), None, now);
        assert_eq!(outage.failed(false, failure("a"), None, now), Trouble::Outage);
        assert!(outage.answered());
        assert!(!outage.is_certain());
    }
}
