//! Every line that the server writes, of all tests, to be searched for secrets.

use std::{
    io,
    sync::{Mutex, Once, PoisonError},
};

use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static INSTALLED: Once = Once::new();

/// Collects everything, down to the finest level, that is not the test's own HTTP client.
pub(crate) fn collect() {
    INSTALLED.call_once(|| {
        let filter = EnvFilter::new("evergrant=trace,evergrant_store=trace,axum=trace,tower_http=trace");
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(Collector).with_ansi(false).init();
    });
}

pub(crate) fn text() -> String {
    String::from_utf8_lossy(&LINES.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
}

struct Collector;

impl io::Write for Collector {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LINES.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Collector {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        Self
    }
}
