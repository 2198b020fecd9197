//! One who listens.

use std::{collections::VecDeque, convert::Infallible, sync::Arc};

use bytes::{Bytes, BytesMut};
use evergrant::store::EventLog;
use futures_util::{Stream, stream};
use tokio::sync::broadcast::error::RecvError;

use super::{
    Filter,
    frame::{self, Frame, Gap},
    hub::{NoSeat, Seat},
};
use crate::{
    access::Key,
    app::App,
    problem::{Problem, Reason},
};

/// Events that a listener that catches up reads at once: what a slow one has in memory beside its socket.
const PAGE: usize = 64;

/// Where a listener is.
pub(crate) struct Listener {
    app: Arc<App>,
    key: Arc<Key>,
    filter: Filter,
    seat: Seat,
    /// What is said before any event.
    first: VecDeque<Bytes>,
    /// The number of the last event that it got, or that was none of its.
    last: u64,
    /// It has read the log up to the reader's place: what comes now comes from there.
    caught_up: bool,
}

/// Takes a place and finds out where to begin: after the event of that number, or now.
pub(crate) async fn listen(
    app: &Arc<App>,
    key: Arc<Key>,
    filter: Filter,
    after: Option<u64>,
) -> Result<Listener, Problem> {
    let mut seat = app.hub.sit_down(&app.keeper).map_err(|reason| match reason {
        NoSeat::Closed => Problem::of(Reason::ShuttingDown),
        NoSeat::Full => Problem::of(Reason::TooManyListeners),
    })?;
    let log = app.keeper.event_log().await?;
    let front = seat.from.wait_for(Option::is_some).await.map(|from| from.unwrap_or_default());
    let front = front.map_err(|_| Problem::of(Reason::ShuttingDown))?;
    let (last, gap) = after.map_or((front, None), |after| begin(after, log));
    let greeting = [frame::greeting(last)];
    let first = greeting.into_iter().chain(gap.map(Gap::bytes)).collect();
    Ok(Listener { app: Arc::clone(app), key, filter, seat, first, last, caught_up: after.is_none() })
}

/// After which number to go on, and what is missing.
pub(crate) fn begin(after: u64, log: EventLog) -> (u64, Option<Gap>) {
    if after > log.newest {
        (log.newest, Some(Gap::Unknown { after, newest: log.newest }))
    } else if after < log.forgotten {
        (after, Some(Gap::Forgotten { after, up_to: log.forgotten }))
    } else {
        (after, None)
    }
}

impl Listener {
    /// What it hears, until its key ends, the server stops or the store is away: then it comes back and goes on where it
    /// was, if it may.
    pub(crate) fn into_stream(self) -> impl Stream<Item = Result<Bytes, Infallible>> + Send {
        stream::unfold(self, |mut listener| async move {
            let heard = listener.hear().await?;
            Some((Ok(heard), listener))
        })
    }

    async fn hear(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.pop_front() {
            return Some(first);
        }
        loop {
            let heard = if self.caught_up { self.follow().await? } else { self.catch_up().await? };
            if !heard.is_empty() {
                let clock = self.app.keeper.clock();
                return self.key.is_still_good(|| clock.now().wall).then_some(heard);
            }
        }
    }

    /// The next frame from the reader, as far as it is for this listener.
    async fn follow(&mut self) -> Option<Bytes> {
        match self.seat.frames.recv().await {
            Ok(frame) => Some(self.take(&frame)),
            Err(RecvError::Lagged(_)) => {
                self.caught_up = false;
                Some(Bytes::new())
            }
            Err(RecvError::Closed) => None,
        }
    }

    fn take(&mut self, frame: &Frame) -> Bytes {
        match frame {
            Frame::Event(event, bytes) if event.number > self.last => {
                self.last = event.number;
                if self.filter.wants(event) { bytes.clone() } else { Bytes::new() }
            }
            Frame::Event(..) => Bytes::new(),
            Frame::Heartbeat(number) => {
                self.last = self.last.max(*number);
                frame::heartbeat(self.last)
            }
        }
    }

    /// The next events from the log.
    async fn catch_up(&mut self) -> Option<Bytes> {
        let page = self.app.hub.page(&self.app.keeper, &self.filter.namespace, self.last, PAGE).await.ok()?;
        self.caught_up = page.len() < PAGE;
        let rates = self.app.keeper.known_remedy_rates();
        let mut heard = BytesMut::new();
        for event in page {
            self.last = event.number;
            if self.filter.wants(&event) {
                heard.extend_from_slice(&frame::event(&event, &rates));
            }
        }
        Some(heard.freeze())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_missed_what_is_gone_is_told_and_nobody_else() {
        let log = EventLog { newest: 100, forgotten: 40 };
        for after in [40, 41, 100] {
            assert_eq!(begin(after, log), (after, None));
        }
        assert_eq!(begin(39, log), (39, Some(Gap::Forgotten { after: 39, up_to: 40 })));
        assert_eq!(begin(0, log), (0, Some(Gap::Forgotten { after: 0, up_to: 40 })));
        assert_eq!(begin(101, log), (100, Some(Gap::Unknown { after: 101, newest: 100 })));
    }
}
