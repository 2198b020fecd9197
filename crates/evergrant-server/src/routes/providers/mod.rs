//! `/v1/providers`: the catalogue.

mod list;
mod read;

pub(super) use self::{list::list, read::read};
