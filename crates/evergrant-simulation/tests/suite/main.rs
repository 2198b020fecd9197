//! Scenarios: what may go wrong in production, one after another, and what must come of it.

#![expect(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

mod accounts;
mod backups;
mod both_stores;
mod chaos;
mod clocks;
mod crashes;
mod crowd;
mod doubt;
mod judgement;
mod lateness;
mod outage;
mod registration;
mod repair;
mod revocation;
mod scopes;
mod storage;
mod support;
