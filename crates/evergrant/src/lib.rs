//! Keeps OAuth 2.0 grants alive.
//!
//! Code that calls somebody's API on behalf of a user asks a [`Keeper`] for an access token and gets one that works.
//! The keeper holds the refresh token, encrypted; renews the access token before it expires, exactly once across
//! threads and processes; survives rotation, races, crashes and outages; and when a grant is dead it says why.

pub mod clock;
pub mod http;

mod authorize;
mod cache;
mod carrier;
mod driver;
mod keeper;
mod open;
mod random;
mod registration;
mod resource;
mod token;

pub use authorize::{Authorization, AuthorizationOptions, AuthorizeError, DeviceLogin};
pub use carrier::{Carrier, GuardedCarrier};
pub use driver::Driver;
pub use evergrant_proto as proto;
pub use evergrant_store as store;
pub use keeper::{CompleteError, Keeper, KeeperParts, NewGrant, Rejection};
pub use open::{OpenError, OpenOptions, Opened};
pub use registration::{ClientChanges, ClientError, NewClient};
pub use resource::{ResourceRequest, SendError};
pub use token::{Token, TokenError};
