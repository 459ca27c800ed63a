//! What is believed about COR's limit, and how a refusal changes the belief. Pure: the time is an argument.
//!
//! **What a refusal tells.** From the moment COR gives again after refusing ([`Limit::given_since`]) to the moment it
//! gives again after the next refusal, a token bucket goes from empty to empty and a window from boundary to
//! boundary: what was accepted in between is what the limit gives in that time. The end of a refusal is not known
//! exactly. Where COR does not say when to come again, it lies between the last refused request and the first
//! accepted one; where it says so in whole seconds, these are rounded up, so it lies in the last of them. Hence
//! every count gives a [`Range`] of rates, not a rate. A small bucket that filled up during a pause gives less than
//! the limit allows; so the upper end counts more where COR made us wait.
//!
//! **The cycle.** The rate is held a little below the belief ([`MARGIN`]): no shape of limit refuses anything then,
//! and all of them give nearly everything they have, because evenly spread requests fit windows, sliding windows and
//! buckets alike. After a while the rate grows, slowly first, then doubling what it grew by, until the next refusal
//! corrects the belief. How long it is held is a matter of cost: refusals may be [`REFUSED`] of what is accepted, and
//! the time that a refusal wasted [`WASTED`] of all time. A limit that costs nothing to find is looked for often.
//!
//! **The way there** is short where COR says in whole seconds how long to wait, because each refusal may cost them. What
//! was given before the first refusal is a window, two that were run into each other, or what a bucket had saved up.
//! After two waits at that rate the second is ruled out; then the rate grows fast. Refused soon, it was a window;
//! otherwise what left above the limit is what the bucket held ([`Growth::exceeded`]), which tells the limit at once.
//!
//! **Surprises** are refusals while the rate is held: the belief was too high, or the limit moved down, or the way to
//! COR shook the requests together. One alone changes little; more of them in a row are taken at their word.

use std::time::Duration;

use tokio::time::Instant;

use super::probing::{Burst, Growth, Trust};

/// The part of the limit that is left unused while the rate is held. It grows with surprises.
const MARGIN: f64 = 0.006;
const MOST_MARGIN: f64 = 0.3;
/// Refused requests, in proportion to accepted ones, that looking for the limit may cost.
const REFUSED: f64 = 0.004;
/// The same for time in which COR would have taken requests and got none.
const WASTED: f64 = 0.008;
/// Refusals that do not count, so that the limit is found soon.
const FREE: f64 = 16.0;
/// Seconds that a rate is held: after a refusal of the first few, later, and at most.
const SHORT_HOLD: f64 = 2.0;
const HOLD: f64 = 8.0;
const LONGEST_HOLD: f64 = 300.0;
/// Accepted requests for which a rate is held at least.
const HOLD_REQUESTS: f64 = 20.0;
/// Below this many a count says little.
const FEW: f64 = 5.0;
const MANY: f64 = 300.0;
/// Below this many, a bucket is read only roughly.
const FEW_FOR_BUCKET: f64 = 150.0;
/// Requests per second: the least that is believed after the first refusal, and ever.
const FIRST_BELIEF: f64 = 5.0;
const SLOWEST: f64 = 0.02;
/// A belief is at least this part of the one before, whatever a single refusal seems to tell.
const MOST_DROP: f64 = 0.3;
/// A rate that grew by this part has left the belief behind.
const FAR: f64 = 0.15;

#[derive(Debug)]
pub(super) struct Limit {
    /// Requests per second that COR is believed to take.
    belief: f64,
    trust: Trust,
    margin: f64,
    refusing: Option<Refusing>,
    /// When COR last began to give again, and what it accepted of the requests that left since.
    given_since: Instant,
    given: f64,
    hold_until: Instant,
    hold_for: f64,
    growth: Option<Growth>,
    /// When somebody last had to wait for the rate. Without that, it says nothing that COR did not refuse more.
    pressed: Option<Instant>,
    surprises: i32,
    /// The longest wait that was needed lately, in seconds: a sign of long windows.
    longest: f64,
    free: f64,
    /// Before and at the first refusal.
    burst: Burst,
    first_told: f64,
}

/// COR is refusing.
#[derive(Debug)]
struct Refusing {
    /// When the first refused request left.
    since: Instant,
    /// The last attempt to find out whether COR gives again: when it left, and when its refusal was heard.
    tried: Instant,
    heard: Instant,
    /// What COR said about when to come again.
    told: Option<Duration>,
    /// How long the next attempt waits where COR says nothing.
    wait: Duration,
    requests: f64,
    /// Accepted of those that left after the first refused one.
    late: f64,
}

impl Refusing {
    fn told_seconds(&self) -> f64 {
        self.told.map_or(0.0, |told| told.as_secs_f64())
    }

    /// Whether COR said it in whole seconds.
    fn is_rounded(&self) -> bool {
        self.told.is_some_and(|told| told.subsec_nanos() == 0)
    }
}

/// Where in a [`Range`] the rate lies where COR said how long to wait: longer than needed, more often than not.
const TOLD: f64 = 0.33;

/// What a count says about the rate: it lies in between.
#[derive(Clone, Copy)]
struct Range {
    least: f64,
    most: f64,
}

impl Range {
    /// From 0, the most, to 1, the least.
    fn at(self, part: f64) -> f64 {
        self.most * (self.least / self.most).powf(part)
    }

    fn middle(self) -> f64 {
        self.at(0.5)
    }
}

/// The stretch without requests between a refusal and the next acceptance.
#[derive(Clone, Copy)]
struct Gap {
    seconds: f64,
    /// The last part of it in which COR may have given already.
    unsure: f64,
}

impl Gap {
    fn range(self, given: f64, seconds: f64) -> Range {
        let all = seconds + self.seconds;
        Range { least: given / all.max(1e-3), most: given / (all - self.unsure).max(1e-3) }
    }
}

impl Limit {
    /// Before its first refusal, COR accepted `given` requests that left from `since` on.
    pub(super) fn unknown(since: Instant, given: f64) -> Limit {
        Limit {
            belief: f64::INFINITY,
            trust: Trust::First,
            margin: MARGIN,
            refusing: None,
            given_since: since,
            given,
            hold_until: since,
            hold_for: 0.0,
            growth: None,
            pressed: None,
            surprises: 0,
            longest: 0.0,
            free: FREE,
            burst: Burst::default(),
            first_told: 0.0,
        }
    }

    pub(super) fn is_refusing(&self) -> bool {
        self.refusing.is_some()
    }

    /// Requests per second that may leave now.
    pub(super) fn rate(&self) -> f64 {
        self.growth.as_ref().map_or(self.held(), Growth::rate).max(SLOWEST)
    }

    /// The rate that is held.
    fn held(&self) -> f64 {
        self.belief * (1.0 - self.margin)
    }

    /// Somebody waits for the rate.
    pub(super) fn press(&mut self, now: Instant) {
        let lax = self.pressed.map_or(f64::INFINITY, |pressed| seconds(pressed, now));
        if self.growth.is_none() && lax > (seconds(self.given_since, now) / 4.0).max(3.0) {
            // COR was not asked for all that it has; what it gave says little.
            (self.given_since, self.given) = (now, 0.0);
        }
        self.pressed = Some(now);
    }

    fn is_pressed(&self, now: Instant) -> bool {
        let lately = (2.0 / self.belief).max(1.0);
        self.pressed.is_some_and(|pressed| seconds(pressed, now) <= lately)
    }

    /// Lets the rate grow when it is time and somebody waits for it.
    pub(super) fn advance(&mut self, now: Instant) {
        let pressed = self.is_pressed(now);
        if let Some(growth) = &mut self.growth {
            growth.advance(pressed, now);
        } else if pressed && now >= self.hold_until && self.given >= self.hold_for {
            self.surprises = 0;
            self.growth = Some(Growth::new(self.held(), self.belief, self.trust, self.longest, now));
        }
    }

    /// A request that left at `sent` was accepted. Returns whether COR gives again after refusing.
    pub(super) fn accepted(&mut self, sent: Instant, now: Instant) -> bool {
        let again = self.refusing.as_ref().is_some_and(|refusing| sent >= refusing.heard);
        if let (true, Some(refusing)) = (again, self.refusing.take_if(|_| again)) {
            self.learn(&refusing, sent, now);
        }
        if sent >= self.given_since {
            self.given += 1.0;
            if let Some(refusing) = self.refusing.as_mut().filter(|refusing| sent > refusing.since) {
                refusing.late += 1.0;
            }
        }
        if let Some(growth) = &mut self.growth {
            growth.accepted(sent);
        }
        again
    }

    /// A request that left at `sent` was refused. Returns until when nothing should leave, if that is news.
    pub(super) fn refused(&mut self, sent: Instant, now: Instant, told: Option<Duration>) -> Option<Instant> {
        let until = told.map(|told| now + told);
        let first = self.belief.is_infinite();
        let shortest = if first { 0.01 } else { (1.2 / self.belief).clamp(0.005, 1.0) };
        match &mut self.refusing {
            // It left before the last refusal ended.
            None if sent < self.given_since && !first => until,
            None => {
                let wait = Duration::from_secs_f64(shortest);
                self.refusing = Some(Refusing {
                    since: sent,
                    tried: sent,
                    heard: now,
                    told,
                    wait,
                    requests: 1.0,
                    late: 0.0,
                });
                until.or(Some(now + wait))
            }
            // One of those that were on their way together.
            Some(refusing) if sent < refusing.heard => {
                refusing.requests += 1.0;
                refusing.since = refusing.since.min(sent);
                refusing.told = told.or(refusing.told);
                until
            }
            Some(refusing) => {
                refusing.requests += 1.0;
                (refusing.tried, refusing.heard, refusing.told) = (sent, now, told);
                // Where a second was not enough there are windows, whose end is better not missed by far.
                let longer = if refusing.wait < Duration::from_millis(400) { 2.0 } else { 1.3 };
                refusing.wait = refusing.wait.mul_f64(longer).min(Duration::from_secs(10));
                until.or(Some(now + refusing.wait))
            }
        }
    }

    /// COR gives again: what the refusal says about the limit, and how long the rate is held now.
    fn learn(&mut self, refusing: &Refusing, resumed: Instant, now: Instant) {
        let unsure = match refusing.told {
            None => seconds(refusing.tried, resumed),
            Some(_) if refusing.is_rounded() => 1.0,
            Some(_) => 0.0,
        };
        let seconds_out = seconds(refusing.since, resumed);
        let gap = Gap { seconds: seconds_out, unsure: unsure.min(seconds_out) };
        let whole = seconds(self.given_since, refusing.since);
        let before = self.belief;
        let (mut counted, mut restart, mut asked) = (refusing.requests, true, WASTED);
        self.trust = match self.growth.take() {
            _ if before.is_infinite() => {
                self.belief = self.first_belief(refusing, gap, whole);
                (counted, asked) = (0.0, f64::INFINITY);
                self.burst = Burst { given: self.given - refusing.late, seconds: whole };
                self.first_told = refusing.told_seconds();
                if refusing.is_rounded() && self.first_told > 0.0 { Trust::Told } else { Trust::First }
            }
            growth if matches!(self.trust, Trust::Told | Trust::Doubted) => {
                counted = counted.min(1.0);
                let trust;
                (self.belief, trust) = match growth {
                    Some(growth) if growth.rate() - self.held() > FAR * before => {
                        self.after_search(&growth, refusing, gap, whole)
                    }
                    _ => self.after_doubt(refusing, gap, whole),
                };
                trust
            }
            Some(growth) => {
                self.belief = self.after_growth(&growth, refusing, gap, whole);
                self.margin = (self.margin * 0.8).max(MARGIN);
                if self.belief > 1.1 * before { Trust::Rough } else { Trust::Good }
            }
            None => {
                self.surprises += 1;
                let held = self.held();
                self.belief = match self.is_pressed(refusing.since) {
                    true => self.after_surprise(refusing, gap, whole),
                    // It was not the rate that held anybody back, so COR takes less than was sent.
                    false => (0.98 * before).min((2.0 * self.given / whole.max(1e-3)).max(FIRST_BELIEF)),
                };
                restart = self.surprises == 1 || self.given >= 100.0;
                if self.surprises == 1 && self.given > MANY {
                    self.margin = (self.margin * 1.25).min(MOST_MARGIN);
                }
                if self.belief < 0.9 * held { Trust::Rough } else { Trust::Good }
            }
        };
        if before.is_finite() {
            self.belief = self.belief.max(MOST_DROP * before);
        }
        self.belief = self.belief.max(SLOWEST);
        self.longest = (self.longest * 0.9).max(gap.seconds - gap.unsure);
        let held = self.held();
        let wasted = (whole + gap.seconds - self.given / held).clamp(0.0, gap.seconds);
        if self.trust == Trust::Rough {
            // It is worth some refusals to know better.
            counted = counted.min(1.0);
        }
        let free = self.free.min(counted);
        self.free -= free;
        self.hold_for = ((counted - free) / REFUSED).min(LONGEST_HOLD * held) + HOLD_REQUESTS;
        let hold = match self.trust {
            Trust::Told | Trust::Doubted => 2.0 * gap.seconds,
            Trust::Rough => 4.0 * gap.seconds,
            Trust::First | Trust::Good => {
                let pauses = if refusing.told.is_some() { 20.0 } else { 3.0 };
                let least = if self.free > 0.0 { SHORT_HOLD } else { HOLD };
                (wasted / asked).max(pauses * gap.seconds.min(1.5)).max(least)
            }
        };
        self.hold_until = now + Duration::from_secs_f64(hold.min(LONGEST_HOLD));
        if restart {
            (self.given_since, self.given) = (resumed, 0.0);
        }
    }

    /// The first count begins anywhere in a window and may be all burst. Where COR says how long to wait, the likeliest
    /// is that it gives as much in every such time.
    fn first_belief(&self, refusing: &Refusing, gap: Gap, whole: f64) -> f64 {
        let belief = match refusing.told.map(|told| told.as_secs_f64()) {
            Some(told) if whole < told => self.given / told,
            Some(told) => self.given / (whole + told).max(1e-3),
            None => gap.range(self.given, whole).middle(),
        };
        belief.max(FIRST_BELIEF)
    }

    /// Refused on the way from the first belief to the limit, by a server that says how long to wait.
    fn after_search(&self, growth: &Growth, refusing: &Refusing, gap: Gap, whole: f64) -> (f64, Trust) {
        let range = gap.range(self.given, whole);
        let doubted = self.trust == Trust::Doubted;
        let belief = match growth.exceeded(refusing.since, self.burst) {
            Some(rate) => rate.min(growth.rate()).max(range.least),
            // No bucket gives so: a window then, and the first belief was right, unless it was lowered.
            None if doubted => (self.belief * self.after_growth(growth, refusing, gap, whole)).sqrt(),
            None => self.belief.max(range.at(TOLD)),
        };
        let rough = doubted || self.given < FEW_FOR_BUCKET && belief > 1.1 * self.belief;
        (belief, if rough { Trust::Rough } else { Trust::Good })
    }

    /// The first belief was refused. It may have been the double of the truth: what was given before the first refusal
    /// may have come out of two windows. After two such times without a refusal that is ruled out.
    fn after_doubt(&self, refusing: &Refusing, gap: Gap, whole: f64) -> (f64, Trust) {
        let (told, range) = (refusing.told_seconds(), gap.range(self.given, whole));
        if whole > 1.9 * told {
            (self.belief.max(range.at(TOLD)), Trust::Good)
        } else if told < 0.5 * self.first_told {
            // The end of a window that slides: only a little was missing.
            (0.95 * self.belief, Trust::Told)
        } else if whole < 0.9 * told {
            ((self.given / told).min(self.belief), Trust::Told)
        } else {
            (range.middle().min(self.belief), Trust::Doubted)
        }
    }

    /// Refused while the rate grew: it had passed the limit. The last steps of the growth tell most; where they gave
    /// hardly more than believed, so does the rate itself.
    fn after_growth(&self, growth: &Growth, refusing: &Refusing, gap: Gap, whole: f64) -> f64 {
        let all = gap.range(self.given, whole);
        let (given, grown) = growth.all(refusing.since);
        if given < FEW {
            return self.belief.max(all.least);
        }
        let told = refusing.told.is_some();
        let range = gap.range(given, grown);
        let (last_given, last) = growth.last(refusing.since);
        let last =
            Gap { unsure: gap.unsure * if told { 1.0 } else { 0.5 }, ..gap }.range(last_given, last).most;
        let mut passed = (if told { range.most } else { range.middle() })
            .max(if self.trust == Trust::Rough { 0.95 } else { 0.99 } * last);
        let extra = given - self.belief * grown;
        if extra < (0.03 * self.belief).max(3.0) && growth.rate() < 1.1 * self.belief {
            let tempo = growth.tempo();
            passed = passed.max(0.985 * growth.rate() * tempo / (tempo + gap.seconds - gap.unsure));
        }
        let belief =
            if passed > 1.015 * self.belief { passed } else { self.belief + 0.5 * (passed - self.belief) };
        let least = if told { all.least } else { all.middle() };
        belief.min(range.most.max(last)).max(range.least).max(least)
    }

    /// Whether a surprise may be an accident.
    fn is_patient(&self, refusing: &Refusing) -> bool {
        self.trust != Trust::Rough && (self.surprises == 1 || self.surprises == 2 && refusing.told.is_some())
    }

    /// Refused while the rate was held.
    fn after_surprise(&self, refusing: &Refusing, gap: Gap, whole: f64) -> f64 {
        /// What was believed weighs as much as so many requests.
        const WEIGHT: f64 = 10.0;
        let held = self.held();
        let range = gap.range(self.given, whole);
        let part = if refusing.told.is_some() { TOLD } else { 0.5 };
        let counted = Range { least: range.least.min(held), most: range.most.min(held) }.at(part);
        let weighed = (self.given + WEIGHT) / (self.given / counted.max(1e-9) + WEIGHT / held);
        let most = range.most * (self.given + 1.0) / self.given.max(1.0);
        let belief =
            if self.is_patient(refusing) { weighed.max(0.99 * most.min(self.belief)) } else { weighed };
        if self.given < HOLD_REQUESTS { belief } else { belief.min(most) }
    }
}

/// From one time to another, none where that is later.
pub(super) fn seconds(from: Instant, to: Instant) -> f64 {
    to.saturating_duration_since(from).as_secs_f64()
}
