//! Grants that more than one place uses: a second holder, or one program with several ways out.

use std::net::IpAddr;

use serde::Serialize;

use super::{Provider, grant::FamilyId};

/// A grant whose tokens were presented from several addresses. Holds no token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SharedGrant {
    /// The family (grant).
    pub family: FamilyId,
    /// The client it was given to.
    pub client_id: String,
    /// The user who gave it.
    pub username: String,
    /// From where, in order.
    pub addresses: Vec<IpAddr>,
    /// The same in a sentence.
    pub finding: String,
}

impl Provider {
    /// The grants whose tokens were presented from more than one address so far.
    pub fn shared_grants(&self) -> Vec<SharedGrant> {
        let shared = self.grants.shared().map(|(family, addresses)| {
            let places: Vec<_> = addresses.iter().map(ToString::to_string).collect();
            let finding = format!(
                "the tokens of grant {} (client {}, user {}) were presented from {} addresses: {}",
                family.id.0,
                family.client_id,
                family.username,
                addresses.len(),
                places.join(", ")
            );
            SharedGrant {
                family: family.id,
                client_id: family.client_id.clone(),
                username: family.username.clone(),
                addresses,
                finding,
            }
        });
        shared.collect()
    }
}
