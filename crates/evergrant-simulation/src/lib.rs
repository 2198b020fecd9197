//! The deterministic world: several engines as processes, a store, a network and a provider in one thread.
//!
//! Nothing here is a model of Evergrant: the engines and the transactions are those that run in production, and the
//! provider is the core of the rehearsal server. Only what lies between them is made up: two clocks, the store's
//! tables, the lifeboat's places and the network, each with its faults. One seed decides everything, so every run can be
//! repeated. The [`Judge`] watches what is sent and says when the protocol is broken.

mod dice;
mod judge;
mod network;
mod party;
mod run;
mod store;
mod violation;
mod world;

pub use dice::Dice;
pub use judge::{Judge, Presentation, PresentationEnd};
pub use network::{Mishap, Network};
pub use party::{CLIENT_ID, CLIENT_SECRET, Ends, Party, Scene, Told};
pub use run::{
    Account, Action, Emphasis, Options, Policy, Replays, Script, Setting, Step, Struck, Summary,
    UnknownPolicy, Violation, Wish, play, record, run, shrink, trace,
};
pub use store::{Backup, Deed, Executed, Fate, Store, StoreDelay, StoreFault};
pub use violation::{Invariant, Objection};
pub use world::{Blow, CallRecord, Doom, NOT_JUDGED, Outage, ProcessId, SUPPOSED_LOST, Side, Work, World};
