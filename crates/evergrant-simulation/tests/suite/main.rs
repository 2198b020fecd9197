//! Scenarios: what may go wrong in production, one after another, and what must come of it.

#![expect(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

mod crowd;
mod support;
