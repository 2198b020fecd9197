//! `/admin/journal`.

use serde::Deserialize;
use serde_json::json;

use super::{Provider, Refused, Request, Response, number, query};
use crate::provider::Endpoint;

/// Entries that one answer holds at the most; `last` says where to go on.
const MOST_ENTRIES: usize = 10_000;

impl Provider {
    pub(super) fn read_journal(&self, request: &Request) -> Result<Response, Refused> {
        let query = query(request)?;
        let after = query.value("after").map(number).transpose()?.unwrap_or(0);
        let endpoint = query.value("endpoint").map(endpoint).transpose()?;
        let wanted =
            self.journal(after).filter(|entry| endpoint.is_none_or(|wanted| entry.endpoint == wanted));
        let entries: Vec<_> = wanted.take(MOST_ENTRIES).collect();
        let cut = entries.len() == MOST_ENTRIES;
        let last = entries.last().filter(|_| cut).map_or(self.journal.last(), |entry| entry.seq);
        let forgotten = self.journal.forgotten();
        let shared = self.shared_grants();
        let read =
            json!({ "entries": entries, "last": last, "forgotten": forgotten, "shared_grants": shared });
        Ok(Response::json(200, &read))
    }
}

fn endpoint(name: &str) -> Result<Endpoint, Refused> {
    let name = serde::de::value::StrDeserializer::<serde::de::value::Error>::new(name);
    Endpoint::deserialize(name).map_err(|error| Refused(400, error.to_string()))
}
