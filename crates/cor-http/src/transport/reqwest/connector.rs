//! A layer around reqwest's connector. It records which connections a call makes, applies the connect timeout, and lets
//! calls that start together share one HTTP/2 connection instead of making one each.

use std::future::poll_fn;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use http::Extensions;
use hyper_util::client::legacy::connect::{Connection, HttpInfo};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower_layer::Layer;
use tower_service::Service;

use crate::transport::{RequestContext, Sent};

tokio::task_local! {
    /// The call that the current task works for.
    pub(super) static CALL: Arc<CallConnections>;
}

/// The connections that one call makes, and how much of its request has left.
#[derive(Debug)]
pub(super) struct CallConnections {
    context: RequestContext,
    /// Their addresses on this machine.
    made: Mutex<Vec<SocketAddr>>,
    /// Held by the one call that connects while others wait for its connection.
    leading: Mutex<Option<OwnedSemaphorePermit>>,
}

impl CallConnections {
    pub(super) fn new(context: RequestContext) -> CallConnections {
        CallConnections { context, made: Mutex::default(), leading: Mutex::default() }
    }

    /// The head of the request is about to be queued on a connection. `false`: the client has cancelled the request, and it must
    /// not be sent.
    pub(super) fn sending(&self) -> bool {
        let wanted = self.context.sending();
        // The connection is in the pool by now, where the calls that waited for it find it.
        self.lock(&self.leading).take();
        wanted
    }

    pub(super) fn sent(&self) {
        self.context.sent();
    }

    /// Whether this call made the connection with this local address. `true` if the address is unknown.
    pub(super) fn made(&self, address: Option<SocketAddr>) -> bool {
        address.is_none_or(|address| self.lock(&self.made).contains(&address))
    }

    fn lock<'a, T>(&self, mutex: &'a Mutex<T>) -> std::sync::MutexGuard<'a, T> {
        mutex.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The address on this machine of the connection that a response came over.
pub(super) fn local_addr(extensions: &Extensions) -> Option<SocketAddr> {
    extensions.get::<HttpInfo>().map(HttpInfo::local_addr)
}

/// Lets one call at a time make a connection while the server may speak HTTP/2, which needs only one.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    turn: Arc<Semaphore>,
    /// The server speaks HTTP/1.1, where each request in flight needs a connection: nothing is gated.
    open: Arc<AtomicBool>,
    /// The last connection could not be made: calls try at the same time, so that none waits for the failures of others.
    failing: Arc<AtomicBool>,
}

impl Gate {
    pub(super) fn new(open: bool) -> Gate {
        Gate {
            turn: Arc::new(Semaphore::new(1)),
            open: Arc::new(AtomicBool::new(open)),
            failing: Arc::default(),
        }
    }

    fn is_open(&self) -> bool {
        self.open.load(Ordering::Relaxed)
    }

    fn open(&self) {
        self.open.store(true, Ordering::Relaxed);
        // Every waiting call, and every later one, proceeds without a permit.
        self.turn.close();
    }
}

#[derive(Clone, Debug)]
pub(super) struct ConnectorLayer {
    pub(super) gate: Gate,
    pub(super) timeout: Duration,
}

impl<S> Layer<S> for ConnectorLayer {
    type Service = Connector<S>;

    fn layer(&self, inner: S) -> Connector<S> {
        Connector(Arc::new((inner, self.clone())))
    }
}

/// The connector that a client calls. hyper-util clones it several times for each request, and reqwest's own connector, which
/// only a new connection needs, is costly to clone.
#[derive(Debug)]
pub(super) struct Connector<S>(Arc<(S, ConnectorLayer)>);

impl<S> Clone for Connector<S> {
    fn clone(&self) -> Connector<S> {
        Connector(self.0.clone())
    }
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl<S, R> Service<R> for Connector<S>
where
    R: Send + 'static,
    S: Service<R, Error = BoxError> + Clone + Send + Sync + 'static,
    S::Response: Connection + Send,
    S::Future: Send,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        // The instance that makes the connection is asked, below.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, destination: R) -> Self::Future {
        let (inner, layer) = &*self.0;
        let (mut inner, layer) = (inner.clone(), layer.clone());
        let call = CALL.try_with(Arc::clone).ok();
        Box::pin(async move {
            let turn = layer.turn().await?;
            poll_fn(|cx| inner.poll_ready(cx)).await?;
            let connecting = inner.call(destination);
            let connection = match tokio::time::timeout(layer.timeout, connecting).await {
                Ok(connection) => connection,
                Err(_) => Err(ConnectTimedOut(layer.timeout).into()),
            };
            layer.gate.failing.store(connection.is_err(), Ordering::Relaxed);
            let connection = connection?;
            let connected = connection.connected();
            let mut extensions = Extensions::new();
            connected.get_extras(&mut extensions);
            if let Some(call) = &call {
                call.lock(&call.made).extend(local_addr(&extensions));
            }
            match (connected.is_negotiated_h2(), turn, &call) {
                (true, Some(turn), Some(call)) if call.context.progress() == Sent::Nothing => {
                    *call.lock(&call.leading) = Some(turn);
                }
                (true, ..) => {}
                (false, ..) => layer.gate.open(),
            }
            Ok(connection)
        })
    }
}

impl ConnectorLayer {
    /// Waits until no other call is connecting. Returns the permit to connect, or `None` if none is needed.
    async fn turn(&self) -> Result<Option<OwnedSemaphorePermit>, BoxError> {
        if self.gate.is_open() {
            return Ok(None);
        }
        // The call that connects may not be polled at the moment, such as a row whose results nobody asks for.
        let turn = tokio::time::timeout(self.timeout, self.gate.turn.clone().acquire_owned()).await;
        let turn = turn.ok().and_then(Result::ok);
        // Outside of a call: hyper-util continues connecting in a background task after another connection served the call.
        match CALL.try_with(|_| ()) {
            Ok(()) if self.gate.failing.load(Ordering::Relaxed) => Ok(None),
            Ok(()) => Ok(turn),
            Err(_) => Err(NoLongerNeeded.into()),
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("timed out after {0:?}")]
pub(super) struct ConnectTimedOut(Duration);

#[derive(Debug, thiserror::Error)]
#[error("the call was served by another connection")]
struct NoLongerNeeded;

/// The name of an http address that leads to another machine.
#[derive(Debug, thiserror::Error)]
#[error("the http address resolves to another machine, {0}, and the token would be sent unencrypted")]
pub(super) struct NotLoopback(pub(super) IpAddr);
