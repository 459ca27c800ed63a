//! Cases of HTTP/1.1 played over TLS and over HTTP/2.

use std::fmt;

use crate::cases::Case;
use crate::{Goaway, Http2, Step, StreamStep};

/// Why a case is not played over HTTP/2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NotOverH2 {
    /// The peer's answer is spelled out as bytes of HTTP/1.1. `tests/faults/h2_cases.json` has what corresponds.
    SpelledOut,
    /// It happens before there is a TLS session, so no protocol has been agreed on.
    Handshake,
    /// It says itself which protocols are offered.
    Alpn,
    /// The peer answers where nothing was asked: HTTP/2 has no place for it but a stream.
    Unasked,
    /// The peer ends connections at random, by the rules of HTTP/1.1.
    Random,
}

impl fmt::Display for NotOverH2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NotOverH2::SpelledOut => "the answer is spelled out in HTTP/1.1",
            NotOverH2::Handshake => "it happens before TLS is set up",
            NotOverH2::Alpn => "it says which protocols are offered",
            NotOverH2::Unasked => "an answer without a request",
            NotOverH2::Random => "random endings of HTTP/1.1",
        })
    }
}

impl Case {
    /// The case with TLS and HTTP/1.1, which both sides agree on. One that speaks TLS of its own accord, or meets a
    /// peer that does not, stays as it is.
    #[must_use]
    pub fn over_tls(&self) -> Case {
        let mut case = self.clone();
        if !case.client.https && case.peer.h2.is_empty() {
            let tls = case.peer.tls.get_or_insert_default();
            if tls.alpn.is_empty() {
                tls.alpn.push("http/1.1".to_owned());
            }
        }
        case
    }

    /// The case over HTTP/2, with the same steps on streams.
    ///
    /// # Errors
    /// Why there is none.
    pub fn over_h2(&self) -> Result<Case, NotOverH2> {
        let mut case = self.clone();
        if !case.peer.h2.is_empty() {
            return Ok(case);
        }
        if case.client.https {
            return Err(NotOverH2::Handshake);
        }
        if case.peer.tls.as_ref().is_some_and(|tls| !tls.alpn.is_empty()) {
            return Err(NotOverH2::Alpn);
        }
        case.peer.h2 =
            case.peer.connections.iter().map(|steps| connection(steps)).collect::<Result<_, _>>()?;
        if case.peer.h2.is_empty() {
            // Connections that are never served: TLS all the same.
            case.peer.h2.push(Http2::default());
        }
        Ok(case)
    }
}

/// Where a connection of HTTP/1.1 is.
#[derive(PartialEq)]
enum At {
    Opening,
    Asked,
    Answered,
}

fn connection(steps: &[Step]) -> Result<Http2, NotOverH2> {
    let (mut h2, mut at) = (Http2::default(), At::Opening);
    if let [Step::Repeat(steps)] = steps {
        // The steps of one stream, which serve all that come after.
        steps.iter().try_for_each(|step| take(step, &mut at, &mut h2))?;
        return if h2.opening.is_empty() && h2.streams.len() == 1 { Ok(h2) } else { Err(NotOverH2::Unasked) };
    }
    steps.iter().try_for_each(|step| take(step, &mut at, &mut h2))?;
    // A connection of HTTP/1.1 ends with its steps, and serves no further request before.
    let last = h2.streams.last_mut().unwrap_or(&mut h2.opening);
    if !matches!(last.last(), Some(StreamStep::Silence | StreamStep::Deaf)) {
        last.push(StreamStep::Close);
    }
    h2.streams.push(vec![StreamStep::Silence]);
    Ok(h2)
}

fn take(step: &Step, at: &mut At, h2: &mut Http2) -> Result<(), NotOverH2> {
    let mut steps = Vec::new();
    match step {
        Step::ReadRequest | Step::ReadHead => {
            if *at != At::Asked {
                h2.streams.push(Vec::new());
                *at = At::Asked;
            }
            let whole = matches!(step, Step::ReadRequest);
            steps.push(if whole { StreamStep::ReadRequest } else { StreamStep::ReadHead });
        }
        Step::Answer(answer) => {
            if *at != At::Asked {
                return Err(NotOverH2::Unasked);
            }
            *at = At::Answered;
            let mut answer = answer.clone();
            // Headers of the connection are no part of HTTP/2, which has a frame for the only one of them used.
            let closes = answer.headers.remove("connection").is_some();
            if closes {
                steps.push(StreamStep::Goaway(Goaway::default()));
            }
            steps.push(StreamStep::Answer(answer));
        }
        Step::DelayMs(ms) => steps.push(StreamStep::DelayMs(*ms)),
        Step::Reset => steps.push(StreamStep::Reset),
        Step::Close => steps.push(StreamStep::Close),
        Step::HalfClose => steps.push(StreamStep::HalfClose),
        Step::Silence => steps.push(StreamStep::Silence),
        Step::Deaf => steps.push(StreamStep::Deaf),
        Step::ReadSome => return Err(NotOverH2::Handshake),
        Step::Send(_) | Step::SendBytes(_) | Step::SendTimes { .. } | Step::Drip { .. } => {
            return Err(NotOverH2::SpelledOut);
        }
        Step::Repeat(_) | Step::Fickle(_) => return Err(NotOverH2::Random),
    }
    h2.streams.last_mut().unwrap_or(&mut h2.opening).extend(steps);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::cases;

    #[test]
    fn every_case_runs_over_http2_or_gives_reason() {
        let cases = cases::read(include_str!("../../../tests/faults/cases.json"));
        let (mut over, mut not) = (0, BTreeMap::<NotOverH2, usize>::new());
        for case in &cases {
            match case.over_h2() {
                Ok(_) => over += 1,
                Err(why) => *not.entry(why).or_default() += 1,
            }
        }
        assert_eq!(over + not.values().sum::<usize>(), cases.len());
        // A case that is added is counted here, so that none is left out silently.
        let expected = [
            (NotOverH2::SpelledOut, 114),
            (NotOverH2::Handshake, 8),
            (NotOverH2::Alpn, 2),
            (NotOverH2::Unasked, 2),
        ];
        assert_eq!((over, not), (1310, BTreeMap::from(expected)));
    }
}
