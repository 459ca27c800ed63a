//! When the client's attempts began and failed, as its own events show.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use tracing::span::{Attributes, Id};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

#[derive(Clone, Default)]
pub struct Attempts(Arc<Mutex<(Vec<Instant>, Vec<Instant>)>>);

impl Attempts {
    /// Runs `work`, whose client works on this thread.
    pub fn watched<T>(&self, work: impl FnOnce() -> T) -> T {
        tracing::subscriber::with_default(tracing_subscriber::registry().with(self.clone()), work)
    }

    pub fn begun(&self) -> Vec<Instant> {
        self.0.lock().unwrap().0.clone()
    }

    pub fn failed(&self) -> Vec<Instant> {
        self.0.lock().unwrap().1.clone()
    }
}

impl<S: Subscriber> Layer<S> for Attempts {
    fn on_new_span(&self, span: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        if span.metadata().name() == "attempt" {
            self.0.lock().unwrap().0.push(Instant::now());
        }
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "cor_http::call"
            && event.fields().any(|field| field.name() == "outcome")
        {
            self.0.lock().unwrap().1.push(Instant::now());
        }
    }
}
