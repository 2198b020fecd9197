//! `/v1/namespaces`: the tenant boundaries.

mod add;
mod list;
mod remove;

use evergrant::store::access::NamespaceRecord;
use serde::Serialize;

pub(super) use self::{add::add, list::list, remove::remove};

#[derive(Debug, Serialize)]
struct NamespaceView<'a> {
    name: &'a str,
    /// `null`: it came with the store.
    created_at: Option<String>,
}

impl<'a> NamespaceView<'a> {
    fn new(record: &'a NamespaceRecord) -> Self {
        Self { name: record.name.as_str(), created_at: record.created_at.map(|at| at.to_string()) }
    }
}
