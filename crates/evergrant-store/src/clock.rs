//! The clock of leases, and the only file of this crate that reads one.
//!
//! Processes of one host compare leases by a clock that all of them share, that never goes back and that goes
//! on while the machine sleeps: CLOCK_BOOTTIME. It starts again with every boot, so a reading carries the id of
//! its boot.

use std::{fs, io, path::Path};

use evergrant_proto::grant::{BootId, StoreTime};
use rustix::time::{ClockId, clock_gettime};

use crate::durable::FileFault;

/// Reads the clock of leases. A function, so that a simulated store can bring its own.
pub trait LeaseClock: Send + Sync {
    /// One reading.
    fn now(&self) -> StoreTime;
}

/// The suspend-aware clock of this boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BootClock {
    boot: BootId,
}

impl BootClock {
    /// Asks the kernel which boot this is.
    pub fn of_this_boot() -> Result<Self, FileFault> {
        let path = Path::new("/proc/sys/kernel/random/boot_id");
        let text = fs::read_to_string(path).map_err(FileFault::doing("read", path))?;
        let boot = uuid::Uuid::try_parse(text.trim())
            .map_err(|_| FileFault::doing("understand", path)(io::ErrorKind::InvalidData.into()))?;
        Ok(Self { boot: BootId(boot.as_u128()) })
    }
}

impl LeaseClock for BootClock {
    fn now(&self) -> StoreTime {
        let reading = clock_gettime(ClockId::Boottime);
        let seconds = u64::try_from(reading.tv_sec).unwrap_or(0);
        let rest = u64::try_from(reading.tv_nsec).unwrap_or(0) / 1_000_000;
        StoreTime { boot: self.boot, milliseconds: seconds.saturating_mul(1000).saturating_add(rest) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_does_not_go_back_and_names_its_boot() {
        let clock = BootClock::of_this_boot().unwrap();
        let earlier = clock.now();
        let later = clock.now();
        assert_eq!(earlier.boot, later.boot);
        assert!(later.milliseconds >= earlier.milliseconds);
        assert_eq!(BootClock::of_this_boot().unwrap(), clock);
    }
}
