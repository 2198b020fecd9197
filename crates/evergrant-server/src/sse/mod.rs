//! Events as they happen, by Server-Sent Events.
//!
//! One reader of the log serves all who listen, as long as somebody does: what it reads is spelled out once and shared.
//! Whoever has fallen behind, or comes back with the number of the last event it has seen, reads the log itself until it
//! is at the front. Nothing can be missed in between: a listener takes its place behind the reader first and reads the
//! log then; what is in neither was committed after both.
//!
//! This rests on numbers that become visible in their order. SQLite has one writer at a time: a number is given out
//! within the transaction that holds the write lock until its commit, so a reader that sees a number sees all before it.

mod frame;
mod hub;
mod listener;

pub(crate) use self::{
    frame::{Filter, Gap},
    hub::Hub,
    listener::{begin, listen},
};
