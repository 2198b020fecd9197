//! Bodies that arrive, and not a byte a minute.
//!
//! What counts is the time that the server waits for the caller, not the time that it takes itself to work off what has
//! come: a long import at its own pace is nobody's fault.

use std::{
    error::Error,
    fmt,
    future::Future,
    iter::successors,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    BoxError,
    body::{Body, Bytes, HttpBody},
};
use hyper::body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

/// How quickly a body has to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pace {
    /// How long any piece may be waited for, and the whole beyond what its bytes earn.
    pub(crate) patience: Duration,
    /// Bytes that earn a second; 0: one does, for ever.
    pub(crate) bytes_per_second: u32,
}

/// A body that fails when it comes more slowly than its pace.
struct Steady {
    body: Body,
    pace: Pace,
    /// What is left of the time to wait.
    left: Duration,
    /// Since when a piece is waited for, and until when.
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
}

/// It came too slowly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooSlow;

impl fmt::Display for TooSlow {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the body came too slowly")
    }
}

impl Error for TooSlow {}

impl TooSlow {
    /// Whether that is why a body could not be read.
    pub(crate) fn ended(error: &axum::Error) -> bool {
        successors(Some(error as &dyn Error), |&error| error.source())
            .any(|error| error.downcast_ref::<Self>().is_some())
    }
}

impl Pace {
    /// The same body, to be read at this pace. One that is empty already costs nothing.
    pub(crate) fn set(self, body: Body) -> Body {
        if body.is_end_stream() { body } else { Body::new(Steady::new(body, self)) }
    }

    /// The time that so many bytes earn.
    fn earned(self, bytes: usize) -> Duration {
        let micros = u64::try_from(bytes).unwrap_or(u64::MAX).saturating_mul(1_000_000);
        micros.checked_div(self.bytes_per_second.into()).map_or(Duration::MAX, Duration::from_micros)
    }
}

impl Steady {
    fn new(body: Body, pace: Pace) -> Self {
        Self { body, pace, left: pace.patience, waiting: None }
    }

    /// Counts the time that was waited for what has come, and what it earns.
    fn has_come(&mut self, bytes: usize) {
        if let Some((since, _)) = self.waiting.take() {
            self.left = self.left.saturating_sub(since.elapsed());
        }
        self.left = self.left.saturating_add(self.pace.earned(bytes));
    }
}

impl HttpBody for Steady {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        if let Poll::Ready(come) = Pin::new(&mut this.body).poll_frame(context) {
            let bytes = come.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()).map_or(0, Bytes::len);
            this.has_come(bytes);
            return Poll::Ready(come.map(|frame| frame.map_err(Into::into)));
        }
        let wait = this.left.min(this.pace.patience);
        let (_, end) = this.waiting.get_or_insert_with(|| {
            let now = Instant::now();
            (now, Box::pin(sleep_until(now + wait)))
        });
        ready!(end.as_mut().poll(context));
        Poll::Ready(Some(Err(TooSlow.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use futures_util::stream;

    use super::*;

    const PACE: Pace = Pace { patience: Duration::from_secs(30), bytes_per_second: 100 };

    /// So many pieces of so many bytes, each so long after it is asked for.
    async fn read(pieces: usize, bytes: usize, after: Duration) -> Result<usize, axum::Error> {
        let piece = move |left: usize| async move {
            let left = left.checked_sub(1)?;
            tokio::time::sleep(after).await;
            Some((Ok::<_, std::convert::Infallible>(vec![b'x'; bytes]), left))
        };
        let body = PACE.set(Body::from_stream(stream::unfold(pieces, piece)));
        to_bytes(body, usize::MAX).await.map(|bytes| bytes.len())
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_keeps_its_pace_may_take_as_long_as_it_is() {
        assert_eq!(read(1000, 1000, Duration::from_secs(10)).await.unwrap(), 1_000_000);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_drips_is_cut_off_although_no_piece_is_late() {
        let began = Instant::now();
        let error = read(1000, 1, Duration::from_secs(1)).await.unwrap_err();
        assert!(TooSlow::ended(&error));
        assert!(began.elapsed() < Duration::from_secs(32));
    }

    #[tokio::test(start_paused = true)]
    async fn a_piece_that_is_late_ends_a_body_whatever_it_has_earned() {
        assert!(read(2, 100_000, Duration::from_secs(29)).await.is_ok());
        assert!(read(2, 100_000, Duration::from_secs(31)).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_server_takes_for_its_own_work_is_not_counted() {
        let pieces = stream::iter((0..10).map(|_| Ok::<_, std::convert::Infallible>(vec![b'x'])));
        let mut body = PACE.set(Body::from_stream(pieces)).into_data_stream();
        let mut read = 0;
        while let Some(piece) = futures_util::StreamExt::next(&mut body).await {
            read += piece.unwrap().len();
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
        assert_eq!(read, 10);
    }

    #[test]
    fn nothing_is_done_for_a_request_without_body() {
        assert!(PACE.set(Body::empty()).is_end_stream());
    }
}
