//! Plays a script.

use std::time::Duration;

use evergrant_proto::{
    engine::TokenRequest,
    grant::AccessKey,
    name::{AuthorizationId, GrantId},
    provider::RotationPolicy,
    secret::RefreshToken,
    transaction::{Command, Import, Want},
};
use evergrant_rehearse::{Ancestors, Otherwise, PolicyName, RotationPolicy as Rotation, TenantRefusal};

use super::{
    action::{Account, Action, Wish},
    script::{Policy, Replays, Setting, Step},
};
use crate::{CLIENT_ID, CLIENT_SECRET, Dice, Outage, ProcessId, Scene, Store, World};

/// More processes at once would only wait for each other.
const MOST_PROCESSES: usize = 4;

/// More grants would each see less.
const MOST_GRANTS: usize = 6;

/// Before one step of so many, somebody else uses a grant, where somebody has it.
const BORROWED: u64 = 97;

/// One run of the world.
pub(super) struct Player {
    pub(super) world: World,
    pub(super) setting: Setting,
    links: Vec<(AuthorizationId, String)>,
    imported: Vec<(GrantId, String)>,
    /// The newest secret that anybody knows of, and the one that holds at the provider.
    newest_secret: u64,
    pub(super) secret_at_provider: u64,
}

impl Player {
    pub(super) fn new(setting: &Setting, store: Store, tracing: bool) -> Self {
        let mut world = World::over(store, scene(setting), setting.seed);
        world.tracing = tracing;
        world.settings.tick = Duration::from_millis(setting.tick_ms);
        let mut player = Self {
            world,
            setting: setting.clone(),
            links: Vec::new(),
            imported: Vec::new(),
            newest_secret: 0,
            secret_at_provider: 0,
        };
        player.begin();
        player
    }

    fn begin(&mut self) {
        let process = self.world.start().expect("a new store is there");
        if self.setting.drivers {
            self.world.with_drivers();
        } else {
            // Who waits for the owner of an attempt counts on it: what has an ending is not in the lifeboat for minutes.
            self.world.watch_the_lifeboat();
        }
        for user in 0..self.setting.users {
            let user = self.world.scene.users[user].0.clone();
            let link = self.world.open_link(None).expect("a new store is there");
            self.links.push((link, user.clone()));
            let callback = self.world.sign_in(link, &user);
            let call = self.world.bring_callback(process, callback);
            self.world.await_answer(call);
        }
        self.world.back_up_store();
    }

    pub(super) fn step(&mut self, step: &Step) {
        self.world.dice = Dice::new(step.chance);
        self.world.note(|| format!("--- {:?}", step.action));
        if self.setting.habits.is_shared && step.chance.is_multiple_of(BORROWED) {
            self.borrow(step.chance / BORROWED);
        }
        self.act(&step.action);
        self.world.run_for(Duration::from_millis(step.pause));
    }

    fn act(&mut self, action: &Action) {
        match action {
            Action::Ask { .. } | Action::Reject(_) => self.call(action),
            Action::Start
            | Action::Kill(..)
            | Action::Pause(_)
            | Action::Resume(_)
            | Action::Doom(..)
            | Action::Suspend(_) => self.trouble_processes(action),
            Action::NetworkDown(_) | Action::NetworkTrouble(_) | Action::Mishap(_) => {
                self.trouble_network(action);
            }
            Action::StoreAway(_)
            | Action::LifeboatAway(_)
            | Action::StoreFault(..)
            | Action::StoreDelay(..) => {
                self.trouble_store(action);
            }
            Action::Provider(fault) => drop(self.world.party.provider.add_fault((**fault).clone())),
            Action::ProviderMends => {
                self.world.party.provider.clear_faults();
                self.world.release_held();
            }
            Action::SecretChanges
            | Action::SecretLearned
            | Action::SecretFirst
            | Action::UpdateClient
            | Action::Disable(_)
            | Action::Enable(_) => self.operate(action),
            Action::Repair { .. } | Action::Connect(..) | Action::Device(_) | Action::Import(_) => {
                self.authorize(action);
            }
            Action::Withdraw(grant) => {
                if let Some(user) = self.user_of(*grant).filter(|user| self.world.has_user(user)) {
                    self.world.withdraw_consent(&user);
                }
            }
            Action::EndGrant(grant) => {
                if let Some(grant) = self.grant(*grant) {
                    self.world.end_at_provider(grant);
                }
            }
            Action::Account(user, change) => self.change_account(*user, *change),
            Action::Revoke(process, grant, remove) => self.revoke(*process, *grant, *remove),
            Action::Copy | Action::BackUp | Action::Restore(_) | Action::Adopt => self.move_store(action),
            Action::SetClock(step) => self.world.step_wall_clock(*step),
        }
    }

    fn call(&mut self, action: &Action) {
        match *action {
            Action::Ask { process, grant, wish, resource, part, callers } => {
                let (Some(process), Some(grant)) = (self.process(process), self.grant(grant)) else { return };
                let key = key(resource, part);
                let want = match wish {
                    Wish::Usable => Want::Usable { min_ttl: Duration::ZERO },
                    Wish::Lasting(seconds) => Want::Usable { min_ttl: Duration::from_secs(seconds) },
                    Wish::Newer => {
                        let seen = self.world.grant(grant).access_for(&key).map(|entry| entry.generation);
                        Want::Newer { than: seen.unwrap_or_default() }
                    }
                };
                // What is asked for by force, or for another resource or scope, may cost a request of its own.
                if !matches!(wish, Wish::Usable) || key != AccessKey::default() {
                    self.world.allow_request(grant);
                }
                for _ in 0..callers {
                    self.world.request(process, TokenRequest { grant, key: key.clone(), want });
                }
            }
            Action::Reject(grant) => {
                if let Some(grant) = self.grant(grant) {
                    self.world.reject(grant);
                }
            }
            _ => {}
        }
    }

    fn trouble_processes(&mut self, action: &Action) {
        let (running, paused) = (self.world.running(), self.world.paused());
        match *action {
            Action::Start if running.len() + paused.len() < MOST_PROCESSES => drop(self.world.start()),
            Action::Kill(process, restart) => {
                let Some(process) = self.process(process) else { return };
                self.world.kill(process);
                if let Some(after) = restart {
                    self.world.start_later(after);
                }
            }
            Action::Pause(process) => {
                if let Some(process) = self.process(process) {
                    self.world.pause(process);
                }
            }
            Action::Resume(_) if running.is_empty() && paused.is_empty() => drop(self.world.start()),
            Action::Resume(process) => {
                if let Some(process) = pick(&paused, process) {
                    self.world.resume(process);
                }
            }
            Action::Doom(process, doom) => {
                if let Some(process) = self.process(process) {
                    self.world.doom(process, doom);
                }
            }
            Action::Suspend(milliseconds) => {
                for process in &running {
                    self.world.pause(*process);
                }
                self.world.run_for(Duration::from_millis(milliseconds));
                for process in running {
                    self.world.resume(process);
                }
            }
            _ => {}
        }
    }

    fn move_store(&mut self, action: &Action) {
        match *action {
            Action::Copy => self.world.copy_store(),
            Action::BackUp => self.world.back_up_store(),
            Action::Restore(age) => self.world.restore_store(age),
            _ => self.world.adopt(),
        }
    }

    fn trouble_network(&mut self, action: &Action) {
        let network = &mut self.world.network;
        match *action {
            Action::NetworkDown(milliseconds) => {
                network.down = true;
                self.world.end_outage_after(milliseconds, Outage::Network);
            }
            Action::NetworkTrouble(trouble) => network.trouble = trouble,
            Action::Mishap(mishap) => network.next.push_back(mishap),
            _ => {}
        }
    }

    fn trouble_store(&mut self, action: &Action) {
        match *action {
            Action::StoreAway(milliseconds) => {
                self.world.set_store_away(true);
                self.world.end_outage_after(milliseconds, Outage::Store);
            }
            Action::LifeboatAway(milliseconds) => {
                self.world.store.lifeboat_away = true;
                self.world.end_outage_after(milliseconds, Outage::Lifeboat);
            }
            Action::StoreFault(struck, fate, times) => {
                self.world.store.faults.push(struck.fault(fate, times));
            }
            Action::StoreDelay(struck, before, after, times) => {
                self.world.store.delays.push(struck.delay(before, after, times));
            }
            _ => {}
        }
    }

    fn operate(&mut self, action: &Action) {
        match *action {
            Action::SecretChanges => {
                self.newest_secret += 1;
                self.secret_at_provider = self.newest_secret;
                self.world.change_secret_at_provider(&secret(self.secret_at_provider));
            }
            Action::SecretFirst => {
                self.newest_secret += 1;
                self.world.put_secret(&secret(self.newest_secret));
            }
            Action::SecretLearned => {
                // What came to us first comes to the provider now.
                if self.newest_secret != self.secret_at_provider {
                    self.secret_at_provider = self.newest_secret;
                    self.world.change_secret_at_provider(&secret(self.secret_at_provider));
                }
                self.world.put_secret(&secret(self.newest_secret));
            }
            Action::UpdateClient => drop(self.world.touch_client()),
            Action::Disable(user) => {
                let (_, tenant) = self.user(user);
                let refusal = TenantRefusal::default();
                drop(self.world.party.provider.disable_client_for_tenant(CLIENT_ID, &tenant, refusal));
            }
            Action::Enable(user) => {
                let (_, tenant) = self.user(user);
                drop(self.world.party.provider.enable_client_for_tenant(CLIENT_ID, &tenant));
            }
            _ => {}
        }
    }

    fn authorize(&mut self, action: &Action) {
        match *action {
            Action::Repair { process, grant, twice, stranger } => {
                let (Some(process), Some(id)) = (self.process(process), self.grant(grant)) else { return };
                let Some(owner) = self.user_of(grant) else { return };
                let other = self.world.scene.users.iter().map(|user| &user.0).find(|user| **user != owner);
                let user = other.filter(|_| stranger && self.setting.tells_account).unwrap_or(&owner).clone();
                let Ok(link) = self.world.open_link(Some(id)) else { return };
                self.follow(process, link, &user, twice);
            }
            Action::Connect(process, user) => {
                let Some(process) = self.process(process) else { return };
                if self.world.store.grants().count() >= MOST_GRANTS {
                    return;
                }
                let (user, _) = self.user(user);
                let Ok(link) = self.world.open_link(None) else { return };
                self.follow(process, link, &user, false);
            }
            Action::Device(user) if self.world.store.grants().count() < MOST_GRANTS => {
                let (user, _) = self.user(user);
                if let Some(link) = self.world.approve_device(&user) {
                    self.links.push((link, user));
                }
            }
            Action::Import(grant) => self.import(grant),
            _ => {}
        }
    }

    /// Accounts change where the provider says why it refuses. Where it does not, consent, administration and what came of
    /// our own requests look alike already: nobody could name a fourth among three.
    fn change_account(&mut self, user: u64, change: Account) {
        let (user, tenant) = self.user(user);
        match change {
            _ if !self.setting.tells_reason => {}
            Account::PasswordChanges => self.world.change_password(&user),
            Account::IsDisabled => self.world.set_user_enabled(&user, false),
            Account::IsDeleted => self.world.delete_user(&user),
            Account::IsBack => self.world.bring_user_back(&user, &tenant),
        }
    }

    fn follow(&mut self, process: ProcessId, link: AuthorizationId, user: &str, twice: bool) {
        if !self.world.has_user(user) {
            return;
        }
        self.links.push((link, user.to_owned()));
        let callback = self.world.sign_in(link, user);
        self.world.bring_callback(process, callback.clone());
        if twice {
            self.world.bring_callback(process, callback);
        }
    }

    /// Of a token that never worked here, nobody could say whether it ever worked.
    fn borrow(&mut self, number: u64) {
        let Some(grant) = self.grant(number) else { return };
        let record = self.world.grant(grant);
        if record.generation > record.lineage_start {
            self.world.borrow_token(grant);
        }
    }

    fn import(&mut self, number: u64) {
        let Some(user) = self.user_of(number) else { return };
        let Some(grant) = self.grant(number) else { return };
        let record = self.world.grant(grant);
        let (owner, namespace, client) =
            (record.owner.clone(), record.namespace.clone(), record.client.clone());
        let Some(token) = self.world.issue_elsewhere(&user) else { return };
        let scopes = self.world.scene.scopes.parse().expect("the scopes of a scene are scopes");
        let import = Import {
            grant,
            namespace,
            client,
            owner,
            scopes,
            refresh_token: RefreshToken::new(&token).expect("a token of the provider is one"),
            // The program that got it was told, too.
            refresh_expires_at: self.world.scene.announced().map(|life| self.world.wall().plus(life)),
            obtained_at: None,
            access: None,
            wall: self.world.wall(),
        };
        if self.world.command(&Command::Import(Box::new(import))).is_ok() {
            self.imported.push((grant, user));
        }
    }

    fn revoke(&mut self, process: u64, number: u64, remove: bool) {
        let (Some(process), Some(grant)) = (self.process(process), self.grant(number)) else { return };
        // One grant is never revoked, so that something is left to be kept alive.
        if self.world.store.grants().next().is_some_and(|first| first.id != grant) {
            self.world.revoke(process, grant, remove);
        }
    }

    pub(super) fn process(&self, number: u64) -> Option<ProcessId> {
        pick(&self.world.running(), number)
    }

    fn grant(&self, number: u64) -> Option<GrantId> {
        let grants: Vec<_> = self.world.store.grants().map(|grant| grant.id).collect();
        pick(&grants, number)
    }

    fn user(&self, number: u64) -> (String, String) {
        pick(&self.world.scene.users, number).expect("a scene has users")
    }

    /// Who gave this grant.
    fn user_of(&self, number: u64) -> Option<String> {
        let grant = self.grant(number)?;
        let imported = self.imported.iter().rev().find(|imported| imported.0 == grant);
        let leads = |link: &&(AuthorizationId, String)| {
            let record = self.world.store.authorization(link.0);
            record.is_some_and(|record| record.result == Some(grant))
        };
        let linked = || self.links.iter().rev().find(leads).map(|link| link.1.clone());
        imported.map(|imported| imported.1.clone()).or_else(linked)
    }
}

/// What an access token is wanted for.
fn key(resource: u64, part: u64) -> AccessKey {
    let resource = (resource > 0).then(|| format!("https://resource{resource}.example/"));
    let scope = match part {
        0 => None,
        1 => Some("mail"),
        2 => Some("calendar"),
        _ => Some("mail calendar"),
    };
    AccessKey { resource, scope: scope.map(|text| text.parse().expect("these are scopes")) }
}

/// A secret by its number.
pub(super) fn secret(number: u64) -> String {
    if number == 0 { CLIENT_SECRET.to_owned() } else { format!("secret {number}") }
}

fn pick<T: Clone>(from: &[T], number: u64) -> Option<T> {
    let count = u64::try_from(from.len()).ok().filter(|count| *count > 0)?;
    usize::try_from(number % count).ok().map(|index| from[index].clone())
}

fn scene(setting: &Setting) -> Scene {
    let policy = match setting.policy {
        Policy::Known(name) => name,
        Policy::Unknown => PolicyName::P2,
    };
    let mut rotation = Rotation::named(policy);
    let Replays { forgiven, of_parent, revoke, briefly } = setting.replays;
    let bounded = policy != PolicyName::P6 || briefly;
    if matches!(policy, PolicyName::P3 | PolicyName::P4 | PolicyName::P5 | PolicyName::P6) {
        rotation.window_s = bounded.then_some(setting.window_s);
    }
    let forgiving = [PolicyName::P3, PolicyName::P4, PolicyName::P5, PolicyName::P6, PolicyName::P7];
    if forgiving.contains(&policy) {
        rotation.count = forgiven.filter(|_| bounded);
        rotation.ancestors = if of_parent { Ancestors::Immediate } else { Ancestors::All };
        rotation.otherwise = if revoke { Otherwise::RevokeFamily } else { Otherwise::Refuse };
    }
    if rotation.otherwise == Otherwise::RevokeFamily && setting.habits.ends_sessions {
        rotation.otherwise = Otherwise::RevokeClientSession;
    }
    rotation.reissues = policy == PolicyName::P0 && setting.habits.reissues;
    let mut scene = Scene::of(rotation).living(setting.access_token_s).with_users(2);
    if setting.policy == Policy::Unknown {
        scene.known = RotationPolicy::default();
    }
    let account = if setting.tells_account { "openid " } else { "" };
    scene.tells_reason = setting.tells_reason;
    scene.ends = setting.habits.ends;
    scene.scopes = format!("{account}offline_access mail calendar");
    scene
}
