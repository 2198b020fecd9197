//! `/v1/authorizations`: links that lead people through the provider.

mod open;
mod read;

pub(super) use self::{open::open, read::read};
