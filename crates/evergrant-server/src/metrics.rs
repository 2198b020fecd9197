//! Counters in the text format of Prometheus. Labels are routes, methods, statuses and reasons: never an id, which
//! would grow without bound and tell who connected what.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Mutex, PoisonError},
};

use axum::http::{Method, StatusCode};
use evergrant::store::Status;

use crate::{outlook::Ends, problem::Reason};

#[derive(Debug, Default)]
pub(crate) struct Metrics(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    requests: BTreeMap<(String, &'static str, u16), u64>,
    problems: BTreeMap<Reason, u64>,
}

impl Metrics {
    /// Counts one answered request. `route` is the route's pattern.
    pub(crate) fn count(&self, route: &str, method: &Method, status: StatusCode, reason: Option<Reason>) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.requests.entry((route.to_owned(), method_name(method), status.as_u16())).or_default() += 1;
        if let Some(reason) = reason {
            *counts.problems.entry(reason).or_default() += 1;
        }
    }

    /// The page. `store`: what the store says of itself; `None` if it is away. `ends`: grants that end soon.
    pub(crate) fn render(&self, waiting: usize, store: Option<&Status>, ends: Option<&Ends>) -> String {
        let mut page = Page::default();
        page.family("evergrant_build_info", "gauge", "The version of this server.");
        page.sample("evergrant_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
        self.render_requests(&mut page);
        page.gauge("evergrant_waiting_callers", "Callers that wait for a refresh.", waiting as u64);
        page.gauge("evergrant_store_up", "Whether the store answers.", store.is_some().into());
        if let Some(store) = store {
            let quarantined = store.quarantine.is_some().into();
            page.gauge("evergrant_store_quarantined", "Whether nothing is refreshed.", quarantined);
            page.gauge("evergrant_store_processes", "Processes on the store.", store.holders as u64);
            let records = store.lifeboat_records.into();
            page.gauge("evergrant_lifeboat_records", "Credentials that wait for the store.", records);
            page.gauge("evergrant_lifeboat_free", "Free places.", store.lifeboat_free.into());
        }
        if let Some(ends) = ends {
            page.family(
                "evergrant_grants_ending",
                "gauge",
                "Grants that end within so many seconds if nobody acts.",
            );
            for ((within, averted_by), count) in ends {
                let within = within.to_string();
                let labels = [("averted_by", *averted_by), ("within", within.as_str())];
                page.sample("evergrant_grants_ending", &labels, *count);
            }
        }
        page.0
    }

    fn render_requests(&self, page: &mut Page) {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        page.family("evergrant_http_requests_total", "counter", "Answered requests.");
        for ((route, method, status), count) in &counts.requests {
            let status = status.to_string();
            let labels = [("method", *method), ("route", route.as_str()), ("status", status.as_str())];
            page.sample("evergrant_http_requests_total", &labels, *count);
        }
        page.family("evergrant_problems_total", "counter", "Refused requests by reason.");
        for (reason, count) in &counts.problems {
            page.sample("evergrant_problems_total", &[("reason", reason.as_str())], *count);
        }
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

#[derive(Debug, Default)]
struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}").expect("a string takes everything");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: u64) {
        let labels: Vec<_> = labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        writeln!(self.0, "{name}{labels} {value}").expect("a string takes everything");
    }

    fn gauge(&mut self, name: &str, help: &str, value: u64) {
        self.family(name, "gauge", help);
        self.sample(name, &[], value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_route_and_reason() {
        let metrics = Metrics::default();
        let invented = Method::from_bytes(b"BREW").unwrap();
        metrics.count("/v1/grants/{grant}/token", &Method::GET, StatusCode::OK, None);
        metrics.count("/v1/grants/{grant}/token", &Method::GET, StatusCode::OK, None);
        metrics.count("unmatched", &invented, StatusCode::NOT_FOUND, Some(Reason::NoSuchRoute));
        let page = metrics.render(3, None, None);
        for line in [
            r#"evergrant_http_requests_total{method="GET",route="/v1/grants/{grant}/token",status="200"} 2"#,
            r#"evergrant_http_requests_total{method="other",route="unmatched",status="404"} 1"#,
            r#"evergrant_problems_total{reason="no_such_route"} 1"#,
            "evergrant_waiting_callers 3",
            "evergrant_store_up 0",
        ] {
            assert!(page.lines().any(|candidate| candidate == line), "{line}\n{page}");
        }
    }
}
