//! The keys of one look at the store.

use std::{
    collections::{BTreeSet, HashMap},
    hash::{Hash, Hasher},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use evergrant::{
    proto::{name::Namespace, time::Timestamp},
    store::access::{Access, ApiKeyDigest, ApiKeyId, KeyScope},
};

use super::limit::Bucket;

/// Every key that is not revoked, and every namespace.
#[derive(Debug)]
pub(crate) struct Keys {
    pub(super) version: u64,
    pub(super) namespaces: BTreeSet<Namespace>,
    pub(super) default: Namespace,
    by_digest: HashMap<Digest, Arc<Key>>,
}

/// A key that lets somebody in, unless its time is over.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) id: ApiKeyId,
    /// `None`: every one.
    pub(crate) namespace: Option<Namespace>,
    pub(crate) scope: KeyScope,
    expires_at: Option<Timestamp>,
    pub(crate) usage: Arc<Usage>,
}

/// What a key has been used for: outlives the look at the store.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    /// Since it was last noted.
    used: AtomicBool,
    /// It was taken away: whoever came in with it and has stayed has to go.
    revoked: AtomicBool,
    /// Requests.
    pub(crate) requests: Bucket,
    /// Tokens of grants that it does not see.
    pub(crate) strays: Bucket,
}

/// A digest as the key of a map: where it lies there depends on a secret of this process, and comparing it takes a time
/// that does not tell where it differs.
#[derive(Debug)]
struct Digest([u8; 32]);

impl PartialEq for Digest {
    fn eq(&self, other: &Self) -> bool {
        verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl Eq for Digest {}

impl Hash for Digest {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl Keys {
    /// What was read, with the usage that is known of the same keys.
    pub(super) fn of(access: Access, before: Option<&Self>) -> Self {
        let known: HashMap<ApiKeyId, Arc<Usage>> = before
            .map(|keys| keys.all().map(|key| (key.id, Arc::clone(&key.usage))).collect())
            .unwrap_or_default();
        let (good, revoked): (Vec<_>, Vec<_>) =
            access.keys.into_iter().partition(|key| key.revoked_at.is_none());
        for usage in revoked.iter().filter_map(|key| known.get(&key.id)) {
            usage.revoked.store(true, Ordering::Relaxed);
        }
        let by_digest = good.into_iter().map(|key| {
            let usage = known.get(&key.id).cloned().unwrap_or_default();
            let (id, namespace, scope, expires_at) = (key.id, key.namespace, key.scope, key.expires_at);
            (Digest(key.digest.0), Arc::new(Key { id, namespace, scope, expires_at, usage }))
        });
        Self {
            version: access.version,
            by_digest: by_digest.collect(),
            namespaces: access.namespaces.into_iter().map(|namespace| namespace.name).collect(),
            default: Namespace::default(),
        }
    }

    pub(super) fn find(&self, digest: ApiKeyDigest) -> Option<Arc<Key>> {
        self.by_digest.get(&Digest(digest.0)).cloned()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Key> {
        self.by_digest.values().map(|key| &**key)
    }
}

impl Key {
    /// Whether its time is over. `now` is only asked for where it matters.
    pub(crate) fn has_expired(&self, now: impl FnOnce() -> Timestamp) -> bool {
        self.expires_at.is_some_and(|end| now() >= end)
    }

    /// Whether whoever came in with it may stay.
    pub(crate) fn is_still_good(&self, now: impl FnOnce() -> Timestamp) -> bool {
        !self.usage.revoked.load(Ordering::Relaxed) && !self.has_expired(now)
    }

    /// Notes that it was used. Written down later: nobody waits for that.
    pub(crate) fn note_use(&self) {
        // Most uses follow another one: looking first leaves the line of memory with all who read it.
        if !self.usage.used.load(Ordering::Relaxed) {
            self.usage.used.store(true, Ordering::Relaxed);
        }
    }

    /// Whether it was used since this was last asked.
    pub(super) fn take_use(&self) -> bool {
        self.usage.used.swap(false, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use evergrant::store::access::{ApiKeyRecord, KeyName};

    use super::*;

    fn record(number: u8) -> ApiKeyRecord {
        ApiKeyRecord {
            id: ApiKeyId(number.into()),
            digest: ApiKeyDigest([number; 32]),
            name: KeyName::new("test").unwrap(),
            namespace: None,
            scope: KeyScope::Admin,
            created_at: Timestamp(0),
            expires_at: None,
            revoked_at: None,
            last_used_at: None,
        }
    }

    fn keys(version: u64, keys: Vec<ApiKeyRecord>, before: Option<&Keys>) -> Keys {
        Keys::of(Access { version, keys, namespaces: Vec::new() }, before)
    }

    #[test]
    fn a_key_is_found_by_its_digest_unless_it_was_revoked() {
        let revoked = ApiKeyRecord { revoked_at: Some(Timestamp(1)), ..record(2) };
        let keys = keys(1, vec![record(1), revoked], None);
        assert_eq!(keys.find(ApiKeyDigest([1; 32])).unwrap().id, ApiKeyId(1));
        for other in [2, 3] {
            assert!(keys.find(ApiKeyDigest([other; 32])).is_none());
        }
    }

    #[test]
    fn what_is_known_of_the_use_of_a_key_outlives_the_next_look() {
        let first = keys(1, vec![record(1)], None);
        first.find(ApiKeyDigest([1; 32])).unwrap().note_use();
        let second = keys(2, vec![record(1), record(2)], Some(&first));
        let used: Vec<_> = second.all().filter(|key| key.take_use()).map(|key| key.id).collect();
        assert_eq!(used, [ApiKeyId(1)]);
        assert_eq!(second.all().filter(|key| key.take_use()).count(), 0);
    }

    #[test]
    fn whoever_came_in_with_a_key_that_is_revoked_has_to_go() {
        let first = keys(1, vec![record(1), record(2)], None);
        let held = [1, 2].map(|number| first.find(ApiKeyDigest([number; 32])).unwrap());
        let revoked = ApiKeyRecord { revoked_at: Some(Timestamp(1)), ..record(2) };
        keys(2, vec![record(1), revoked], Some(&first));
        assert_eq!(held.map(|key| key.is_still_good(|| Timestamp(0))), [true, false]);
    }

    #[test]
    fn the_clock_is_read_only_for_keys_that_end() {
        let end = Timestamp(10);
        let keys = keys(1, vec![record(1), ApiKeyRecord { expires_at: Some(end), ..record(2) }], None);
        let find = |number| keys.find(ApiKeyDigest([number; 32])).unwrap();
        assert!(!find(1).has_expired(|| panic!("nobody needs the time")));
        assert!(!find(2).has_expired(|| Timestamp(9)));
        assert!(find(2).has_expired(|| end));
    }
}
