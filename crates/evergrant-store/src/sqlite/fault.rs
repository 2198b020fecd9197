//! SQLite's errors as reasons.

use rusqlite::{Error, ErrorCode};

use crate::store::{Reason, StoreError, Unavailable};

impl From<Error> for Unavailable {
    fn from(error: Error) -> Self {
        Self::new(reason(&error), error)
    }
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        Self::Unavailable(error.into())
    }
}

fn reason(error: &Error) -> Reason {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Reason::Locked,
        Some(ErrorCode::DiskFull) => Reason::Full,
        Some(ErrorCode::ReadOnly) => Reason::ReadOnly,
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => Reason::Denied,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) | None => Reason::Damaged,
        Some(_) => Reason::Disk,
    }
}
