//! The client: our registration at a provider.

mod branding;
mod breaker;
mod learned;
mod probation;
mod record;

pub use branding::{
    Branding, Color, DisplayName, InvalidColor, InvalidDisplayName, MAX_DISPLAY_NAME_CHARACTERS,
};
pub use breaker::{Admission, Breaker, Probe, Suspension};
pub use learned::{Comparison, Contradiction, ENOUGH, Learned, Observation, Range, Repetitions};
pub use probation::{Candidate, Probation, ProbeEnd, Turn};
pub use record::ClientRecord;
