//! Finds the highest rate that COR takes for long. Pure: the time is an argument.
//!
//! Nothing is assumed about COR's limit but that a refusal means "too many". What can be learned differs with its shape:
//!
//! * A **window** gives so many requests until it ends. From the end of one pause to the end of the next, what was
//!   accepted is exactly what a window gives, however fast it was used up.
//! * A **token bucket** gives a steady trickle and saves up a little. Between two pauses it gives its rate too, unless a
//!   pause was longer than it can save up for (a `Retry-After` in whole seconds often is): then it gives less.
//!
//! So a *cycle*, from one end of a pause to the next, tells a rate that the limit gives at the least: `low`. The rate at
//! which COR refused is one it does not give: `high`. In between the rate is searched for. Two cycles at different rates
//! that tell the same are the limit itself. Once `low` and `high` are close, the rate is held a little below, for so long
//! that refusals stay rare and pauses cost little; then it grows in small steps, and faster with each that is taken.

use std::time::Duration;

use tokio::time::Instant;

/// The part of the limit that is used while the rate is held.
const MARGIN: f64 = 0.995;
/// `low` and `high` this close are the same.
const CLOSE: f64 = 1.022;
const SAME: f64 = 1.004;
/// Far apart: the rate doubles instead of going half-way.
const FAR: f64 = 4.0;
/// The first step beyond a limit that was held; each step that is taken doubles the next.
const FIRST_STEP: f64 = 0.01;
/// A rate counts as taken after this many requests, and after so many times the cycle in which a limit shows.
const TRIAL_REQUESTS: f64 = 30.0;
const TRIAL_REQUESTS_FAR: f64 = 8.0;
const TRIAL_CYCLES: f64 = 1.5;
const TRIAL_CYCLES_FAR: f64 = 0.8;
const SHORTEST_TRIAL: Duration = Duration::from_millis(100);
/// Demand below this part of the rate says nothing about the rate.
const DEMAND: f64 = 0.8;
/// A rate is held for so many times what its refusal cost, in pauses and in requests.
const HOLD_PAUSES: u32 = 150;
const HOLD_REQUESTS: f64 = 240.0;
/// The first step beyond a held rate takes this part of the hold, and further ones this: larger steps show sooner.
const FIRST_TRIAL: u32 = 5;
const NEXT_TRIALS: u32 = 20;
const SHORTEST_HOLD: Duration = Duration::from_secs(15);
const LONGEST_HOLD: Duration = Duration::from_secs(300);
/// A limit that moved up is to be noticed in the end.
const LONGEST_HOLD_FOR_PAUSES: Duration = Duration::from_secs(150);
/// A pause of unknown length is cut into about so many parts.
const QUESTIONS: u32 = 12;
const STEP_DOWN: f64 = 0.01;
/// A cycle with fewer accepted requests is no measure of a window.
const FEW: f64 = 8.0;
const SLOWEST: f64 = 0.02;

/// What is known of the limit. Made by the first refusal.
#[derive(Debug)]
pub(crate) struct Limit {
    rate: f64,
    /// COR takes this, as far as is known.
    low: f64,
    /// COR does not take this for long.
    high: Option<f64>,
    /// The step by which the rate grows where nothing is known above it.
    step: f64,
    /// From the end of the last pause.
    cycle: Cycle,
    /// The shortest cycle so far: a limit shows within about this time.
    span: Option<Duration>,
    /// What the last cycle told, and the rate it was asked for at.
    told: Option<(f64, f64)>,
    /// How often in a row a rate was refused that was thought to be taken.
    drops: u32,
    /// What the search since the last hold cost.
    cost: Cost,
    phase: Phase,
}

#[derive(Debug, Default)]
struct Cost {
    pauses: Duration,
    refused: f64,
    /// The hold that the search before this one ended in.
    held: Duration,
}

#[derive(Debug)]
struct Cycle {
    since: Instant,
    accepted: f64,
    /// Whether it began where a pause ended; the first one began anywhere.
    whole: bool,
}

#[derive(Debug)]
enum Phase {
    /// COR refuses; since then so many were refused.
    Refused { since: Instant, refused: f64 },
    /// Finding out whether COR takes the rate.
    Trial { since: Instant, accepted: f64 },
    /// The rate stays until then.
    Hold { until: Instant },
}

impl Limit {
    /// `accepted` requests were taken since `since`, then `now` one was refused. Nothing was held back so far.
    pub(crate) fn new(since: Instant, accepted: f64, offered: f64, now: Instant) -> Limit {
        let seconds = now.saturating_duration_since(since).as_secs_f64().max(0.005);
        Limit {
            rate: (offered / seconds).max(1.0),
            low: SLOWEST,
            high: None,
            step: FIRST_STEP,
            cycle: Cycle { since, accepted, whole: false },
            span: None,
            told: None,
            drops: 0,
            cost: Cost::default(),
            phase: Phase::Refused { since: now, refused: 1.0 },
        }
    }

    /// COR refuses, and nothing was accepted since it began to.
    pub(crate) fn is_refusing(&self) -> bool {
        matches!(self.phase, Phase::Refused { .. })
    }

    /// When the present cycle began: what left earlier knows nothing of it.
    pub(crate) fn cycle_began(&self) -> Instant {
        self.cycle.since
    }

    /// Requests a second that may leave now.
    pub(crate) fn rate(&mut self, now: Instant) -> f64 {
        match self.phase {
            Phase::Refused { .. } => {}
            Phase::Trial { since, accepted } => {
                let tried = now.saturating_duration_since(since);
                if tried >= self.trial() {
                    let got = (self.cycle.accepted - accepted) / tried.as_secs_f64();
                    if got >= DEMAND * self.rate && self.told.is_none() {
                        // No cycle has told anything yet, so nobody knows how long a trial has to be.
                        self.rate *= 2.0;
                        self.phase = Phase::Trial { since: now, accepted: self.cycle.accepted };
                    } else if got >= DEMAND * self.rate {
                        self.low = self.low.max(self.rate);
                        self.drops = 0;
                        self.climb(now);
                    } else {
                        self.phase = Phase::Trial { since: now, accepted: self.cycle.accepted };
                    }
                }
            }
            Phase::Hold { until } if now >= until => {
                (self.high, self.step) = (None, FIRST_STEP);
                self.climb(now);
            }
            Phase::Hold { .. } => {}
        }
        self.rate
    }

    /// COR took a request that left at `sent`; `free` tells whether it left after the pause.
    pub(crate) fn accepted(&mut self, sent: Instant, free: bool) {
        match self.phase {
            Phase::Refused { since, refused } if free => self.resume(sent, since, refused),
            _ => self.cycle.accepted += 1.0,
        }
    }

    /// COR refused a request that left within this cycle.
    pub(crate) fn refused(&mut self, now: Instant) {
        match &mut self.phase {
            Phase::Refused { refused, .. } => *refused += 1.0,
            _ => self.phase = Phase::Refused { since: now, refused: 1.0 },
        }
    }

    /// How long to leave COR alone where it does not say: a small part of the time in which the limit shows, so that the
    /// end of a window is found closely and with few questions.
    pub(crate) fn pause(&self, now: Instant, shortest: Duration, longest: Duration) -> Duration {
        let refusing = match self.phase {
            Phase::Refused { since, .. } => now.saturating_duration_since(since),
            _ => Duration::ZERO,
        };
        let cycle = now.saturating_duration_since(self.cycle.since);
        let shown = self.span.map_or(cycle, |span| cycle.min(span + refusing));
        (shown / QUESTIONS).clamp(shortest, longest)
    }

    /// The pause is over: a request that left `at` was accepted.
    fn resume(&mut self, at: Instant, refused_at: Instant, refused: f64) {
        let length = at.saturating_duration_since(self.cycle.since).max(Duration::from_millis(1));
        self.cost.pauses += at.saturating_duration_since(refused_at);
        self.cost.refused += refused;
        let accepted = self.cycle.accepted;
        let tells = accepted / length.as_secs_f64();
        let whole = std::mem::replace(&mut self.cycle, Cycle { since: at, accepted: 1.0, whole: true }).whole;
        if !whole {
            // It may have begun in the middle of a window, or with something saved up. Once more, then.
            self.phase = Phase::Trial { since: at, accepted: 1.0 };
            self.span = Some(length);
            return;
        }
        let known = self.span.filter(|_| self.told.is_some());
        self.span = Some(known.map_or(length, |span| span.min(length)));
        self.high = Some(self.rate);
        let was_known = self.rate <= self.low * SAME;
        let same = accepted >= FEW && self.told.is_some_and(|(told, _)| (tells / told - 1.0).abs() < 0.03);
        let agrees = same
            && tells >= 0.97 * self.low
            && self.told.is_some_and(|(_, rate)| (self.rate / rate - 1.0).abs() > 0.1);
        if agrees {
            // Each is measured to within one question, so the higher is as good as the lower.
            self.low = self.told.map_or(tells, |(told, _)| told.max(tells));
            // By chance, perhaps: a step above tells.
            (self.high, self.step) = (None, 2.0 * FIRST_STEP);
        } else if was_known {
            // The rate was thought to be taken. A little lower, then; further with each time, and not below what is given.
            let drop =
                if same { 1.0 } else { (STEP_DOWN * f64::from(1 << (3 * self.drops.min(3)))).min(1.0) };
            self.low = tells.max(self.rate * (1.0 - drop)).min(self.rate * MARGIN);
            self.drops += 1;
        } else {
            self.low = self.low.max(tells.min(self.rate * 0.995));
        }
        self.told = Some((tells, self.rate));
        self.low = self.low.max(SLOWEST);
        self.hold_or_search(at);
    }

    fn hold_or_search(&mut self, now: Instant) {
        if self.high.is_none_or(|high| high > self.low * CLOSE) {
            return self.climb(now);
        }
        self.rate = (self.low * MARGIN).max(SLOWEST);
        let requests = Duration::from_secs_f64((HOLD_REQUESTS * self.cost.refused / self.rate).min(1e4));
        let pauses = (self.cost.pauses * HOLD_PAUSES).min(LONGEST_HOLD_FOR_PAUSES);
        let held = pauses.max(requests).clamp(SHORTEST_HOLD, LONGEST_HOLD);
        self.cost = Cost { held, ..Cost::default() };
        self.phase = Phase::Hold { until: now + held };
    }

    /// Tries a higher rate than the one that is taken.
    fn climb(&mut self, now: Instant) {
        self.rate = match self.high {
            Some(high) if high > self.low * FAR => self.low * 2.0,
            Some(high) if high > self.low * CLOSE => (self.low * high).sqrt(),
            Some(_) => return self.hold_or_search(now),
            None => {
                let step = self.step;
                self.step = (step * 2.0).min(1.0);
                self.low * (1.0 + step)
            }
        };
        self.phase = Phase::Trial { since: now, accepted: self.cycle.accepted };
    }

    fn trial(&self) -> Duration {
        let far = self.high.is_some_and(|high| high > self.low * FAR);
        let requests = if far { TRIAL_REQUESTS_FAR } else { TRIAL_REQUESTS };
        let span = self.span.unwrap_or_default().mul_f64(if far { TRIAL_CYCLES_FAR } else { TRIAL_CYCLES });
        // Small steps take longer to show: a bucket's savings last.
        let small = match (self.high, self.step <= 2.0 * FIRST_STEP) {
            (Some(_), _) => Duration::ZERO,
            (None, true) => self.cost.held / FIRST_TRIAL,
            (None, false) => self.cost.held / NEXT_TRIALS,
        };
        Duration::from_secs_f64(requests / self.rate).max(span).max(small).max(SHORTEST_TRIAL)
    }
}
