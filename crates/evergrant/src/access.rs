//! Namespaces and API keys: what a server lets in. The keeper itself asks nobody for a key.

use std::collections::BTreeSet;

use evergrant_proto::{
    name::{GrantId, Namespace},
    time::Timestamp,
};
use evergrant_store::{
    GrantFilter, StoreError,
    access::{Access, ApiKeyDigest, ApiKeyId, ApiKeyRecord, KeyName, KeyScope, Removal},
};

use crate::{Keeper, TokenError, keeper::store_refusal, random};

/// Grants looked at in one read.
const PAGE: usize = 500;

/// An API key that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewApiKey {
    /// The digest of the key: the key itself stays with its maker.
    pub digest: ApiKeyDigest,
    /// What people call it.
    pub name: KeyName,
    /// The namespace that it sees; `None`: every one.
    pub namespace: Option<Namespace>,
    /// What it may do.
    pub scope: KeyScope,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
}

impl Keeper {
    /// Every API key and namespace; `None` if nothing has changed since the version `known`.
    ///
    /// # Errors
    ///
    /// The store is away.
    pub async fn access(&self, known: Option<u64>) -> Result<Option<Access>, StoreError> {
        self.shared.store.access(known).await
    }

    /// Adds an API key. `None`: its namespace does not exist.
    ///
    /// # Errors
    ///
    /// The store is away.
    pub async fn add_api_key(&self, new: NewApiKey) -> Result<Option<ApiKeyRecord>, StoreError> {
        let record = self.record_of(new);
        let added = self.shared.store.add_api_key(record.clone()).await?;
        Ok(added.then_some(record))
    }

    /// Adds an API key to a store that has never had one. `None`: it has.
    ///
    /// # Errors
    ///
    /// The store is away.
    pub async fn add_first_api_key(&self, new: NewApiKey) -> Result<Option<ApiKeyRecord>, StoreError> {
        let record = self.record_of(new);
        let added = self.shared.store.add_first_api_key(record.clone()).await?;
        Ok(added.then_some(record))
    }

    /// Takes an API key away for good. Every server refuses it within two seconds. `None`: there is none of that id, or
    /// it is not bound to `within`.
    ///
    /// # Errors
    ///
    /// The store is away.
    pub async fn revoke_api_key(
        &self,
        key: ApiKeyId,
        within: Option<Namespace>,
    ) -> Result<Option<ApiKeyRecord>, StoreError> {
        self.shared.store.revoke_api_key(key, within, self.wall()).await
    }

    /// Notes that these API keys have been used.
    ///
    /// # Errors
    ///
    /// The store is away.
    pub async fn note_api_keys_used(&self, keys: Vec<ApiKeyId>) -> Result<(), StoreError> {
        self.shared.store.note_api_keys_used(keys, self.wall()).await
    }

    /// Adds a namespace. False: it exists.
    ///
    /// # Errors
    ///
    /// The store is away.
    pub async fn add_namespace(&self, namespace: Namespace) -> Result<bool, StoreError> {
        self.shared.store.add_namespace(namespace, self.wall()).await
    }

    /// Removes a namespace in which no client and no grant is left, with its history, its webhooks and the API keys that
    /// see it alone.
    ///
    /// # Errors
    ///
    /// The store is away.
    pub async fn remove_namespace(&self, namespace: Namespace) -> Result<Removal, StoreError> {
        loop {
            // A long history is forgotten in small portions, between which others write.
            if let Some(removal) = self.shared.store.remove_namespace(namespace.clone(), self.wall()).await? {
                return Ok(removal);
            }
        }
    }

    /// Empties a namespace: revokes its grants, then takes away what nobody needs any more. How many grants still wait for
    /// their provider to confirm: they stay, and their clients with them, since without its client nobody could tell the
    /// provider. To be called again then.
    ///
    /// # Errors
    ///
    /// The store is away, or the driver does not run.
    pub async fn empty_namespace(&self, namespace: &Namespace) -> Result<u64, TokenError> {
        let (mut waiting, mut needed) = (0, BTreeSet::new());
        for id in self.every_grant(namespace).await? {
            let ended = self.revoke(id).await?;
            if ended.revocation.is_none_or(|revocation| revocation.confirmed_at.is_some()) {
                self.remove(id).await?;
            } else {
                waiting += 1;
                needed.insert(ended.client);
            }
        }
        for client in self.clients(namespace).await.map_err(store_refusal)? {
            if !needed.contains(&client.name) {
                self.remove_client(namespace, &client.name).await.map_err(store_refusal)?;
            }
        }
        Ok(waiting)
    }

    async fn every_grant(&self, namespace: &Namespace) -> Result<Vec<GrantId>, TokenError> {
        let mut filter = GrantFilter::all(namespace.clone(), PAGE);
        let mut ids = Vec::new();
        loop {
            let page = self.grants(filter.clone()).await.map_err(store_refusal)?;
            ids.extend(page.iter().map(|grant| grant.id));
            match page.last() {
                Some(last) if page.len() == PAGE => filter.after = Some(last.id),
                _ => return Ok(ids),
            }
        }
    }

    fn record_of(&self, new: NewApiKey) -> ApiKeyRecord {
        let NewApiKey { digest, name, namespace, scope, expires_at } = new;
        ApiKeyRecord {
            id: ApiKeyId(random::id()),
            digest,
            name,
            namespace,
            scope,
            created_at: self.wall(),
            expires_at,
            revoked_at: None,
            last_used_at: None,
        }
    }

    fn wall(&self) -> Timestamp {
        self.clock().now().wall
    }
}
