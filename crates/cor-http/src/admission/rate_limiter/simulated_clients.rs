//! Clients with rate limiters of their own under one simulated limit, in simulated time.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::RateLimiter;
use super::simulated_server::{RetryAfter, Shape, SimulatedServer};

/// The seed of a test. Its runs take the seeds that follow.
pub(super) fn seed() -> u64 {
    cor_fault_peer::seed() % (1 << 32)
}

#[derive(Clone, Debug)]
pub(super) struct Scenario {
    pub(super) shape: Shape,
    pub(super) rate: f64,
    pub(super) retry_after: RetryAfter,
    /// Requests in flight at most, of each client.
    pub(super) tasks: usize,
    /// Seconds from sending to the answer. Each way takes up to a tenth of this longer.
    pub(super) latency: f64,
    /// Timers are late by at most so many seconds, and one in fifty by at most ten times as many.
    pub(super) late: f64,
    /// When the limit changes, and to what.
    pub(super) change: Option<(f64, Shape, f64)>,
    /// The server refuses every so-many-th request for no reason of rate.
    pub(super) stray_refusals: Option<u64>,
    pub(super) seconds: f64,
    pub(super) clients: Vec<SimulatedClient>,
    pub(super) seed: u64,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct SimulatedClient {
    pub(super) start: Start,
    pub(super) rows: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Start {
    /// After so many seconds.
    At(f64),
    /// When another client ends.
    AfterAnother,
    /// The same, with the rate hint of the client that ended last.
    WithHint,
}

impl Scenario {
    pub(super) fn new(shape: Shape, rate: f64, retry_after: RetryAfter, seed: u64) -> Scenario {
        let tasks = if rate > 1000.0 { 64 } else { 16 };
        Scenario {
            shape,
            rate,
            retry_after,
            tasks,
            latency: 0.005,
            late: 0.001,
            change: None,
            stray_refusals: None,
            seconds: f64::INFINITY,
            clients: vec![SimulatedClient { start: Start::At(0.0), rows: u64::MAX }],
            seed,
        }
    }

    /// The length of the limit's windows; 1 s where it has none.
    pub(super) fn window(&self) -> f64 {
        match self.shape {
            Shape::Unlimited | Shape::Bucket(_) => 1.0,
            Shape::Window(s) | Shape::Anchored(s) | Shape::Sliding(s) | Shape::Weighted(s) => s,
        }
    }
}

/// When the requests of a client were answered, and how.
#[derive(Debug, Default)]
pub(super) struct Run {
    /// Accepted and refused in each second of the simulation.
    pub(super) seconds: Vec<(u32, u32)>,
    pub(super) start: f64,
    pub(super) end: f64,
    /// When requests left after the first refusal arrived.
    pub(super) restart: Vec<f64>,
    pub(super) accepted: u64,
    pub(super) refused: u32,
}

impl Run {
    pub(super) fn sums(&self, from: f64, to: f64) -> (f64, f64) {
        let seconds = self.seconds.iter().take(to as usize).skip(from as usize);
        seconds.fold((0.0, 0.0), |sum, (a, r)| (sum.0 + f64::from(*a), sum.1 + f64::from(*r)))
    }

    fn record(&mut self, now: f64, accepted: bool) {
        self.seconds.resize(self.seconds.len().max(now as usize + 1), (0, 0));
        let (in_second, refused) = &mut self.seconds[now as usize];
        match accepted {
            true => (*in_second, self.accepted) = (*in_second + 1, self.accepted + 1),
            false => (*refused, self.refused) = (*refused + 1, self.refused + 1),
        }
    }
}

/// A client and its task, where there is one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Change,
    Start(usize),
    /// A refused request may be sent again.
    Retry(usize),
    Timer(usize),
    Arrival(usize, usize),
    Answer(usize, usize),
}

struct Client {
    limiter: RateLimiter,
    run: Run,
    /// Tasks that wait for a permit.
    queue: VecDeque<usize>,
    sent: Vec<f64>,
    answers: Vec<Result<(), f64>>,
    timer: f64,
    to_send: u64,
}

/// Runs the only client of a scenario.
pub(super) fn simulate(scenario: &Scenario) -> Run {
    simulate_all(scenario).remove(0)
}

/// Runs all clients of a scenario.
pub(super) fn simulate_all(scenario: &Scenario) -> Vec<Run> {
    let start = Instant::now();
    let at = |t: f64| start + Duration::from_secs_f64(t);
    let mut random = fastrand::Rng::with_seed(scenario.seed);
    let phase = random.f64() * scenario.window();
    let mut server = SimulatedServer::new(scenario.shape, scenario.rate, phase);
    let (mut events, mut count, mut requests) = (BinaryHeap::new(), 0, 0);
    let mut push = |events: &mut BinaryHeap<_>, time: f64, event: Event| {
        count += 1;
        events.push(Reverse(((time * 1e9).round() as u64, count, event)));
    };
    let mut clients: Vec<Client> = scenario.clients.iter().map(|plan| Client::new(plan, scenario)).collect();
    let mut waiting = VecDeque::new();
    for (client, plan) in scenario.clients.iter().enumerate() {
        match plan.start {
            Start::At(time) => push(&mut events, time, Event::Start(client)),
            Start::AfterAnother | Start::WithHint => waiting.push_back(client),
        }
    }
    if let Some((time, ..)) = scenario.change {
        push(&mut events, time, Event::Change);
    }
    while let Some(Reverse((nanos, _, event))) = events.pop() {
        let now = nanos as f64 / 1e9;
        if now > scenario.seconds {
            break;
        }
        let index = match event {
            Event::Change => {
                if let Some((_, shape, rate)) = scenario.change {
                    server.change(shape, rate);
                }
                continue;
            }
            Event::Arrival(index, task) => {
                requests += 1;
                let is_stray = scenario.stray_refusals.is_some_and(|every| requests % every == 0);
                clients[index].answers[task] = if is_stray { Err(0.0) } else { server.handle(now) };
                let way = scenario.latency * (0.5 + 0.1 * random.f64());
                push(&mut events, now + way, Event::Answer(index, task));
                continue;
            }
            Event::Timer(index) if now + 1e-9 < clients[index].timer => continue,
            Event::Timer(index) => {
                clients[index].timer = f64::INFINITY;
                index
            }
            Event::Start(index) => {
                clients[index].run.start = now;
                index
            }
            Event::Retry(index) => {
                clients[index].to_send += 1;
                index
            }
            Event::Answer(index, task) => {
                let client = &mut clients[index];
                match client.answers[task] {
                    Ok(()) => client.limiter.record_accepted(at(client.sent[task]), at(now)),
                    Err(wait) => {
                        let retry_after = scenario.retry_after.say(wait);
                        match client.limiter.record_refused(at(client.sent[task]), at(now), retry_after) {
                            true => {
                                let wait = retry_after.unwrap_or_default().as_secs_f64();
                                push(&mut events, now + wait, Event::Retry(index));
                            }
                            false => client.to_send += 1,
                        }
                        false
                    }
                };
                client.run.record(now, client.answers[task].is_ok());
                client.queue.push_back(task);
                index
            }
        };
        let client = &mut clients[index];
        client.run.end = now;
        if client.run.accepted == scenario.clients[index].rows {
            let hint = client.limiter.rate_hint();
            if let Some(next) = waiting.pop_front() {
                if scenario.clients[next].start == Start::WithHint {
                    clients[next].limiter = RateLimiter::new(None, hint);
                }
                push(&mut events, now, Event::Start(next));
            }
            if clients.iter().zip(&scenario.clients).all(|(client, plan)| client.run.accepted == plan.rows) {
                break;
            }
            continue;
        }
        // As in `Admission`, only the head of the queue waits on the timer.
        while let Some(task) = client.queue.front().copied().filter(|_| client.to_send > 0) {
            match client.limiter.acquire(at(now)) {
                Ok(()) => {
                    client.queue.pop_front();
                    client.to_send -= 1;
                    client.sent[task] = now;
                    if client.run.refused > 0 && client.run.restart.len() < 1000 {
                        client.run.restart.push(now);
                    }
                    let way = scenario.latency * (0.5 + 0.1 * random.f64());
                    push(&mut events, now + way, Event::Arrival(index, task));
                }
                Err(until) => {
                    let until = until.duration_since(start).as_secs_f64().max(now);
                    let late = if random.f64() < 0.02 { 10.0 } else { 1.0 } * scenario.late * random.f64();
                    let wake = (until * 1000.0).ceil() / 1000.0 + late + 1e-6;
                    if wake < client.timer {
                        client.timer = wake;
                        push(&mut events, wake, Event::Timer(index));
                    }
                    break;
                }
            }
        }
    }
    clients.into_iter().map(|client| client.run).collect()
}

impl Client {
    fn new(plan: &SimulatedClient, scenario: &Scenario) -> Client {
        Client {
            limiter: RateLimiter::new(None, None),
            run: Run::default(),
            queue: (0..scenario.tasks).collect(),
            sent: vec![0.0; scenario.tasks],
            answers: vec![Ok(()); scenario.tasks],
            timer: f64::INFINITY,
            to_send: plan.rows,
        }
    }
}
