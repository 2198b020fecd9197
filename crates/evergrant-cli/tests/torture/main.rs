//! What no simulation can show: the real program under `kill -9`, stopped, on a full disk, on a store that cannot be
//! written, without its key, restored from a backup; and a crowd of processes on one store.
//!
//! Provider and Evergrant run as processes of their own, and the provider's journal is the judge. Run by root: the
//! tests mount small file systems and start processes in time namespaces. `EVERGRANT_SOAK=1` plays far more rounds; what waits
//! where a clock is moved otherwise is ignored until the soak asks for it.
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod judge;
mod moment;
mod mounted;
mod process;
mod provider;
mod world;

mod callers;
mod crowd;
mod disk;
mod keys;
mod kills;
mod repeated;
mod restored;
mod slow;
mod stopped;
mod termination;
mod waited;
