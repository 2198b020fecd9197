//! The clock of a process that shares the virtual time of a rehearsal.

use std::{convert::Infallible, time::Duration};

use evergrant_proto::{
    time::{Moment, Now, Timestamp},
    wire::http::{HttpRequest, HttpResponse, Method, TransportFailure, TransportFailureKind},
};
use futures_util::future::BoxFuture;
use serde::Deserialize;
use url::Url;
use zeroize::Zeroizing;

use super::{Clock, ManualClock, SystemClock};
use crate::http::{EgressConfig, HttpClient};

/// Real time between two looks at the followed clock: what a jump of virtual time may take to be noticed.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Real time that the followed clock may take to answer.
const POLL_DEADLINE: Duration = Duration::from_secs(2);

/// Follows the clock at a URL on loopback that answers
/// `{"now_ms": <milliseconds since 1970>, "mode": "virtual" | "real"}`, as `evergrant rehearse` does.
///
/// Both clocks show what was read last, so they stand still when the followed clock does and jump when it jumps.
/// The moment is the latest wall time that was ever read: processes that follow one clock agree on their moments,
/// as those of one machine do, and a followed clock that is set back moves the wall clock alone.
///
/// Somebody has to spawn [`FollowedClock::follow`]; without it the time stands still.
#[derive(Debug, Clone)]
pub struct FollowedClock {
    shown: ManualClock,
    mode: Mode,
    source: Source,
}

/// Why a clock cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FollowedClockError {
    /// The text is no URL, or the URL is not plain HTTP to this host: whoever runs the clock decides when leases
    /// and tokens end, so nobody else may.
    #[error(
        "the clock to follow must be an http:// URL on loopback, such as http://127.0.0.1:8790/admin/clock"
    )]
    NotOnLoopback,
    /// Nothing answered. Is `evergrant rehearse` running?
    #[error("the clock to follow does not answer: {0}")]
    Unreachable(String),
    /// What answered is not a clock.
    #[error("what answers at the URL of the clock to follow is not a clock (status {status})")]
    NotAClock {
        /// The status of its answer.
        status: u16,
    },
}

impl FollowedClock {
    /// Reads the clock at `url` once and shows that time from then on.
    ///
    /// # Errors
    ///
    /// The URL is not plain HTTP to this host, nothing answers there within two seconds, or what answers is no clock.
    pub async fn connect(url: &str) -> Result<Self, FollowedClockError> {
        let source = Source::new(url)?;
        let reading = source.read().await?;
        Ok(Self { shown: ManualClock::new(reading.now()), mode: reading.mode, source })
    }

    /// What both clocks show once the followed one has given its first answer: for trying hostile input.
    #[doc(hidden)]
    pub fn shown_after(first: &HttpResponse) -> Result<Now, FollowedClockError> {
        parse(first).map(|reading| reading.now())
    }

    /// Keeps up with the followed clock until it is dropped. While that one does not answer, virtual time stands
    /// still and real time goes on, so that a provider that is killed in a rehearsal is an outage like any other.
    pub async fn follow(&self) -> Infallible {
        let mut lost = false;
        let mut looked = SystemClock.moment();
        loop {
            tokio::time::sleep(POLL_INTERVAL).await;
            let read = self.poll().await;
            let passed = SystemClock.moment().since(looked);
            looked = looked.plus(passed);
            if read.is_err() && self.mode == Mode::Real {
                self.shown.advance(passed);
            }
            match &read {
                Err(error) if !lost => {
                    tracing::warn!(target: "evergrant", %error, "the followed clock is lost");
                }
                Ok(()) if lost => tracing::info!(target: "evergrant", "the followed clock is back"),
                _ => {}
            }
            lost = read.is_err();
        }
    }

    /// Looks at the followed clock now.
    ///
    /// # Errors
    ///
    /// Nothing answers within two seconds, or what answers is no clock. The time that is shown stays as it was.
    pub async fn poll(&self) -> Result<(), FollowedClockError> {
        let reading = self.source.read().await?.now();
        self.shown.now.send_if_modified(|now| {
            let read = Now { moment: now.moment.max(reading.moment), ..reading };
            std::mem::replace(now, read) != read
        });
        Ok(())
    }
}

impl Clock for FollowedClock {
    fn now(&self) -> Now {
        self.shown.now()
    }

    fn wait_until(&self, moment: Moment) -> BoxFuture<'static, ()> {
        self.shown.wait_until(moment)
    }
}

#[derive(Debug, Clone)]
struct Source {
    client: HttpClient,
    url: Url,
}

#[derive(Deserialize)]
struct Reading {
    #[serde(rename = "now_ms")]
    wall: Timestamp,
    #[serde(default)]
    mode: Mode,
}

impl Reading {
    /// What both clocks show if nothing was read before.
    fn now(&self) -> Now {
        Now { wall: self.wall, moment: Moment(u64::try_from(self.wall.0).unwrap_or(0)) }
    }
}

/// How the followed clock's time passes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mode {
    /// As that of this machine, from wherever it was set.
    Real,
    /// Only when somebody moves it.
    #[default]
    #[serde(other)]
    Virtual,
}

impl Source {
    fn new(url: &str) -> Result<Self, FollowedClockError> {
        let url = Url::parse(url).map_err(|_| FollowedClockError::NotOnLoopback)?;
        // The client's guard lets plain HTTP through to loopback only: asking for that scheme is enough.
        if url.scheme() != "http" {
            return Err(FollowedClockError::NotOnLoopback);
        }
        let config =
            EgressConfig { allow_loopback_http: true, max_body_bytes: 4096, ..EgressConfig::default() };
        let client = HttpClient::new(config).expect("the default configuration is usable");
        Ok(Self { client, url })
    }

    async fn read(&self) -> Result<Reading, FollowedClockError> {
        let request = HttpRequest {
            method: Method::Get,
            url: self.url.clone(),
            headers: vec![("accept".into(), Zeroizing::new("application/json".to_owned()))],
            body: Zeroizing::default(),
        };
        let not_after = SystemClock.moment().plus(POLL_DEADLINE);
        let response = self.client.send(request, not_after, POLL_DEADLINE, &SystemClock).await;
        parse(&response.map_err(unreachable)?)
    }
}

fn unreachable(failure: TransportFailure) -> FollowedClockError {
    match failure.kind {
        TransportFailureKind::Forbidden => FollowedClockError::NotOnLoopback,
        _ => FollowedClockError::Unreachable(failure.detail),
    }
}

fn parse(response: &HttpResponse) -> Result<Reading, FollowedClockError> {
    match serde_json::from_slice(&response.body) {
        Ok(reading) if response.status == 200 => Ok(reading),
        _ => Err(FollowedClockError::NotAClock { status: response.status }),
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
        sync::watch,
    };

    use super::*;

    /// A clock on loopback that shows what `body` holds.
    async fn served(body: watch::Receiver<&'static str>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/admin/clock", listener.local_addr().unwrap());
        tokio::spawn(async move {
            loop {
                answer(&listener, &body).await;
            }
        });
        url
    }

    async fn answer(listener: &TcpListener, body: &watch::Receiver<&'static str>) {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        let _ = socket.read(&mut request).await.unwrap();
        let body = *body.borrow();
        let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
        socket.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    }

    #[tokio::test]
    async fn a_jump_of_the_followed_clock_moves_both_clocks_and_wakes_waiters() {
        let (body, shown) = watch::channel(r#"{"now_ms":1800000000000,"mode":"virtual"}"#);
        let clock = FollowedClock::connect(&served(shown).await).await.unwrap();
        let start = clock.now();
        assert_eq!(start.wall, Timestamp(1_800_000_000_000));
        let mut waiter = clock.wait_until(start.moment.plus(Duration::from_hours(1)));
        assert!((&mut waiter).now_or_never().is_none());
        body.send(r#"{"now_ms":1800003600000,"mode":"virtual"}"#).unwrap();
        clock.poll().await.unwrap();
        assert!(waiter.now_or_never().is_some());
        assert_eq!(clock.now().wall.since(start.wall), Duration::from_hours(1));
    }

    #[tokio::test]
    async fn following_keeps_up_by_itself() {
        let (body, shown) = watch::channel(r#"{"now_ms":1000}"#);
        let clock = FollowedClock::connect(&served(shown).await).await.unwrap();
        body.send(r#"{"now_ms":9000}"#).unwrap();
        tokio::select! {
            _ = clock.follow() => unreachable!("following does not end"),
            () = clock.wait_until(Moment(9000)) => {}
        }
    }

    #[tokio::test]
    async fn a_followed_clock_that_is_set_back_moves_the_wall_clock_alone() {
        let (body, shown) = watch::channel(r#"{"now_ms":2000}"#);
        let clock = FollowedClock::connect(&served(shown).await).await.unwrap();
        body.send(r#"{"now_ms":1000}"#).unwrap();
        clock.poll().await.unwrap();
        assert_eq!(clock.now(), Now { wall: Timestamp(1000), moment: Moment(2000) });
    }

    #[tokio::test]
    async fn a_real_clock_that_is_lost_goes_on_and_a_virtual_one_stands_still() {
        for (body, mode) in
            [(r#"{"now_ms":1000,"mode":"real"}"#, Mode::Real), (r#"{"now_ms":1000}"#, Mode::Virtual)]
        {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}/", listener.local_addr().unwrap());
            let (_body, shown) = watch::channel(body);
            let (clock, ()) = tokio::join!(FollowedClock::connect(&url), answer(&listener, &shown));
            let clock = clock.unwrap();
            drop(listener);
            assert_eq!(clock.mode, mode);
            // Paused, the naps between two looks take no time; the clock shows what really passes meanwhile.
            tokio::time::pause();
            let moved = tokio::select! {
                _ = clock.follow() => unreachable!("following does not end"),
                () = clock.wait_until(Moment(1002)) => true,
                () = tokio::time::sleep(Duration::from_mins(10)), if mode == Mode::Virtual => false,
            };
            assert_eq!(moved, mode == Mode::Real);
            tokio::time::resume();
        }
    }

    #[tokio::test]
    async fn only_a_clock_on_loopback_is_followed() {
        for url in
            ["", "https://127.0.0.1/", "http://192.168.1.1/", "http://clock.example/", "file:///etc/passwd"]
        {
            let refused = FollowedClock::connect(url).await.unwrap_err();
            assert_eq!(refused, FollowedClockError::NotOnLoopback, "{url}");
        }
    }

    #[tokio::test]
    async fn something_that_is_not_a_clock_is_reported_as_such() {
        let (_body, shown) = watch::channel("<html>");
        let refused = FollowedClock::connect(&served(shown).await).await.unwrap_err();
        assert_eq!(refused, FollowedClockError::NotAClock { status: 200 });
    }
}
