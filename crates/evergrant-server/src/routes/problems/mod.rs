//! `/problems`: what can go wrong, for people and for programs. It needs no key: it is the same for everybody.

mod list;
mod read;
mod wanted;

pub(super) use self::{list::list, read::read};
