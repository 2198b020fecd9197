//! What the system says of this process, by the names that every Prometheus client gives it.

use std::fs;

use evergrant::proto::time::Timestamp;
use rustix::{
    param::page_size,
    process::{Resource, getrlimit},
    time::{ClockId, clock_gettime},
};

use super::family::{Page, families};

pub(super) fn render(page: &mut Page, started: Timestamp) {
    page.family(&families::PROCESS_START).value(started.seconds());
    let cpu = clock_gettime(ClockId::ProcessCPUTime);
    page.family(&families::PROCESS_CPU).value(format_args!("{}.{:09}", cpu.tv_sec, cpu.tv_nsec));
    if let Some(bytes) = resident() {
        page.family(&families::PROCESS_RESIDENT).value(bytes);
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        // Reading the directory takes one itself.
        page.family(&families::PROCESS_OPEN_FDS).value(open.count().saturating_sub(1));
    }
    if let Some(most) = getrlimit(Resource::Nofile).current {
        page.family(&families::PROCESS_MAX_FDS).value(most);
    }
}

/// The second number of `statm`, in pages.
fn resident() -> Option<u64> {
    let pages: u64 = fs::read_to_string("/proc/self/statm").ok()?.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * page_size() as u64)
}
