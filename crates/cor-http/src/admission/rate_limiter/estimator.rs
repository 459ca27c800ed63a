//! The rate estimator: an estimate of COR's limit, corrected by every refusal. Pure: the time is an argument.
//!
//! **What a refusal shows.** COR begins to accept again after a refusal; requests are counted from there
//! ([`RateEstimator::counting_since`]) until it begins to accept again after the next refusal. In between a token
//! bucket goes from empty to empty and a window from boundary to boundary, so the count is what the limit allows in
//! that time. The end of a refusal is not known exactly. Where COR does not say when to come again, it lies between the
//! last refused request and the first accepted one. Where COR says so in whole seconds, these are rounded up, so it
//! lies in the last of them. Hence every count gives a range of rates ([`RateRange`]) and not a rate. A small bucket
//! that fills up during a pause gives less than the limit allows, so the upper end counts more where COR made the
//! client wait.
//!
//! **The cycle.** The rate is held a little below the estimate ([`MARGIN`]). No shape of limit refuses anything then,
//! and all of them accept nearly as much as they can, because evenly spaced requests fit windows, sliding windows and
//! buckets alike. After a while probing starts: the rate grows, slowly first, then by twice as much in every step,
//! until the next refusal corrects the estimate. The cost of the refusal decides how long the rate is held: refused
//! requests may be [`MAX_REFUSED_SHARE`] of the accepted ones, and the time that refusals waste [`MAX_WASTED_SHARE`] of
//! all time. A limit that costs nothing to find is probed often.
//!
//! **The first estimate** has to become good in few refusals where COR says in whole seconds how long to wait, because
//! each refusal may cost them. What COR accepted before its first refusal is one window, two adjacent windows, or what
//! a bucket had saved up. Probing starts at once. A refusal soon after shows that it was a window. Otherwise what left
//! above the limit is what the bucket held ([`Probing::bucket_rate`]), which gives the limit at once.
//!
//! **Tolerated refusals** pause nothing ([`RateEstimator::record_tolerated`]). One that ends probing found the limit of a
//! bucket: from one to the next the bucket goes from empty to empty. Two while the rate is held have nothing to do with
//! the rate.
//!
//! **Unexpected refusals** happen while the rate is held: the estimate was too high, or the limit was lowered, or other
//! clients use it too, or the network bunched requests together. One alone changes little; with more of them in a row
//! the count decides. If they recur, other clients use the limit, and [`Sharing`] decides the rate until they have left.

use std::time::Duration;

use tokio::time::Instant;

use super::probing::{Burst, Confidence, Probing};
use super::refusal::{Gap, RateRange, RefusalPeriod};
use super::seconds_between;
use super::sharing::Sharing;

/// The part of the limit that is left unused while the rate is held.
const MARGIN: f64 = 0.006;
/// Refused requests that probing may cost, in proportion to accepted ones.
const MAX_REFUSED_SHARE: f64 = 0.004;
/// The time without requests that probing may cost, in proportion to all time.
const MAX_WASTED_SHARE: f64 = 0.008;
/// The first refused requests are not counted as costs, so that the limit is found soon.
const FREE_REFUSALS: f64 = 16.0;
/// How long a rate is held, in seconds: at least while refusals are free, at least afterwards, and at most.
const MIN_FREE_HOLD: f64 = 2.0;
const MIN_HOLD: f64 = 8.0;
const MAX_HOLD: f64 = 300.0;
/// A rate is held for at least this many accepted requests.
const MIN_HOLD_REQUESTS: f64 = 20.0;
/// A count of fewer accepted requests says little.
const MIN_COUNT: f64 = 5.0;
/// The lowest first estimate, and the lowest rate ever, in requests per second.
const MIN_FIRST_ESTIMATE: f64 = 5.0;
const MIN_RATE: f64 = 0.02;
/// An estimate is at least this part of the one before, however low the count of a single refusal is.
const MIN_RATIO_TO_PREVIOUS: f64 = 0.3;
/// A rate that grew by more than this part of the estimate has left the estimate behind.
const FAR_ABOVE: f64 = 0.15;

#[derive(Debug)]
pub(super) struct RateEstimator {
    /// The estimated limit in requests per second; infinite before the first estimate.
    estimate: f64,
    confidence: Confidence,
    /// Whether other clients use the limit too, and the rate then.
    sharing: Sharing,
    refusal: Option<RefusalPeriod>,
    /// When COR last began to accept again, and how many of the requests that left since it accepted.
    counting_since: Instant,
    accepted: f64,
    /// Refusals tolerated since then while the rate was held.
    tolerated_while_held: f64,
    /// How much longer than since `counting_since` COR may have accepted requests: a bucket filled up while none left.
    filled_before: f64,
    /// Probing starts after this time and this many accepted requests.
    hold_until: Instant,
    hold_requests: f64,
    probing: Option<Probing>,
    /// When a request last had to wait for the rate. Without demand the absence of refusals shows nothing.
    last_demand: Option<Instant>,
    /// Unexpected refusals since the last probing.
    unexpected_refusals: i32,
    /// The longest certain gap of late, in seconds: a sign of long windows.
    longest_gap: f64,
    /// Refused requests that are not counted as costs, as far as they are left.
    free_refusals: f64,
    /// The time that the last refusal of probing wasted, in seconds.
    wasted: f64,
    /// What COR accepted before its first refusal.
    burst: Burst,
}

impl RateEstimator {
    /// Before its first refusal, COR accepted `accepted` requests that left from `since` on.
    pub(super) fn new(since: Instant, accepted: f64) -> RateEstimator {
        RateEstimator {
            estimate: f64::INFINITY,
            confidence: Confidence::First,
            sharing: Sharing::new(since),
            refusal: None,
            counting_since: since,
            accepted,
            tolerated_while_held: 0.0,
            filled_before: 0.0,
            hold_until: since,
            hold_requests: 0.0,
            probing: None,
            last_demand: None,
            unexpected_refusals: 0,
            longest_gap: 0.0,
            free_refusals: FREE_REFUSALS,
            wasted: 0.0,
            burst: Burst::default(),
        }
    }

    /// Starts with the rate that another client learned: a start and no bound.
    pub(super) fn from_hint(now: Instant, rate: f64) -> RateEstimator {
        RateEstimator {
            estimate: rate.max(MIN_RATE),
            confidence: Confidence::Low,
            ..RateEstimator::new(now, 0.0)
        }
    }

    /// What another client may start with, once there is an estimate.
    pub(super) fn rate_hint(&self) -> Option<f64> {
        // The most that the option takes.
        self.estimate.is_finite().then(|| self.rate().min(1e6))
    }

    /// Whether a request that left at `sent` was in flight when the refusal of another arrived that was tolerated.
    pub(super) fn belongs_to_tolerated(&self, sent: Instant) -> bool {
        self.refusal.as_ref().is_some_and(|refusal| refusal.is_tolerated && !refusal.is_ended_by(sent))
    }

    /// Whether COR refuses at the moment.
    pub(super) fn is_refusing(&self) -> bool {
        self.refusal.as_ref().is_some_and(|refusal| !refusal.is_tolerated)
    }

    /// Requests per second that may leave now.
    pub(super) fn rate(&self) -> f64 {
        let probing = self.probing.as_ref().filter(|_| self.refusal.is_none());
        let alone = probing.map_or(self.held_rate(), Probing::rate);
        self.sharing.rate().unwrap_or(alone).max(MIN_RATE)
    }

    /// The rate between two phases of probing.
    fn held_rate(&self) -> f64 {
        self.estimate * (1.0 - MARGIN)
    }

    /// A request waits for the rate.
    pub(super) fn record_demand(&mut self, now: Instant) {
        let idle = self.last_demand.map_or(f64::INFINITY, |last| seconds_between(last, now));
        if self.probing.is_none() && idle > (seconds_between(self.counting_since, now) / 4.0).max(3.0) {
            // Fewer requests left than COR would have accepted, so the count is too low.
            (self.counting_since, self.accepted) = (now, 0.0);
        }
        self.last_demand = Some(now);
    }

    fn has_demand(&self, now: Instant) -> bool {
        let recent = (2.0 / self.estimate).max(1.0);
        self.last_demand.is_some_and(|last| seconds_between(last, now) <= recent)
    }

    /// Starts or continues probing, where it is time for it and requests wait for the rate.
    pub(super) fn advance(&mut self, now: Instant) {
        if self.refusal.is_some() {
            return;
        }
        let has_demand = self.has_demand(now);
        self.sharing.advance(has_demand, now);
        if self.sharing.is_shared() {
            return;
        }
        if let Some(probing) = &mut self.probing {
            probing.advance(has_demand, now);
        } else if has_demand && now >= self.hold_until && self.accepted >= self.hold_requests {
            self.unexpected_refusals = 0;
            let base_rate = self.held_rate();
            self.probing =
                Some(Probing::new(base_rate, self.estimate, self.confidence, self.longest_gap, now));
        }
    }

    /// COR accepted a request that left at `sent`. Returns whether this ends a refusal.
    pub(super) fn record_accepted(&mut self, sent: Instant, now: Instant) -> bool {
        let ended = self.refusal.take_if(|refusal| refusal.is_ended_by(sent));
        if let Some(refusal) = &ended {
            if self.sharing.is_shared() {
                self.update_shared_rate(refusal, sent, now);
            } else if refusal.is_tolerated && self.probing.is_none() {
                self.after_tolerated(refusal);
            } else {
                self.update_estimate(refusal, sent, now);
            }
        }
        if sent >= self.counting_since {
            self.accepted += 1.0;
            if let Some(refusal) = self.refusal.as_mut().filter(|refusal| sent > refusal.since) {
                refusal.accepted_after_first += 1.0;
            }
        }
        if let Some(probing) = &mut self.probing {
            probing.record_accepted(sent);
        }
        ended.is_some_and(|refusal| !refusal.is_tolerated)
    }

    /// COR refused a request that left at `sent`. Returns until when no request should leave, where that changes.
    pub(super) fn record_refused(
        &mut self,
        sent: Instant,
        now: Instant,
        retry_after: Option<Duration>,
    ) -> Option<Instant> {
        if let Some(refusal) = &mut self.refusal {
            return refusal.record_refused(sent, now, retry_after);
        }
        let until = retry_after.map(|wait| now + wait);
        let is_first = self.estimate.is_infinite();
        if sent < self.counting_since && !is_first {
            // It left before the last refusal ended.
            return until;
        }
        let backoff = self.backoff();
        self.refusal = Some(RefusalPeriod::new(sent, now, retry_after, backoff));
        until.or(Some(now + backoff))
    }

    /// COR refused a request that left at `sent`, and hardly any other of late. Requests go on leaving, at the held rate.
    pub(super) fn record_tolerated(&mut self, sent: Instant, now: Instant) {
        if sent < self.counting_since {
            return;
        }
        if self.probing.is_none() && !self.sharing.is_shared() {
            self.tolerated_while_held += 1.0;
            self.record_refused_while_held(sent, self.held_rate(), now);
        }
        if self.tolerated_while_held > 1.0 && !self.sharing.is_shared() {
            // Requests are refused at a rate that was accepted before: the rate is not the reason.
            return;
        }
        match &mut self.refusal {
            Some(refusal) => refusal.record_tolerated(sent, now),
            None => self.refusal = Some(RefusalPeriod::tolerated(sent, now, self.backoff())),
        }
    }

    /// How long the first trial after a refusal waits where COR does not say.
    fn backoff(&self) -> Duration {
        let is_first = self.estimate.is_infinite();
        Duration::from_secs_f64(if is_first { 0.01 } else { (1.2 / self.estimate).clamp(0.005, 1.0) })
    }

    /// A refusal that was tolerated while the rate was held: the estimate is a little too high, or it was an accident.
    fn after_tolerated(&mut self, refusal: &RefusalPeriod) {
        let counted_seconds = seconds_between(self.counting_since, refusal.since);
        let n = self.accepted - refusal.accepted_after_first;
        if n >= MIN_COUNT {
            let counted = n / counted_seconds;
            self.estimate = self.estimate.min(counted.max(0.99 * self.estimate));
        }
        (self.counting_since, self.accepted) = (refusal.since, refusal.accepted_after_first);
        self.filled_before = 0.0;
    }

    /// A refusal of a request that left at `sent` while the rate was held may be due to other clients.
    fn record_refused_while_held(&mut self, sent: Instant, held_rate: f64, now: Instant) {
        // In long windows such refusals are frequent also for a client that has the limit alone.
        if self.longest_gap < 2.0 {
            self.sharing.record_refused_while_held(sent, held_rate, now);
        }
    }

    /// COR accepts again while other clients use the limit too.
    fn update_shared_rate(&mut self, refusal: &RefusalPeriod, resumed: Instant, now: Instant) {
        let gap = refusal.gap(resumed);
        let counted_seconds = seconds_between(self.counting_since, refusal.since);
        // Idle time begins a new count, also before a refusal has ended.
        let accepted = (self.accepted - refusal.accepted_after_first).max(0.0);
        let counted = gap.rates(accepted, counted_seconds);
        let reached = self.rate();
        let limit = self.sharing.record_refused(counted, now);
        self.estimate = limit.unwrap_or(reached).max(MIN_RATE);
        (self.confidence, self.unexpected_refusals) = (Confidence::High, 0);
        self.hold_until = now + Duration::from_secs_f64(MIN_FREE_HOLD);
        self.hold_requests = MIN_HOLD_REQUESTS;
        self.restart_count(refusal, gap, resumed);
    }

    /// Counts anew from the end of a refusal.
    fn restart_count(&mut self, refusal: &RefusalPeriod, gap: Gap, resumed: Instant) {
        (self.counting_since, self.accepted, self.filled_before) = match refusal.is_tolerated {
            true => (refusal.since, refusal.accepted_after_first, 0.0),
            false => (resumed, 0.0, gap.uncertain),
        };
        self.tolerated_while_held = 0.0;
    }

    /// COR accepts again, with a request that left at `resumed`: what the refusal shows about the limit, and how long
    /// the rate is held now.
    fn update_estimate(&mut self, refusal: &RefusalPeriod, resumed: Instant, now: Instant) {
        let gap = refusal.gap(resumed);
        // From the start of the count to the refusal.
        let counted_seconds = seconds_between(self.counting_since, refusal.since);
        let previous = self.estimate;
        // The refused requests that this refusal is charged with, and the share of time that it may waste.
        let (mut charged, mut max_wasted_share) = (refusal.refused, MAX_WASTED_SHARE);
        let mut restart_count = true;
        let probed = self.probing.is_some();
        self.confidence = match self.probing.take() {
            _ if previous.is_infinite() => {
                self.estimate = self.first_estimate(refusal, gap, counted_seconds);
                (charged, max_wasted_share) = (0.0, f64::INFINITY);
                let accepted = self.accepted - refusal.accepted_after_first;
                self.burst = Burst { accepted, seconds: counted_seconds };
                match refusal.is_rounded() && refusal.retry_after_seconds() > 0.0 {
                    true => Confidence::FirstRounded,
                    false => Confidence::First,
                }
            }
            Some(probing) if refusal.is_tolerated => {
                // Each request above the limit came out of what the bucket held.
                let n = self.accepted - refusal.accepted_after_first;
                let low = n / (counted_seconds + self.filled_before).max(1e-3);
                let rate = probing.bucket_rate(refusal.since, self.burst).unwrap_or(previous);
                // A rate that doubled in the last step passed the limit by much.
                let reached = probing.rate();
                let most = if reached > 2.0 * previous { 0.5 * reached } else { reached };
                self.estimate = rate.min(most).max(low);
                if self.estimate > 1.1 * previous { Confidence::Low } else { Confidence::High }
            }
            probing if self.confidence == Confidence::FirstRounded => {
                charged = charged.min(1.0);
                let confidence;
                (self.estimate, confidence) = match probing {
                    Some(probing) if probing.rate() - self.held_rate() > FAR_ABOVE * previous => {
                        self.after_fast_probing(&probing, refusal, gap, counted_seconds)
                    }
                    _ => self.after_refused_first_estimate(refusal, gap, counted_seconds),
                };
                confidence
            }
            Some(probing) => {
                self.estimate = self.after_probing(&probing, refusal, gap, counted_seconds);
                if self.estimate > 1.1 * previous { Confidence::Low } else { Confidence::High }
            }
            None => {
                self.unexpected_refusals += 1;
                if self.confidence == Confidence::Low && counted_seconds < 2.0 {
                    // The estimate was too high because the bucket holds more than was known.
                    self.burst.accepted *= 1.5;
                }
                let held_rate = self.held_rate();
                self.estimate = match self.has_demand(refusal.since) {
                    true => self.after_unexpected_refusal(refusal, gap, counted_seconds),
                    // Requests left more slowly than the rate allows and were refused all the same: the limit is lower.
                    false => (0.98 * previous)
                        .min(gap.rates(self.accepted, counted_seconds).middle().max(MIN_FIRST_ESTIMATE)),
                };
                restart_count = self.unexpected_refusals == 1 || self.accepted >= 100.0;
                if self.estimate < 0.9 * held_rate {
                    Confidence::Low
                } else {
                    // No lower limit explains the refusal.
                    self.record_refused_while_held(refusal.since, held_rate, now);
                    Confidence::High
                }
            }
        };
        if probed || previous.is_infinite() {
            self.sharing.record_probed(now);
        }
        if previous.is_finite() {
            self.estimate = self.estimate.max(MIN_RATIO_TO_PREVIOUS * previous);
        }
        self.estimate = self.estimate.max(MIN_RATE);
        self.longest_gap = (self.longest_gap * 0.9).max(gap.certain());
        let held_rate = self.held_rate();
        let wasted = (counted_seconds + gap.seconds - self.accepted / held_rate).clamp(0.0, gap.seconds);
        if probed {
            self.wasted = wasted;
        }
        let wasted = self.wasted;
        if self.confidence == Confidence::Low {
            // A better estimate is worth some refusals.
            charged = charged.min(1.0);
        }
        let free = self.free_refusals.min(charged);
        self.free_refusals -= free;
        self.hold_requests =
            ((charged - free) / MAX_REFUSED_SHARE).min(MAX_HOLD * held_rate) + MIN_HOLD_REQUESTS;
        let hold = match self.confidence {
            Confidence::FirstRounded => 0.0,
            Confidence::Low => 4.0 * gap.seconds,
            Confidence::First | Confidence::High => {
                let least = if self.free_refusals > 0.0 { MIN_FREE_HOLD } else { MIN_HOLD };
                (wasted / max_wasted_share)
                    .min(60.0 + 60.0 * gap.certain())
                    .max(3.0 * gap.seconds.min(1.5))
                    .max(least)
            }
        };
        self.hold_until = now + Duration::from_secs_f64(hold.min(MAX_HOLD));
        if restart_count {
            self.restart_count(refusal, gap, resumed);
        }
    }

    /// After the very first refusal. The count begins anywhere in a window and may be all burst. Where COR says how
    /// long to wait, the likeliest is that it accepts as much again in every such time.
    fn first_estimate(&self, refusal: &RefusalPeriod, gap: Gap, counted_seconds: f64) -> f64 {
        let estimate = match refusal.retry_after.map(|wait| wait.as_secs_f64()) {
            Some(wait) if counted_seconds < wait => self.accepted / wait,
            Some(wait) => self.accepted / (counted_seconds + wait).max(1e-3),
            None => gap.rates(self.accepted, counted_seconds).middle(),
        };
        estimate.max(MIN_FIRST_ESTIMATE)
    }

    /// After fast probing from the first estimate to the limit of a server that says how long to wait.
    fn after_fast_probing(
        &self,
        probing: &Probing,
        refusal: &RefusalPeriod,
        gap: Gap,
        counted_seconds: f64,
    ) -> (f64, Confidence) {
        let range = gap.rates(self.accepted, counted_seconds);
        let estimate = match probing.bucket_rate(refusal.since, self.burst) {
            Some(rate) => rate.min(probing.rate()).max(range.low),
            // No bucket fits, so it is a window, and the first estimate was right.
            None => {
                let wait = refusal.retry_after_seconds();
                let high = self.accepted / (counted_seconds + gap.certain()).max(wait);
                self.estimate.min(high).max(range.low)
            }
        };
        let is_rough = estimate > 1.1 * self.estimate;
        (estimate, if is_rough { Confidence::Low } else { Confidence::High })
    }

    /// After a refusal at the first estimate of a server that says how long to wait. The estimate may be twice the
    /// limit: what COR accepted before its first refusal may come out of two windows. Two waits without a refusal rule
    /// that out.
    fn after_refused_first_estimate(
        &self,
        refusal: &RefusalPeriod,
        gap: Gap,
        counted_seconds: f64,
    ) -> (f64, Confidence) {
        let (wait, range) = (refusal.retry_after_seconds(), gap.rates(self.accepted, counted_seconds));
        if counted_seconds > 1.9 * wait {
            (self.estimate.max(range.at(RateRange::WITH_RETRY_AFTER)), Confidence::High)
        } else {
            (range.middle().min(self.estimate), Confidence::FirstRounded)
        }
    }

    /// After probing passed the limit. Its last steps show most. Where COR accepted hardly more in them than the
    /// estimate allows, the rate itself shows where the limit is.
    fn after_probing(
        &self,
        probing: &Probing,
        refusal: &RefusalPeriod,
        gap: Gap,
        counted_seconds: f64,
    ) -> f64 {
        let whole_count = gap.rates(self.accepted, counted_seconds);
        let (accepted, seconds) = probing.totals(refusal.since);
        if accepted < MIN_COUNT {
            return self.estimate.max(whole_count.low);
        }
        let has_retry_after = refusal.retry_after.is_some();
        let range = gap.rates(accepted, seconds);
        let (last_accepted, last_seconds) = probing.last_steps(refusal.since);
        let last_gap = Gap { uncertain: gap.uncertain * if has_retry_after { 1.0 } else { 0.5 }, ..gap };
        let last = last_gap.rates(last_accepted, last_seconds).high;
        let found = (if has_retry_after { range.high } else { range.middle() }).max(0.98 * last);
        let least = if has_retry_after { whole_count.low } else { whole_count.middle() };
        found.min(range.high.max(last)).max(range.low).max(least)
    }

    /// Whether an unexpected refusal may be an accident, such as requests that the network bunched together.
    fn may_be_accident(&self, refusal: &RefusalPeriod) -> bool {
        self.confidence != Confidence::Low
            && (self.unexpected_refusals == 1
                || self.unexpected_refusals == 2 && refusal.retry_after.is_some())
    }

    /// After a refusal while the rate was held.
    fn after_unexpected_refusal(&self, refusal: &RefusalPeriod, gap: Gap, counted_seconds: f64) -> f64 {
        /// The held rate weighs as much as so many counted requests.
        const WEIGHT: f64 = 10.0;
        let held_rate = self.held_rate();
        let range = gap.rates(self.accepted, counted_seconds);
        let position = if refusal.retry_after.is_some() { RateRange::WITH_RETRY_AFTER } else { 0.5 };
        let counted = RateRange { low: range.low.min(held_rate), high: range.high.min(held_rate) };
        let counted = counted.at(position);
        let weighted = (self.accepted + WEIGHT) / (self.accepted / counted.max(1e-9) + WEIGHT / held_rate);
        // The highest rate that agrees with the count, had COR accepted one request more.
        let highest = range.high * (self.accepted + 1.0) / self.accepted.max(1.0);
        let estimate = match self.may_be_accident(refusal) {
            true => weighted.max(0.99 * highest.min(self.estimate)),
            false => weighted,
        };
        if self.accepted < MIN_HOLD_REQUESTS { estimate } else { estimate.min(highest) }
    }
}

#[cfg(test)]
mod tests;
