//! Families of metrics, and the text format that they are written in.

use std::fmt::{self, Write as _};

/// A name, its type and what it means.
#[derive(Debug)]
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) kind: &'static str,
    pub(super) help: &'static str,
}

/// Every family that there is. Base units, `_total` for what only grows.
pub(super) mod families {
    use super::Family;

    const fn family(name: &'static str, kind: &'static str, help: &'static str) -> Family {
        Family { name, kind, help }
    }

    pub(in crate::metrics) static BUILD_INFO: Family =
        family("evergrant_build_info", "gauge", "The version of this server; always 1.");
    pub(in crate::metrics) static REQUESTS: Family =
        family("evergrant_http_requests_total", "counter", "Answered requests.");
    pub(in crate::metrics) static REQUEST_DURATION: Family = family(
        "evergrant_http_request_duration_seconds",
        "histogram",
        "From the head of a request to the head of its answer.",
    );
    pub(in crate::metrics) static PROBLEMS: Family =
        family("evergrant_problems_total", "counter", "Refused requests by reason.");
    pub(in crate::metrics) static CONNECTIONS: Family =
        family("evergrant_http_connections", "gauge", "Open connections.");
    pub(in crate::metrics) static WAITING_CALLERS: Family =
        family("evergrant_waiting_callers", "gauge", "Callers that wait for a refresh.");
    pub(in crate::metrics) static STORE_UP: Family =
        family("evergrant_store_up", "gauge", "Whether the store answers.");
    pub(in crate::metrics) static STORE_WRITABLE: Family =
        family("evergrant_store_writable", "gauge", "Whether the store takes what is written.");
    pub(in crate::metrics) static STORE_QUARANTINED: Family = family(
        "evergrant_store_quarantined",
        "gauge",
        "Whether nothing is refreshed until the store is adopted.",
    );
    pub(in crate::metrics) static STORE_PROCESSES: Family =
        family("evergrant_store_processes", "gauge", "Processes on the store.");
    pub(in crate::metrics) static LIFEBOAT_RECORDS: Family =
        family("evergrant_lifeboat_records", "gauge", "Rotated credentials that wait for the store.");
    pub(in crate::metrics) static LIFEBOAT_FREE: Family =
        family("evergrant_lifeboat_free", "gauge", "Places in the lifeboat that are free.");
    pub(in crate::metrics) static GRANTS: Family =
        family("evergrant_grants", "gauge", "Grants by state, of all namespaces, without removed ones.");
    pub(in crate::metrics) static GRANTS_ENDING: Family = family(
        "evergrant_grants_ending",
        "gauge",
        "Grants that end within so many seconds if nobody acts, counted every ten minutes.",
    );
    pub(in crate::metrics) static EVENTS: Family = family(
        "evergrant_events_total",
        "counter",
        "What happened to grants and clients of the store, by whichever process, since this one was first asked.",
    );
    pub(in crate::metrics) static CAUSES: Family = family(
        "evergrant_causes_total",
        "counter",
        "Those of them that something had caused, by what that was held to be.",
    );
    pub(in crate::metrics) static CERTIFICATE_EXPIRY: Family = family(
        "evergrant_tls_certificate_expiry_timestamp_seconds",
        "gauge",
        "When the TLS certificate that is served ends.",
    );
    pub(in crate::metrics) static PROCESS_START: Family =
        family("process_start_time_seconds", "gauge", "When the server started.");
    pub(in crate::metrics) static PROCESS_CPU: Family =
        family("process_cpu_seconds_total", "counter", "Time spent on a processor.");
    pub(in crate::metrics) static PROCESS_RESIDENT: Family =
        family("process_resident_memory_bytes", "gauge", "Memory in use.");
    pub(in crate::metrics) static PROCESS_OPEN_FDS: Family =
        family("process_open_fds", "gauge", "Open file descriptors.");
    pub(in crate::metrics) static PROCESS_MAX_FDS: Family =
        family("process_max_fds", "gauge", "File descriptors that may be open.");

    #[cfg(test)]
    pub(in crate::metrics) static ALL: [&Family; 22] = [
        &BUILD_INFO,
        &REQUESTS,
        &REQUEST_DURATION,
        &PROBLEMS,
        &CONNECTIONS,
        &WAITING_CALLERS,
        &STORE_UP,
        &STORE_WRITABLE,
        &STORE_QUARANTINED,
        &STORE_PROCESSES,
        &LIFEBOAT_RECORDS,
        &LIFEBOAT_FREE,
        &GRANTS,
        &GRANTS_ENDING,
        &EVENTS,
        &CAUSES,
        &CERTIFICATE_EXPIRY,
        &PROCESS_START,
        &PROCESS_CPU,
        &PROCESS_RESIDENT,
        &PROCESS_OPEN_FDS,
        &PROCESS_MAX_FDS,
    ];
}

/// A page that is being written.
#[derive(Debug, Default)]
pub(super) struct Page(String);

impl Page {
    /// Begins a family: its samples have to follow one another.
    pub(super) fn family(&mut self, family: &'static Family) -> Samples<'_> {
        let Family { name, kind, help } = family;
        writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}").expect("a string takes everything");
        Samples { page: &mut self.0, name }
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

/// The samples of a family.
#[derive(Debug)]
pub(super) struct Samples<'a> {
    page: &'a mut String,
    name: &'static str,
}

impl Samples<'_> {
    /// The one sample of a family without labels.
    pub(super) fn value(&mut self, value: impl fmt::Display) {
        self.sample("", &[], value);
    }

    pub(super) fn labelled(&mut self, labels: &[(&str, &str)], value: impl fmt::Display) {
        self.sample("", labels, value);
    }

    /// A sample whose name is the family's and a suffix.
    pub(super) fn sample(&mut self, suffix: &str, labels: &[(&str, &str)], value: impl fmt::Display) {
        let labels: Vec<_> =
            labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        writeln!(self.page, "{}{suffix}{labels} {value}", self.name).expect("a string takes everything");
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_conventions_and_are_declared_once() {
        let mut names: Vec<_> = families::ALL.iter().map(|family| family.name).collect();
        for family in families::ALL {
            let Family { name, kind, help } = family;
            assert_eq!(*kind == "counter", name.ends_with("_total"), "{name}");
            assert!(name.bytes().all(|letter| letter.is_ascii_lowercase() || letter == b'_'), "{name}");
            assert!(!name.contains("milli") && !name.contains("_ms"), "{name} is in no base unit");
            assert!(help.ends_with('.') && !help.contains('\n'), "{name}");
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), families::ALL.len());
    }

    #[test]
    fn the_manual_lists_every_family_and_no_other() {
        let manual = include_str!("../../../../docs/operations.md");
        let section = manual.split("\n## Metrics\n").nth(1).unwrap().split("\n## ").next().unwrap();
        let documented = section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
        let mut documented: Vec<_> = documented.collect();
        let mut declared: Vec<_> = families::ALL.iter().map(|family| family.name).collect();
        documented.sort_unstable();
        declared.sort_unstable();
        assert_eq!(documented, declared);
        for family in families::ALL {
            let row = section.lines().find(|line| line.starts_with(&format!("| `{}`", family.name))).unwrap();
            assert!(row.contains(&format!("| {} |", family.kind)), "{row}");
        }
    }

    #[test]
    fn a_label_may_hold_anything() {
        let mut page = Page::default();
        page.family(&families::PROBLEMS).labelled(&[("reason", "a\"b\\c\nd")], 1);
        assert!(page.finish().ends_with("evergrant_problems_total{reason=\"a\\\"b\\\\c\\nd\"} 1\n"));
    }
}
