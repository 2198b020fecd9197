//! One connection and one exchange over it: the place that knows whether a byte of the request was written.

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use evergrant_proto::{
    time::Moment,
    wire::http::{HttpResponse, RequestSent, TransportFailure, TransportFailureKind as Kind},
};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Instant, timeout_at},
};

use super::{
    destination::Destination,
    failure::{broken, unsent},
    prepare::WireRequest,
    receive::{Incomplete, receive},
    wire::Wire,
};
use crate::clock::Clock;

/// Most headers that an answer may have.
const MAX_HEADERS: usize = 128;

/// Longest head of an answer, in bytes.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// A timer that is so late belongs to a process that was stopped, and that has not looked yet what came meanwhile.
const STOOD_STILL: Duration = Duration::from_secs(1);

/// A byte stream in both directions: TCP, or TLS over it.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// What bounds one exchange.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms<'a> {
    /// The first byte is written before this moment of `clock` or not at all.
    pub(super) not_after: Moment,
    pub(super) clock: &'a dyn Clock,
    pub(super) deadline: Instant,
    pub(super) max_body_bytes: usize,
}

impl Terms<'_> {
    /// Whether it is too late for a first byte.
    pub(super) fn have_lapsed(&self) -> bool {
        self.clock.moment() > self.not_after
    }
}

/// An open connection. Nothing drives it in the background: it moves only while an exchange polls it, so nothing
/// of it can be written after the exchange has reported.
pub(super) struct Connection {
    wire: Wire,
    sender: http1::SendRequest<Full<Bytes>>,
    driver: http1::Connection<TokioIo<Box<dyn Duplex>>, Full<Bytes>>,
    /// `host:port`, for texts.
    at: String,
}

impl Connection {
    /// Speaks HTTP/1.1 over `stream`, which ends in `wire`. Nothing is written yet.
    pub(super) async fn open(
        wire: Wire,
        stream: Box<dyn Duplex>,
        destination: &Destination,
    ) -> Result<Self, TransportFailure> {
        let at = destination.to_string();
        let (sender, driver) = http1::Builder::new()
            .max_headers(MAX_HEADERS)
            .max_header_size(MAX_HEAD_BYTES)
            .max_buf_size(MAX_HEAD_BYTES)
            // RFC 9112 5.2 asks a user agent to read folded lines; a space before the colon harms nobody here,
            // and a success in an odd wrapping is still a success.
            .allow_obsolete_multiline_headers_in_responses(true)
            .allow_spaces_after_header_name_in_responses(true)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| broken(&error, RequestSent::No, &at))?;
        Ok(Self { wire, sender, driver, at })
    }

    /// Sends one request and reads its whole answer. The connection comes back if it can carry another one.
    ///
    /// Whatever the failure: when this returns, the connection is gone, and with it every byte that was not
    /// written yet.
    pub(super) async fn exchange(
        mut self,
        request: WireRequest,
        terms: &Terms<'_>,
    ) -> Result<(HttpResponse, Option<Self>), TransportFailure> {
        let written_before = self.wire.written();
        let outcome = {
            let mut driving = pin!(self.drive(request, terms, written_before));
            match timeout_at(terms.deadline, driving.as_mut()).await {
                // What has come while everything stood still is not thrown away.
                Err(_) if Instant::now() > terms.deadline + STOOD_STILL => {
                    timeout_at(Instant::now() + STOOD_STILL, driving).await
                }
                outcome => outcome,
            }
        };
        let request_sent =
            if self.wire.written() == written_before { RequestSent::No } else { RequestSent::Maybe };
        match outcome {
            Ok(Ok(response)) => Ok((response, self.settled())),
            Ok(Err(incomplete)) => Err(self.failure(&incomplete, request_sent)),
            Err(_) => {
                let detail = format!("{}: no complete answer before the deadline", self.at);
                Err(TransportFailure { kind: Kind::Timeout, request_sent, detail })
            }
        }
    }

    /// Polls connection and exchange in one task, and the clock before each poll that could write the first byte:
    /// hyper writes within the poll, so between the look at the clock and the byte nothing waits.
    async fn drive(
        &mut self,
        request: WireRequest,
        terms: &Terms<'_>,
        written_before: u64,
    ) -> Result<HttpResponse, Incomplete> {
        let Self { wire, sender, driver, .. } = self;
        let mut answer = pin!(receive(sender, request, terms.max_body_bytes));
        let mut closed = false;
        poll_fn(|context| {
            if wire.written() == written_before && terms.have_lapsed() {
                return Poll::Ready(Err(Incomplete::TooLate));
            }
            // An error of the driver reaches the answer, too.
            closed = closed || Pin::new(&mut *driver).poll(context).is_ready();
            answer.as_mut().poll(context)
        })
        .await
    }

    fn failure(&self, incomplete: &Incomplete, request_sent: RequestSent) -> TransportFailure {
        match incomplete {
            Incomplete::TooLate => {
                unsent(Kind::TooLate, format!("{}: the time to send the request had passed", self.at))
            }
            Incomplete::TooLarge => TransportFailure {
                kind: Kind::TooLarge,
                request_sent,
                detail: format!("{}: the body of the answer is larger than the cap", self.at),
            },
            Incomplete::Switching => TransportFailure {
                kind: Kind::Protocol,
                request_sent,
                detail: format!("{}: the answer switches to a protocol that was not asked for", self.at),
            },
            // Bytes may have left all the same, where TLS answers its peer by itself: none was of the request.
            Incomplete::NotTaken(error) => broken(error, RequestSent::No, &self.at),
            Incomplete::Broken(error) => broken(error, request_sent, &self.at),
        }
    }

    /// Lets the driver notice the end of the exchange; the connection, if it stays open for another.
    fn settled(mut self) -> Option<Self> {
        self.is_open().then_some(self)
    }

    /// Whether the connection, idle for a while, is still good for a request.
    pub(super) fn is_reusable(&mut self) -> bool {
        self.wire.is_quiet() && self.is_open()
    }

    fn is_open(&mut self) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        Pin::new(&mut self.driver).poll(&mut context).is_pending() && self.sender.is_ready()
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Connection").field("at", &self.at).finish_non_exhaustive()
    }
}
