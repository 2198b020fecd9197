//! Providers as a list shows them.

use evergrant::proto::provider::Catalogue;

/// An id and what people call it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Named<'a> {
    pub(crate) name: &'a str,
    pub(crate) id: &'a str,
}

/// The name of the catalogue without what it says in brackets; an operator's overlay may lack the provider.
pub(super) fn named<'a>(catalogue: &'a Catalogue, id: &'a str) -> Named<'a> {
    let name = catalogue.provider(id).map_or(id, |provider| &provider.name);
    Named { name: name.split(" (").next().unwrap_or(name), id }
}
