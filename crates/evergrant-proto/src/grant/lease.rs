//! The right of one process to refresh one grant for a bounded time.

use serde::{Deserialize, Serialize};

use std::time::Duration;

use crate::name::{Fence, HolderId};

/// Names one boot of one machine; times of different boots cannot be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BootId(pub u128);

/// A reading of the clock that leases are counted on: one that all processes of a store share and that no one can set.
/// On SQLite the suspend-aware clock of this boot, on PostgreSQL the server's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreTime {
    /// The boot that `milliseconds` counts from.
    pub boot: BootId,
    /// Milliseconds since that boot.
    pub milliseconds: u64,
}

impl StoreTime {
    /// Whether `end` has passed. A time of an earlier boot has: its process ended with the machine.
    pub fn is_past(self, end: Self) -> bool {
        self.boot != end.boot || self.milliseconds >= end.milliseconds
    }

    /// This time moved into the future.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        let step = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self { boot: self.boot, milliseconds: self.milliseconds.saturating_add(step) }
    }

    /// How long until `end`; zero if it has passed.
    pub fn until(self, end: Self) -> Duration {
        if self.is_past(end) {
            Duration::ZERO
        } else {
            Duration::from_millis(end.milliseconds - self.milliseconds)
        }
    }
}

/// A lease as recorded on its grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The process that holds it.
    pub holder: HolderId,
    /// Its number.
    pub fence: Fence,
    /// When it ends by itself.
    pub until: StoreTime,
}
