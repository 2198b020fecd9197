//! A backup restored over newer state, adopted (requirement 34). The provider's journal judges.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use evergrant::{
    NewGrant,
    clock::Clock,
    proto::{grant::GrantState, name::GrantId, secret::RefreshToken},
};
use evergrant_rehearse::{Action, ClientSettings, Endpoint, Fault, GrantType, JournalEntry, PolicyName};

use crate::{
    offline,
    world::{SECRET, World},
};

const GRANTS: usize = 50;

/// Longer than an access token of the rehearsal lives.
const STALE: u64 = 400;

/// A world with grants, all refreshed once, and a backup of its store.
struct Restored {
    world: World,
    grants: Vec<GrantId>,
    backup: PathBuf,
}

impl Restored {
    async fn with(grants: usize) -> Self {
        let world = World::with(ClientSettings::basic("shop", SECRET).rotating(PolicyName::P2)).await;
        let mut kept = Vec::new();
        for _ in 0..grants {
            let given = world.rehearsal.issue_grant("shop", "alice", "openid profile").unwrap();
            let refresh_token = RefreshToken::new(given.refresh_token).unwrap();
            kept.push(world.keeper.import(NewGrant::new(World::shop(), refresh_token)).await.unwrap().id);
        }
        let restored = Self { backup: world.folder.path().join("backup.sqlite"), world, grants: kept };
        restored.refresh_all().await;
        restored.back_up();
        restored
    }

    fn back_up(&self) {
        let _ = std::fs::remove_file(&self.backup);
        let store = rusqlite::Connection::open(self.database()).unwrap();
        store.execute("VACUUM INTO ?1", [self.backup.to_str().unwrap()]).unwrap();
    }

    fn database(&self) -> PathBuf {
        self.world.folder.path().join("store.sqlite")
    }

    async fn refresh_all(&self) {
        self.world.advance(STALE);
        for grant in &self.grants {
            self.world.token(*grant).await.unwrap();
        }
        self.world.keeper.settled().await;
    }

    async fn restore_alone(&mut self) {
        let (database, backup) = (self.database(), self.backup.clone());
        self.world.restart_after(move || restore(&database, &backup)).await;
    }

    /// Puts the backup in the place of the store and adopts it; all access tokens have ended.
    async fn restore_and_adopt(&mut self) {
        let (database, backup, wall) = (self.database(), self.backup.clone(), self.world.clock.now().wall);
        self.world
            .restart_after(move || {
                restore(&database, &backup);
                offline::adopt(&database, wall);
            })
            .await;
        self.world.advance(STALE);
    }

    /// What was presented after so many refreshes.
    fn presented_after(&self, before: usize) -> Vec<JournalEntry> {
        self.world.refreshes().split_off(before)
    }

    async fn let_pass(&self, seconds: u64) {
        for _ in 0..seconds / 5 {
            self.world.advance(5);
            self.world.keeper.settled().await;
        }
    }

    async fn states(&self, name: &str) -> usize {
        let mut found = 0;
        for grant in &self.grants {
            found += usize::from(self.world.record(*grant).await.state.name() == name);
        }
        found
    }
}

fn restore(database: &Path, backup: &Path) {
    for beside in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{beside}", database.display()));
    }
    std::fs::copy(backup, database).unwrap();
}

/// Nothing was spent since the backup: every grant comes back, one by one.
#[tokio::test(flavor = "multi_thread")]
async fn the_grants_of_an_adopted_store_come_back_one_at_a_time_with_a_pause_between() {
    let mut restored = Restored::with(GRANTS).await;
    let before = restored.world.refreshes().len();
    let hold = Fault::before(Action::Hold).at(Endpoint::Token).of_grant(GrantType::RefreshToken).always();
    let hold = restored.world.rehearsal.add_fault(hold).unwrap();
    restored.restore_and_adopt().await;
    restored.world.rehearsal.wait_held(hold, 1).await;
    for grant in &restored.grants[..20] {
        restored.world.advance(1);
        restored.world.record(*grant).await;
    }
    let status = restored.world.rehearsal.fault(hold).unwrap();
    assert_eq!((status.held, status.struck), (1, 1), "the others wait for its outcome");
    restored.world.rehearsal.remove_fault(hold);
    for _ in 0..40 {
        restored.let_pass(60).await;
        let refreshed: BTreeSet<_> = families(&restored.presented_after(before)).collect();
        if refreshed.len() >= GRANTS && restored.states("active").await == GRANTS {
            break;
        }
    }
    assert_eq!(restored.states("active").await, GRANTS);
    let presented = restored.presented_after(before);
    assert!(presented.iter().all(|entry| entry.presented_before == Some(0)), "no replay");
    let mut seen = BTreeSet::new();
    let first: Vec<_> = presented.iter().filter(|entry| seen.insert(entry.family.unwrap())).collect();
    let close = first.windows(2).filter(|two| two[1].at_ms.0 - two[0].at_ms.0 < 5000).count();
    assert_eq!(close, 0, "a pause after each");
}

/// The provider has moved on: what the backup holds is spent. It can be asked without spending anything.
#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_can_be_asked_is_asked_first_and_spent_tokens_are_not_presented_at_all() {
    let mut restored = Restored::with(GRANTS).await;
    restored.refresh_all().await;
    let before = restored.world.refreshes().len();
    restored.restore_and_adopt().await;
    restored.let_pass(2 * 3600).await;
    let asked = restored.world.rehearsal.journal();
    let asked = asked.iter().filter(|entry| entry.endpoint == Endpoint::Introspect).count();
    assert_eq!(asked, 2, "after two inactive ones the rest is left alone");
    assert_eq!(restored.presented_after(before).len(), 0);
    assert_eq!(restored.states("active").await, GRANTS, "nothing was lost");

    // What an introspection says is not believed where somebody needs the grant: some call every refresh token inactive.
    assert!(restored.world.token(restored.grants[7]).await.is_err());
    assert_eq!(restored.presented_after(before).len(), 1);
    assert_eq!(restored.states("needs_reauthorization").await, 1);
}

/// Where the provider cannot be asked, each presentation of a spent token ends a family: that is found out twice.
#[tokio::test(flavor = "multi_thread")]
async fn spent_tokens_of_a_backup_are_not_presented_one_after_the_other() {
    let mut restored = Restored::with(GRANTS).await;
    offline::change_client(&mut restored.world, |client| client.endpoints.introspection = None).await;
    restored.back_up();
    restored.refresh_all().await;
    let before = restored.world.refreshes().len();
    restored.restore_alone().await;
    restored.let_pass(600).await;
    assert!(restored.world.keeper.status().await.unwrap().quarantine.is_some());
    assert_eq!(restored.world.refreshes().len(), before, "nothing is presented before it is adopted");
    restored.restore_and_adopt().await;
    restored.let_pass(2 * 3600).await;
    let presented = restored.presented_after(before);
    assert_eq!(presented.len(), 2, "after two refusals the rest is left alone");
    assert_eq!(restored.states("needs_reauthorization").await, 2);
    assert_eq!(restored.states("active").await, GRANTS - 2);

    // Somebody needs one of them: it is presented, alone, and the provider decides.
    let needed = untouched(&restored).await;
    let result = restored.world.token(needed).await;
    assert!(result.is_err());
    restored.let_pass(2 * 3600).await;
    let presented = restored.presented_after(before);
    assert_eq!(presented.len(), 3);
    assert!(presented.iter().all(|entry| entry.presented_before == Some(1)), "each one once: {presented:#?}");
}

/// Re-authorizing one of them proves it: it is no longer held up by the others.
#[tokio::test(flavor = "multi_thread")]
async fn a_grant_that_was_given_anew_is_refreshed_as_ever() {
    let mut restored = Restored::with(4).await;
    restored.refresh_all().await;
    restored.restore_and_adopt().await;
    restored.let_pass(600).await;
    let given = restored.world.rehearsal.issue_grant("shop", "alice", "openid profile").unwrap();
    let mut new = NewGrant::new(World::shop(), RefreshToken::new(given.refresh_token).unwrap());
    new.into = Some(restored.grants[0]);
    restored.world.keeper.import(new).await.unwrap();
    let before = restored.world.refreshes().len();
    restored.let_pass(3600).await;
    assert!(restored.presented_after(before).len() > 8, "every few minutes, ahead of time");
    assert_eq!(restored.world.record(restored.grants[0]).await.state, GrantState::Active);
}

fn families(entries: &[JournalEntry]) -> impl Iterator<Item = evergrant_rehearse::FamilyId> {
    entries.iter().filter_map(|entry| entry.family)
}

async fn untouched(restored: &Restored) -> GrantId {
    for grant in &restored.grants {
        if restored.world.record(*grant).await.state == GrantState::Active {
            return *grant;
        }
    }
    panic!("every grant is dead");
}
