//! `/v1/api-keys`: who is let in.

mod add;
mod list;
mod revoke;

pub(super) use self::{add::add, list::list, revoke::revoke};
