//! Leading a resource owner through the provider: one link, used once.

mod record;

pub use record::{AuthorizationRecord, AuthorizationStatus, Exchange, LINK_LIFETIME, SUPERSEDED};
