//! Tokens in memory: the answer to nearly every call.
//!
//! An entry is served without asking anybody while the cache counts as validated: the driver compares it with the
//! store's changes several times a second, so that what another process did is noticed within [`VALID_FOR`].

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    sync::{
        Arc, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use evergrant_proto::{
    engine::Issue,
    grant::{AccessKey, Expiry},
    name::{Generation, GrantId},
    time::{Moment, Now, Timestamp},
};

/// How long a comparison with the store holds.
pub(crate) const VALID_FOR: Duration = Duration::from_secs(1);

/// A power of two, so that a shard is found by masking; enough that readers rarely meet.
const SHARDS: usize = 256;

#[derive(Debug)]
pub(crate) struct Cache {
    shards: Box<[Shard]>,
    /// Tokens for single resources or narrower scopes: rare, and kept out of the way of the others.
    special: RwLock<HashMap<(GrantId, AccessKey), Entry>>,
    validated_until: AtomicU64,
}

/// A lock and its map on a cache line of their own: readers of neighbouring shards do not disturb each other.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Shard(RwLock<Entries>);

/// Entries lie in the map itself: another pointer to follow would cost more than all the rest of a look-up.
type Entries = HashMap<GrantId, Entry, BuildHasherDefault<IdHasher>>;

/// One token and when it may be served.
#[derive(Debug)]
struct Entry {
    issue: Arc<Issue>,
    fresh_until: Moment,
    usable_until: Moment,
    announced: AtomicBool,
}

/// What the cache has for a caller.
#[derive(Debug)]
pub(crate) enum Hit {
    /// Good.
    Fresh(Arc<Issue>),
    /// Good, and it is time for the next. Said once for each token.
    TurnedStale(Arc<Issue>),
}

/// Grant ids are random already: hashing them again would cost more than the look-up.
#[derive(Debug, Default)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let word = chunk.iter().fold(0_u64, |word, byte| word << 8 | u64::from(*byte));
            self.write_u64(word);
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0 ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31);
    }

    fn write_u128(&mut self, id: u128) {
        let [high, low] = halves(id);
        self.write_u64(high ^ low);
    }
}

impl Cache {
    pub(crate) fn new() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Shard::default()).collect(),
            special: RwLock::default(),
            validated_until: AtomicU64::new(0),
        }
    }

    /// The common case in full: one look-up, no allocation. The clock is read last: a processor that has to wait for
    /// it can meanwhile fetch what comes next from memory.
    pub(crate) fn look_up(&self, grant: GrantId, now: impl FnOnce() -> Moment) -> Option<Hit> {
        let shard = self.shard(grant).read().expect("no holder of this lock panics");
        let entry = shard.get(&grant)?;
        let now = now();
        if now.0 > self.validated_until.load(Ordering::Relaxed) {
            return None;
        }
        entry.serve(now)
    }

    pub(crate) fn look_up_key(&self, grant: GrantId, key: &AccessKey, now: Moment) -> Option<Hit> {
        if *key == AccessKey::default() {
            return self.look_up(grant, || now);
        }
        if now.0 > self.validated_until.load(Ordering::Relaxed) {
            return None;
        }
        let special = self.special.read().expect("no holder of this lock panics");
        special.get(&(grant, key.clone()))?.serve(now)
    }

    /// What is held although nobody could compare it with the store lately.
    pub(crate) fn look_up_unvalidated(
        &self,
        grant: GrantId,
        key: &AccessKey,
        now: Moment,
    ) -> Option<Arc<Issue>> {
        let hit = if *key == AccessKey::default() {
            self.shard(grant).read().expect("no holder of this lock panics").get(&grant)?.serve(now)
        } else {
            self.special.read().expect("no holder of this lock panics").get(&(grant, key.clone()))?.serve(now)
        };
        match hit? {
            Hit::Fresh(issue) | Hit::TurnedStale(issue) => Some(issue),
        }
    }

    pub(crate) fn put(&self, issue: Arc<Issue>, now: Now) {
        let grant = issue.grant;
        let key = issue.access.key.clone();
        // A token of a grant in trouble is not cached: its warning must follow the grant's state.
        if issue.access.rejected || issue.warning.is_some() {
            self.forget(grant, &key);
            return;
        }
        let entry = Entry::new(issue, now);
        if key == AccessKey::default() {
            self.shard(grant).write().expect("no holder of this lock panics").insert(grant, entry);
        } else {
            self.special.write().expect("no holder of this lock panics").insert((grant, key), entry);
        }
    }

    pub(crate) fn forget(&self, grant: GrantId, key: &AccessKey) {
        if *key == AccessKey::default() {
            self.shard(grant).write().expect("no holder of this lock panics").remove(&grant);
        } else {
            self.special.write().expect("no holder of this lock panics").remove(&(grant, key.clone()));
        }
    }

    /// Forgets what the store knows better: everything of the grant that is not of this generation.
    pub(crate) fn forget_other_than(&self, grant: GrantId, generation: Option<Generation>) {
        let keep = |entry: &Entry| Some(entry.issue.generation) == generation;
        let mut shard = self.shard(grant).write().expect("no holder of this lock panics");
        if shard.get(&grant).is_some_and(|entry| !keep(entry)) {
            shard.remove(&grant);
        }
        drop(shard);
        let mut special = self.special.write().expect("no holder of this lock panics");
        special.retain(|(id, _), entry| *id != grant || keep(entry));
    }

    /// Forgets everything of a grant.
    pub(crate) fn forget_grant(&self, grant: GrantId) {
        self.forget_other_than(grant, None);
    }

    pub(crate) fn clear(&self) {
        for shard in &self.shards {
            shard.0.write().expect("no holder of this lock panics").clear();
        }
        self.special.write().expect("no holder of this lock panics").clear();
    }

    /// The cache agreed with the store when the comparison began.
    pub(crate) fn validated(&self, began: Moment) {
        self.validated_until.store(began.plus(VALID_FOR).0, Ordering::Relaxed);
    }

    fn shard(&self, grant: GrantId) -> &RwLock<Entries> {
        let [_, low] = halves(grant.0);
        &self.shards[usize::from(low.to_le_bytes()[0]) & (SHARDS - 1)].0
    }
}

/// The high and the low half of an id.
fn halves(id: u128) -> [u64; 2] {
    let bytes = id.to_be_bytes();
    let half = |part: &[u8]| part.iter().fold(0_u64, |word, byte| word << 8 | u64::from(*byte));
    [half(&bytes[..8]), half(&bytes[8..])]
}

impl Entry {
    fn new(issue: Arc<Issue>, now: Now) -> Self {
        let moment = |end: Timestamp| now.moment.plus(end.since(now.wall));
        let endless = Moment(u64::MAX);
        let usable_until = issue.access.usable_until().map_or(endless, moment);
        let stale_at = match issue.access.expiry {
            Expiry::Never => endless,
            Expiry::At(_) | Expiry::Unknown => issue.access.stale_at().map_or(endless, moment),
        };
        Self {
            fresh_until: stale_at.min(usable_until),
            usable_until,
            issue,
            announced: AtomicBool::new(false),
        }
    }

    fn serve(&self, now: Moment) -> Option<Hit> {
        if now < self.fresh_until {
            return Some(Hit::Fresh(Arc::clone(&self.issue)));
        }
        if now >= self.usable_until {
            return None;
        }
        let issue = Arc::clone(&self.issue);
        let announced = self.announced.swap(true, Ordering::Relaxed);
        Some(if announced { Hit::Fresh(issue) } else { Hit::TurnedStale(issue) })
    }
}
