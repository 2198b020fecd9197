//! The end of a run: all faults stop, and everything must come in order within a bound.

use std::time::Duration;

use evergrant_proto::{
    engine::Answer,
    grant::{AccessKey, GrantRecord, GrantState},
    name::GrantId,
};
use evergrant_rehearse::PolicyName;

use super::{
    player::{Player, secret},
    script::{Policy, Setting},
};
use crate::{CLIENT_ID, Invariant};

/// The longest pause after failures (five minutes) and the jitter on top of it, the longest `Retry-After` of a script, a
/// flight and its lease.
const BACKOFF: Duration = Duration::from_secs(300 + 240 + 105);

/// The longest pause between two probes of a client that the provider had rejected.
const PROBES: Duration = Duration::from_secs(15 * 60);

/// How long a process that does not answer is waited for.
const OWNER_WAIT: Duration = Duration::from_secs(10 * 60);

/// The grants of an adopted store come back one at a time: how long each of six may wait for one whose process is silent,
/// and for its own point in time.
const PROBATION: Duration = Duration::from_secs(6 * (10 + 5) * 60);

/// How often it is looked whether all is in order.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// One run of so many is watched for as long as its access tokens live.
const WATCHED: u64 = 4;

/// How often it is looked again while something is under way.
const MOST_LOOKS: usize = 10;

impl Setting {
    /// Within what time every live grant serves a fresh token again, once all faults have stopped and the wall clock
    /// shows again what it had shown before.
    pub fn recovery(&self) -> Duration {
        let doubt = match self.policy {
            // A repetition is safe, or inside a window and pointless afterwards: the longest wait is for an owner.
            Policy::Known(PolicyName::P0) => Duration::ZERO,
            Policy::Known(PolicyName::P6) if !self.replays.briefly => Duration::ZERO,
            Policy::Known(PolicyName::P1) => OWNER_WAIT,
            // The access token is used up first.
            Policy::Known(_) | Policy::Unknown => Duration::from_secs(self.access_token_s) + OWNER_WAIT,
        };
        BACKOFF + PROBES + doubt + Duration::from_millis(2 * self.tick_ms)
    }
}

impl Player {
    /// All faults stop, and the world goes on for as long as it may take.
    pub(super) fn close(&mut self) {
        self.calm_down();
        // What was written down by a clock that was set back lies ahead.
        self.world.run_for(self.world.set_back_by());
        let life = Duration::from_secs(self.setting.access_token_s);
        let misjudged = if self.world.clock_was_set() { life } else { Duration::ZERO };
        let probation = if self.world.store.adoptions > 0 { PROBATION } else { Duration::ZERO };
        let recovery = self.setting.recovery() + misjudged + probation;
        let bound = self.world.now() + millis(recovery);
        self.come_in_order(recovery);
        // A token that the provider takes may have ended by our clock, and a process may still spare the provider.
        while self.world.now() < bound && !self.unserved().is_empty() {
            self.world.run_for(LOOK_EVERY);
        }
        if self.setting.seed.is_multiple_of(WATCHED) {
            // And it stays so: what is used up now is renewed although nobody asks.
            self.world.run_for(life);
            self.come_in_order(recovery);
        }
        self.judge_grants();
        self.world.run_for(LOOK_EVERY);
        // A refresh ahead of time may just be under way. A grant that serves nothing until it is its turn after an adoption
        // leaves nothing over.
        for _ in 0..MOST_LOOKS {
            if !self.is_quiet() {
                self.world.run_for(Duration::from_secs(7));
            }
        }
        self.judge_left_over();
    }

    /// Waits until everything is in order, for as long as it may take, and asks for nothing.
    fn come_in_order(&mut self, limit: Duration) {
        let bound = self.world.now() + millis(limit);
        while self.world.now() < bound && !self.is_in_order() {
            self.need_what_is_left_alone();
            self.world.run_for(LOOK_EVERY);
        }
        let grants: Vec<_> = self.world.store.grants().cloned().collect();
        for grant in grants {
            if !self.serves(&grant) {
                let (id, state) = (grant.id, grant.state.name());
                self.complain(&format!(
                    "{id} is {state}, and holds no token that works before somebody asks"
                ));
            }
        }
    }

    /// After an adoption, and two refusals, a grant is only tried when somebody needs it: somebody does.
    fn need_what_is_left_alone(&mut self) {
        let is_halted = self.world.store.clients().any(|client| client.probation.is_halted());
        let Some(process) = self.world.running().first().copied().filter(|_| is_halted) else { return };
        for grant in self.world.store.grants().cloned().collect::<Vec<_>>() {
            if matches!(grant.state, GrantState::Degraded { .. }) || !self.serves(&grant) {
                self.world.token(process, grant.id);
            }
        }
    }

    /// Whether nothing more is to be waited for: it is judged then, not when the bound has come.
    fn is_in_order(&mut self) -> bool {
        self.is_quiet()
            && self.world.store.grants().cloned().collect::<Vec<_>>().iter().all(|grant| self.serves(grant))
    }

    /// Whether nothing is under way.
    fn is_quiet(&self) -> bool {
        let settled = |grant: &GrantRecord| {
            let told = grant.revocation.is_none_or(|revocation| revocation.confirmed_at.is_some());
            !matches!(grant.state, GrantState::Degraded { .. }) && grant.lease.is_none() && told
        };
        let running = self.world.running();
        self.world.store.grants().all(settled)
            && self.world.store.grants().all(|grant| grant.attempts.iter().all(|attempt| !attempt.is_open()))
            && self.world.store.places_taken().is_empty()
            && running.iter().all(|process| self.world.engine(*process).is_idle())
            && running.iter().all(|process| self.world.engine(*process).waiting() == 0)
    }

    /// Whether a live grant holds a token that works. What the provider ended without a word is found out when it is
    /// presented.
    fn serves(&mut self, grant: &GrantRecord) -> bool {
        let Some(entry) = grant.access_for(&AccessKey::default()).filter(|entry| !entry.rejected) else {
            return grant.state != GrantState::Active;
        };
        grant.state != GrantState::Active || self.world.works(entry.token.expose()) || self.was_ended(grant)
    }

    fn was_ended(&mut self, grant: &GrantRecord) -> bool {
        grant
            .credential
            .as_ref()
            .is_some_and(|credential| !self.world.works(credential.refresh_token.expose()))
    }

    fn calm_down(&mut self) {
        let world = &mut self.world;
        world.note(|| "=== all faults stop".to_owned());
        (world.network.down, world.network.trouble) = (false, 0);
        world.network.next.clear();
        world.set_store_away(false);
        world.store.lifeboat_away = false;
        world.store.faults.clear();
        world.store.delays.clear();
        world.lift_dooms();
        world.party.provider.clear_faults();
        world.release_held();
        for (_, tenant) in world.scene.users.clone() {
            drop(world.party.provider.enable_client_for_tenant(CLIENT_ID, &tenant));
        }
        let right = secret(self.secret_at_provider);
        world.put_secret(&right);
        for process in world.paused() {
            world.resume(process);
        }
        // Who opens the store sees whether it has to be adopted.
        world.start();
        world.adopt();
    }

    fn judge_grants(&mut self) {
        let grants: Vec<GrantId> = self.world.store.grants().map(|grant| grant.id).collect();
        for complaint in self.unserved() {
            self.complain(&complaint);
        }
        for id in grants {
            let record = self.world.grant(id).clone();
            match &record.state {
                GrantState::Active => {}
                GrantState::NeedsReauthorization { .. } => self.world.judge_loss(&record),
                GrantState::Revoked => {
                    if record.revocation.is_none_or(|revocation| revocation.confirmed_at.is_none()) {
                        self.complain(&format!("the revocation of {id} is not confirmed"));
                    }
                }
                other => self.complain(&format!("{id} is {} ({other:?})", other.name())),
            }
        }
    }

    /// What live grants do not serve as they should.
    fn unserved(&mut self) -> Vec<String> {
        let process = *self.world.running().first().expect("one was started");
        let grants: Vec<_> = self.world.store.grants().cloned().collect();
        let live = grants.iter().filter(|grant| grant.state == GrantState::Active);
        live.filter_map(|grant| self.judge_service(process, grant)).collect()
    }

    /// A live grant serves a token that works, and does not need anybody to ask for it.
    fn judge_service(&mut self, process: crate::ProcessId, record: &GrantRecord) -> Option<String> {
        let grant = record.id;
        match self.world.token(process, grant) {
            Answer::Token(issue) => {
                let works = self.was_ended(record) || self.world.works(issue.access.token.expose());
                (!works).then(|| format!("the token that {grant} serves does not work"))
            }
            other => {
                let record = self.world.grant(grant);
                let dead = matches!(record.state, GrantState::NeedsReauthorization { .. });
                (!dead).then(|| format!("{grant} is {} and serves nothing: {other:?}", record.state.name()))
            }
        }
    }

    fn judge_left_over(&mut self) {
        let mut complaints = Vec::new();
        for process in self.world.running() {
            let engine = self.world.engine(process);
            if engine.waiting() > 0 {
                complaints.push(format!("{} callers of {process:?} wait for ever", engine.waiting()));
            }
            if !engine.is_idle() {
                complaints.push(format!("{process:?} is not idle"));
            }
        }
        for call in self.world.unanswered() {
            complaints.push(format!("{:?} was never answered: {:?}", call.process, call.request));
        }
        for grant in self.world.store.grants() {
            if let Some(lease) = grant.lease {
                complaints.push(format!("a lease of {} is left over: {lease:?}", grant.id));
            }
            for attempt in self.world.store.attempts(grant.id).filter(|attempt| attempt.is_open()) {
                let (id, generation) = (attempt.id, attempt.generation.0);
                complaints.push(format!(
                    "attempt {id} of generation {generation} of {} is left open in {}",
                    grant.id,
                    grant.state.name()
                ));
            }
        }
        if let Some(command) = self.world.store.rescued().next() {
            complaints.push(format!("the lifeboat holds {:?}", command.attempt()));
        }
        let taken = self.world.store.places_taken();
        if !taken.is_empty() {
            complaints.push(format!("{} places of the lifeboat are taken: {taken:?}", taken.len()));
        }
        for complaint in complaints {
            self.complain(&complaint);
        }
    }

    fn complain(&mut self, evidence: &str) {
        let at = self.world.now();
        self.world.judge.object(Invariant::Recovery, at, evidence.to_owned());
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).expect("a bound is short")
}
