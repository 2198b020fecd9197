//! What the server counts, in the text format of Prometheus. Labels are routes, methods, statuses, reasons, kinds and
//! causes: never an id, which would grow without bound and tell who connected what.
//!
//! Every family is declared once, in `family`; docs/operations.md lists the same, and a test compares.

mod events;
mod family;
mod grants;
mod histogram;
mod journal;
mod process;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::http::{Method, StatusCode};
use evergrant::{proto::time::Timestamp, store::Status};

use self::{
    family::{Page, families},
    histogram::{Histogram, Tally},
};
use crate::{outlook::Ends, problem::Reason};

pub(crate) use self::journal::{Happened, Journal};

/// The route that hands out tokens.
pub(crate) const TOKEN: &str = "/v1/grants/{grant}/token";

#[derive(Debug)]
pub(crate) struct Metrics {
    counts: Mutex<Counts>,
    /// Tokens that were handed out: nearly all answers. They join the others when the page is made.
    tokens: Tally,
    /// Connections that are open.
    connections: Arc<AtomicU64>,
    started: Timestamp,
}

#[derive(Debug, Default)]
struct Counts {
    routes: BTreeMap<String, Route>,
    problems: BTreeMap<Reason, u64>,
}

impl Counts {
    /// Adds the tokens that were tallied.
    fn join(&mut self, tokens: &Tally) {
        let mut route = self.routes.remove(TOKEN).unwrap_or_default();
        let count = route.durations.take(tokens);
        if count > 0 {
            *route.answers.entry((method_name(&Method::GET), StatusCode::OK.as_u16())).or_default() += count;
        }
        if !route.answers.is_empty() {
            self.routes.insert(TOKEN.to_owned(), route);
        }
    }
}

#[derive(Debug, Default)]
struct Route {
    answers: BTreeMap<(&'static str, u16), u64>,
    durations: Histogram,
}

/// What the page tells of others; what could not be asked is missing from it.
#[derive(Debug, Default)]
pub(crate) struct Surroundings<'a> {
    /// Callers that wait for a refresh.
    pub(crate) waiting: usize,
    /// What the store says of itself; `None` if it is away.
    pub(crate) store: Option<&'a Status>,
    /// Whether it can be written.
    pub(crate) writable: bool,
    /// Grants by state.
    pub(crate) states: Option<&'a BTreeMap<String, u64>>,
    /// Grants that end soon.
    pub(crate) ends: Option<&'a Ends>,
    /// What happened to grants and clients.
    pub(crate) happened: Option<&'a Happened>,
    /// When the TLS certificate ends.
    pub(crate) certificate_end: Option<Timestamp>,
}

/// A connection that is open as long as this lives.
#[derive(Debug)]
pub(crate) struct Open(Arc<AtomicU64>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Metrics {
    pub(crate) fn since(started: Timestamp) -> Self {
        Self { counts: Mutex::default(), tokens: Tally::default(), connections: Arc::default(), started }
    }

    /// Counts one answered request. `route` is the route's pattern.
    pub(crate) fn count(
        &self,
        route: &str,
        method: &Method,
        status: StatusCode,
        reason: Option<Reason>,
        took: Duration,
    ) {
        if route == TOKEN && method == Method::GET && status == StatusCode::OK {
            return self.tokens.observe(took);
        }
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if !counts.routes.contains_key(route) {
            counts.routes.insert(route.to_owned(), Route::default());
        }
        if let Some(counted) = counts.routes.get_mut(route) {
            *counted.answers.entry((method_name(method), status.as_u16())).or_default() += 1;
            counted.durations.observe(took);
        }
        if let Some(reason) = reason {
            *counts.problems.entry(reason).or_default() += 1;
        }
    }

    /// Counts a connection until what this gives is dropped.
    pub(crate) fn open(&self) -> Open {
        self.connections.fetch_add(1, Ordering::Relaxed);
        Open(Arc::clone(&self.connections))
    }

    /// The page.
    pub(crate) fn render(&self, surroundings: &Surroundings<'_>) -> String {
        let mut page = Page::default();
        page.family(&families::BUILD_INFO).labelled(&[("version", env!("CARGO_PKG_VERSION"))], 1);
        self.render_requests(&mut page);
        page.family(&families::CONNECTIONS).value(self.connections.load(Ordering::Relaxed));
        page.family(&families::WAITING_CALLERS).value(surroundings.waiting as u64);
        render_store(&mut page, surroundings);
        render_grants(&mut page, surroundings);
        if let Some(end) = surroundings.certificate_end {
            page.family(&families::CERTIFICATE_EXPIRY).value(end.seconds());
        }
        process::render(&mut page, self.started);
        page.finish()
    }

    fn render_requests(&self, page: &mut Page) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.join(&self.tokens);
        let mut answers = page.family(&families::REQUESTS);
        for (route, counted) in &counts.routes {
            for ((method, status), count) in &counted.answers {
                let status = status.to_string();
                answers.labelled(&[("method", *method), ("route", route), ("status", &status)], *count);
            }
        }
        let mut durations = page.family(&families::REQUEST_DURATION);
        for (route, counted) in &counts.routes {
            counted.durations.render(&mut durations, ("route", route));
        }
        let mut problems = page.family(&families::PROBLEMS);
        for (reason, count) in &counts.problems {
            problems.labelled(&[("reason", reason.as_str())], *count);
        }
    }
}

fn render_store(page: &mut Page, surroundings: &Surroundings<'_>) {
    page.family(&families::STORE_UP).value(u8::from(surroundings.store.is_some()));
    let Some(store) = surroundings.store else { return };
    page.family(&families::STORE_WRITABLE).value(u8::from(surroundings.writable));
    page.family(&families::STORE_QUARANTINED).value(u8::from(store.quarantine.is_some()));
    page.family(&families::STORE_PROCESSES).value(store.holders as u64);
    page.family(&families::LIFEBOAT_RECORDS).value(store.lifeboat_records);
    page.family(&families::LIFEBOAT_FREE).value(store.lifeboat_free);
}

fn render_grants(page: &mut Page, surroundings: &Surroundings<'_>) {
    if let Some(states) = surroundings.states {
        grants::render(page, states);
    }
    if let Some(ends) = surroundings.ends {
        let mut ending = page.family(&families::GRANTS_ENDING);
        for ((within, averted_by), count) in ends {
            ending.labelled(&[("averted_by", *averted_by), ("within", &within.to_string())], *count);
        }
    }
    if let Some(happened) = surroundings.happened {
        events::render(page, happened);
    }
}

/// A caller can invent methods without end.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PATCH => "PATCH",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_route_and_reason() {
        let metrics = Metrics::since(Timestamp::from_seconds(1_800_000_000));
        let invented = Method::from_bytes(b"BREW").unwrap();
        let token = "/v1/grants/{grant}/token";
        metrics.count(token, &Method::GET, StatusCode::OK, None, Duration::from_micros(300));
        metrics.count(token, &Method::GET, StatusCode::OK, None, Duration::from_secs(3));
        let reason = Some(Reason::NoSuchRoute);
        metrics.count("unmatched", &invented, StatusCode::NOT_FOUND, reason, Duration::ZERO);
        let open = metrics.open();
        let page = metrics.render(&Surroundings { waiting: 3, ..Surroundings::default() });
        for line in [
            r#"evergrant_http_requests_total{method="GET",route="/v1/grants/{grant}/token",status="200"} 2"#,
            r#"evergrant_http_requests_total{method="other",route="unmatched",status="404"} 1"#,
            r#"evergrant_http_request_duration_seconds_bucket{route="/v1/grants/{grant}/token",le="0.001"} 1"#,
            r#"evergrant_http_request_duration_seconds_bucket{route="/v1/grants/{grant}/token",le="+Inf"} 2"#,
            r#"evergrant_http_request_duration_seconds_sum{route="/v1/grants/{grant}/token"} 3.0003"#,
            r#"evergrant_http_request_duration_seconds_count{route="/v1/grants/{grant}/token"} 2"#,
            r#"evergrant_problems_total{reason="no_such_route"} 1"#,
            "evergrant_http_connections 1",
            "evergrant_waiting_callers 3",
            "evergrant_store_up 0",
            "process_start_time_seconds 1800000000",
        ] {
            assert!(page.lines().any(|candidate| candidate == line), "{line}\n{page}");
        }
        drop(open);
        assert!(metrics.render(&Surroundings::default()).contains("\nevergrant_http_connections 0\n"));
    }
}
