//! What an error of reqwest means for the request. How much has left is known from the request's body; what went wrong is
//! known from the error and its causes.

use std::error::Error as StdError;
use std::io;

use hyper_util::client::legacy;

use super::connector::{CallConnections, NotLoopback, local_addr};
use super::proxy::Proxied;
use crate::transport::{ConnectionChoice, FaultKind, RequestContext, Sent, TransportError, http2};

/// Classifies an error. `alone`: no other request was in flight.
pub(super) fn classify(
    error: reqwest::Error,
    context: &RequestContext,
    call: &CallConnections,
    proxy: Option<&Proxied>,
    alone: bool,
) -> TransportError {
    // The address holds the project's id.
    let error = error.without_url();
    if let Some((kind, words)) =
        proxy.filter(|_| error.is_connect()).and_then(|proxy| proxy.explain(chain(&error)))
    {
        return TransportError::new(kind, Sent::Nothing, words);
    }
    let kind = match kind_of(&error) {
        kind @ (FaultKind::Broken | FaultKind::TlsAlert) if is_stale(&error, context, call, alone) => {
            let _ = kind;
            FaultKind::Stale
        }
        kind => kind,
    };
    TransportError::new(kind, context.progress(), error)
}

/// Whether a connection that existed before this call failed without a byte of a response.
fn is_stale(error: &reqwest::Error, context: &RequestContext, call: &CallConnections, alone: bool) -> bool {
    let Some(client_error) = find::<legacy::Error>(error) else { return false };
    let mut extensions = http::Extensions::new();
    if let Some(connected) = client_error.connect_info() {
        connected.get_extras(&mut extensions);
    }
    // When a shared connection ends, every request on it fails; sending all of them again at once would be a burst. A server that
    // refuses one stream has not closed an idle connection.
    let ended =
        find::<h2::Error>(error).is_none_or(|http2| alone && !http2.is_reset() && !http2.is_go_away());
    context.connection() != ConnectionChoice::New && !call.made(local_addr(&extensions)) && ended
}

fn kind_of(error: &reqwest::Error) -> FaultKind {
    if find::<NotLoopback>(error).is_some() {
        return FaultKind::Refused;
    }
    if error.is_connect() {
        if find::<rustls::Error>(error).is_some() {
            return FaultKind::Tls;
        }
        return FaultKind::Connect;
    }
    if let Some(alert) = find::<rustls::Error>(error) {
        let ended =
            matches!(alert, rustls::Error::AlertReceived(_)) && find::<legacy::Error>(error).is_some();
        return if ended { FaultKind::TlsAlert } else { FaultKind::Broken };
    }
    if let Some(http2) = find::<h2::Error>(error) {
        return http2::kind_of(http2, find::<legacy::Error>(error).is_none());
    }
    if let Some(hyper) = find::<hyper::Error>(error) {
        // hyper has no method that tells this kind of parse error.
        if hyper.is_parse() && hyper.to_string().contains("too large") {
            return FaultKind::TooLarge;
        }
        if hyper.is_parse() || hyper.is_parse_status() {
            return FaultKind::Protocol;
        }
    }
    match find::<io::Error>(error).map(io::Error::kind) {
        // The kinds of hyper's errors for malformed chunks and contradictory lengths.
        Some(io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData) => {
            let says = |words: &str| chain(error).any(|cause| cause.to_string().starts_with(words));
            // h2 keeps only the text of an error below it.
            if says("received fatal alert") && find::<legacy::Error>(error).is_some() {
                FaultKind::TlsAlert
            } else if says("chunk trailers ") {
                FaultKind::TooLarge
            } else {
                FaultKind::Protocol
            }
        }
        _ => FaultKind::Broken,
    }
}

/// The first cause of this type.
fn find<T: StdError + 'static>(error: &reqwest::Error) -> Option<&T> {
    chain(error).find_map(|cause| cause.downcast_ref::<T>())
}

/// The error and its causes. `source` of an I/O error skips the error that it wraps, so `get_ref` is used there.
fn chain(error: &reqwest::Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    std::iter::successors(Some(error as &(dyn StdError + 'static)), |&error| {
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        match inner {
            Some(inner) => Some(inner as &(dyn StdError + 'static)),
            None => error.source(),
        }
    })
}
