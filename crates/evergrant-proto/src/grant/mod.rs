//! The grant: what is kept alive.
//!
//! A [`GrantRecord`] is all that is known of one grant; the functions of [`crate::transaction`] are the only way it changes.

mod access;
mod attempt;
mod credential;
mod doubt;
mod event;
mod freshness;
mod history;
mod lease;
mod life;
mod mark;
mod record;
mod sealing;
mod state;

pub use access::{AccessEntry, AccessKey, Expiry};
pub use attempt::{Attempt, Outcome};
pub use credential::{Credential, IssuedTokens, Spare};
pub(crate) use doubt::was_forgiven;
pub use doubt::{Pace, Permission, PresentationRules, Presented, is_urgent, may_present, repeat_before};
pub use event::{Event, EventKind};
pub use freshness::{Freshness, MAX_MARGIN, margin};
pub use lease::{BootId, Lease, StoreTime};
pub use life::{Life, keep_alive_at};
pub use mark::TokenMark;
pub use record::{GrantRecord, Overtaken, Owner, PendingVerdict, Revocation};
pub use sealing::{
    Unreadable, expose_access, expose_credential, expose_issued, expose_spares, read_access, read_credential,
    read_issued, read_spares,
};
pub use state::{Degradation, GrantState};
