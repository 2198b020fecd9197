//! One client, its grants, three processes, two clocks.

use std::{collections::BTreeMap, sync::LazyLock, time::Duration};

use evergrant_proto::{
    authorization::{AuthorizationRecord, AuthorizationStatus, LINK_LIFETIME},
    client::{Breaker, ClientRecord},
    diagnosis::{Diagnosis, History, PreviousOutcome, diagnose},
    failure::{Exchange, Stage, Verdict, classify},
    grant::{
        AccessEntry, AccessKey, BootId, Credential, Expiry, GrantRecord, GrantState, IssuedTokens, Owner,
        StoreTime,
    },
    name::{AttemptId, AuthorizationId, ClientName, GrantId, HolderId, Namespace},
    provider::{Endpoints, Provider, RotationKind, RotationPolicy},
    scope::ScopeSet,
    secret::{AccessToken, ClientSecret, RefreshToken},
    time::Timestamp,
    transaction::{
        Block, Claim, Claimed, Command, Complete, ConfirmRevocation, Conflict, End, Ending,
        FailAuthorization, Import, JournalExchange, OpenAuthorization, Postpone, PutClient, Refuse, Reject,
        RejectClient, Reply, Revoke, Seen, Succeed, Want, deadlines,
    },
    wire::{
        client_authentication::{AuthenticationMethod, ClientIdentifier},
        http::HttpResponse,
        redirect_uri::RedirectUri,
    },
};

use super::{operation::Operation, promises, tables::Tables};

const PROCESSES: usize = 3;

/// Flights that are remembered.
const MOST_FLIGHTS: usize = 32;

/// Steps of the clocks, in seconds: around every deadline of the protocol.
const STEPS: [u64; 8] = [1, 10, 30, 61, 601, 3_600, 86_400, 2_592_000];

/// A refresh that a process has the right to send, or has sent.
struct Flight {
    claimed: Box<Claimed>,
    holder: HolderId,
    /// How it ended. A process whose commit was in doubt executes the same command again, never another one.
    end: Option<Command>,
}

pub(super) struct World {
    tables: Tables,
    flights: Vec<Flight>,
    processes: [HolderId; PROCESSES],
    wall: Timestamp,
    now: StoreTime,
    /// Numbers that are in use, and with them every id and every token.
    last: u32,
    tokens: Vec<String>,
}

impl World {
    pub(super) fn new() -> Self {
        let mut world = Self {
            tables: Tables::default(),
            flights: Vec::new(),
            processes: [HolderId(0); PROCESSES],
            wall: Timestamp(1_795_222_891_000),
            now: StoreTime { boot: BootId(1), milliseconds: 5_000 },
            last: 0,
            tokens: Vec::new(),
        };
        world.start_processes();
        world.put_client(0);
        world.import(0, 0);
        world
    }

    pub(super) fn perform(&mut self, operation: Operation) {
        match operation {
            Operation::Claim { grant, process, want, key } => self.claim(grant, process, want, key),
            Operation::Succeed { flight, tokens } => {
                self.end(flight, |world, flight| world.success(flight, tokens));
            }
            Operation::Refuse { flight } => self.end(flight, Self::refusal),
            Operation::RejectClient { flight } => self.end(flight, Self::rejection),
            Operation::End { flight, ending } => {
                self.end(flight, |world, flight| world.ending(flight, ending));
            }
            Operation::Crash { process, rescued } => self.crash(process, rescued),
            Operation::Pass { step } => self.pass(step),
            Operation::SetClock { step } => self.set_clock(step),
            Operation::Reboot => self.reboot(),
            Operation::Postpone { grant, step } => self.postpone(grant, step),
            Operation::RejectAccess { grant, key, newest } => self.reject_access(grant, key, newest),
            Operation::Import { grant, tokens } => self.import(grant, tokens),
            Operation::Revoke { grant, process, flags } => self.revoke(grant, process, flags),
            Operation::ConfirmRevocation { grant, answer } => self.confirm(grant, answer),
            Operation::Open { grant } => self.open(grant),
            Operation::Block { grant, process } => self.block(grant, process),
            Operation::JournalExchange { authorization, process } => self.journal(authorization, process),
            Operation::Complete { authorization, subject, tokens } => {
                self.complete(authorization, subject, tokens);
            }
            Operation::FailAuthorization { authorization } => self.fail(authorization),
            Operation::PutClient { policy } => self.put_client(policy),
            Operation::Quarantine { on } => self.tables.quarantined = on % 2 == 1,
        }
    }

    /// What is written in the clear, looked at once at the end: it is all still there.
    pub(super) fn check_texts(&self) {
        for id in self.tables.grants.keys() {
            let grant = self.tables.grant(*id, None).expect("it is in the table");
            promises::check_texts(&GrantRecord { attempts: Vec::new(), ..grant }, &self.tokens);
        }
        let journal = (&self.tables.attempts, &self.tables.events, &self.tables.authorizations);
        let attempts = self.tables.attempts.values().flat_map(BTreeMap::values).collect::<Vec<_>>();
        let json = serde_json::to_string(&(attempts, &self.tables.events)).expect("a record serializes");
        let shown = format!("{journal:?} {json}");
        for token in &self.tokens {
            assert!(!shown.contains(token), "a token in the clear: {shown}");
        }
    }
}

/// Processes and clocks.
impl World {
    fn number(&mut self) -> u32 {
        self.last += 1;
        self.last
    }

    fn start_processes(&mut self) {
        for process in 0..PROCESSES {
            self.start(process);
        }
    }

    fn start(&mut self, process: usize) {
        let holder = HolderId(self.number().into());
        self.processes[process] = holder;
        self.tables.alive.insert(holder);
    }

    fn process(&self, number: u8) -> HolderId {
        self.processes[usize::from(number) % PROCESSES]
    }

    /// Answers that were in the lifeboat come into the tables before the process counts as ended.
    fn crash(&mut self, process: u8, rescued: u8) {
        let (index, holder) = (usize::from(process) % PROCESSES, self.process(process));
        for flight in 0..self.flights.len() {
            if self.flights[flight].holder == holder && rescued % 2 == 1 {
                let number = u8::try_from(flight).expect("there are not so many flights");
                self.end(number, |world, flight| world.success(flight, 1));
            }
        }
        self.tables.alive.remove(&holder);
        self.flights.retain(|flight| flight.holder != holder);
        self.start(index);
    }

    fn reboot(&mut self) {
        self.tables.alive.clear();
        self.flights.clear();
        self.now = StoreTime { boot: BootId(self.now.boot.0 + 1), milliseconds: 1_000 };
        self.start_processes();
    }

    fn pass(&mut self, step: u8) {
        let step = duration(step);
        self.wall = self.wall.plus(step);
        self.now = self.now.plus(step);
    }

    fn set_clock(&mut self, step: u8) {
        let by = duration(step);
        self.wall = if step >= 8 { self.wall.minus(by) } else { self.wall.plus(by) };
    }
}

fn duration(step: u8) -> Duration {
    Duration::from_secs(STEPS[usize::from(step) % STEPS.len()])
}

/// Transactions, and the promises around each.
impl World {
    fn execute(&mut self, command: &Command) -> Result<Reply, Conflict> {
        let before = self.tables.grants.clone();
        let reply = self.tables.execute(command, self.now);
        for (id, before) in before {
            let after = self.tables.grant(id, None).expect("a grant is never deleted");
            promises::check(&before, &after, self.now, &self.tables.alive);
        }
        reply
    }

    /// The grant of a number, if there is one.
    fn grant(&self, number: u8) -> Option<GrantRecord> {
        let count = self.tables.grants.len().max(1);
        let id = self.tables.grants.keys().nth(usize::from(number) % count)?;
        self.tables.grant(*id, None)
    }

    fn client(&self) -> &ClientRecord {
        self.tables.client.as_ref().expect("it was put at the beginning")
    }
}

/// Refreshes.
impl World {
    fn claim(&mut self, grant: u8, process: u8, want: u8, key: u8) {
        let Some(before) = self.grant(grant) else { return };
        let holder = self.process(process);
        let flies = |flight: &Flight| {
            flight.holder == holder && flight.claimed.grant.id == before.id && flight.end.is_none()
        };
        if self.flights.iter().any(flies) || self.flights.len() >= MOST_FLIGHTS {
            // A process has one flight of a grant at a time.
            return;
        }
        let want = match want % 4 {
            0 => Want::Usable { min_ttl: Duration::ZERO },
            1 => Want::Usable { min_ttl: Duration::from_secs(600) },
            2 => Want::Early,
            _ => Want::Newer { than: before.generation },
        };
        let attempt = AttemptId(self.number().into());
        let claim = Claim { grant: before.id, key: access_key(key), want, holder, attempt, wall: self.wall };
        if let Ok(Reply::Claimed(claimed)) = self.execute(&Command::Claim(claim)) {
            promises::check_claim(&claimed, &before, self.now, holder);
            assert!(!self.tables.quarantined, "something is presented from a restored store");
            self.check_doubt(&claimed, &before, holder);
            self.flights.push(Flight { claimed, holder, end: None });
        }
    }

    /// Where a replay ends the grant, nothing is presented while an answer can still come.
    fn check_doubt(&self, claimed: &Claimed, before: &GrantRecord, holder: HolderId) {
        let kind = claimed.client.provider.rotation.kind;
        if !matches!(kind, RotationKind::ReplayRevokes | RotationKind::Unknown) {
            return;
        }
        let open = before.attempts.iter().filter(|attempt| {
            attempt.is_open()
                && attempt.generation == claimed.credential.generation
                && attempt.holder != holder
                && self.tables.alive.contains(&attempt.holder)
        });
        for attempt in open {
            let waited = self.now.until(attempt.journalled_on.plus(deadlines::OWNER_WAIT)).is_zero();
            assert!(waited, "presented while an answer can come: {before:?}");
        }
    }

    fn end(&mut self, flight: u8, command: impl FnOnce(&mut Self, &Claimed) -> Command) {
        let count = self.flights.len().max(1);
        let index = usize::from(flight) % count;
        let Some(flight) = self.flights.get(index) else { return };
        let (claimed, ended) = (flight.claimed.clone(), flight.end.clone());
        let again = ended.is_some();
        let command = ended.unwrap_or_else(|| command(self, &claimed));
        let before = self.tables.grant(claimed.grant.id, Some(claimed.attempt)).expect("it was claimed");
        self.execute(&command).expect("what was journalled can be ended");
        let after = self.tables.grant(claimed.grant.id, Some(claimed.attempt)).expect("it was claimed");
        if let Command::Succeed(succeed) = &command {
            if again {
                assert_eq!(after, before, "a success counts twice");
            } else {
                check_success(succeed, &claimed, &before, &after);
            }
        }
        self.flights[index].end = Some(command);
    }

    fn success(&mut self, claimed: &Claimed, tokens: u8) -> Command {
        let key = claimed.grant.attempts.iter().find(|attempt| attempt.id == claimed.attempt);
        let key = key.map(|attempt| attempt.key.clone()).unwrap_or_default();
        Command::Succeed(Box::new(Succeed {
            grant: claimed.grant.id,
            attempt: claimed.attempt,
            client_version: claimed.client.version,
            issued: self.issue(tokens, key),
            wall: self.wall,
        }))
    }

    fn refusal(&mut self, claimed: &Claimed) -> Command {
        Command::Refuse(Box::new(Refuse {
            grant: claimed.grant.id,
            attempt: claimed.attempt,
            client_version: claimed.client.version,
            code: "invalid_grant".to_owned(),
            diagnosis: INVALID_GRANT.clone(),
            wall: self.wall,
        }))
    }

    fn rejection(&mut self, claimed: &Claimed) -> Command {
        Command::RejectClient(Box::new(RejectClient {
            grant: claimed.grant.id,
            attempt: claimed.attempt,
            client_version: claimed.client.version,
            code: "invalid_client".to_owned(),
            diagnosis: INVALID_CLIENT.clone(),
            wall: self.wall,
        }))
    }

    fn ending(&mut self, claimed: &Claimed, ending: u8) -> Command {
        let known = match ending % 6 {
            0 => Ending::NotSent,
            1 => Ending::NotProcessed,
            2 => Ending::RequestRefused,
            3 => Ending::Unknown(PreviousOutcome::Timeout),
            4 => Ending::Unknown(PreviousOutcome::ConnectionError),
            _ => Ending::Unknown(PreviousOutcome::ServerError),
        };
        Command::End(Box::new(End {
            grant: claimed.grant.id,
            attempt: claimed.attempt,
            ending: known,
            reason: "a reason".to_owned(),
            diagnosis: INVALID_GRANT.clone(),
            retry_at: self.wall.plus(duration(ending / 6)),
            wall: self.wall,
        }))
    }

    fn postpone(&mut self, grant: u8, step: u8) {
        let Some(grant) = self.grant(grant) else { return };
        let until = self.wall.plus(duration(step));
        let _ = self.execute(&Command::Postpone(Postpone { grant: grant.id, until, wall: self.wall }));
    }

    fn reject_access(&mut self, grant: u8, key: u8, newest: u8) {
        let Some(grant) = self.grant(grant) else { return };
        let key = access_key(key);
        let held = grant.access_for(&key).map(|entry| entry.generation).unwrap_or_default();
        let seen = Seen::Generation(if newest.is_multiple_of(2) { held } else { grant.lineage_start });
        let _ = self.execute(&Command::Reject(Reject { grant: grant.id, key, seen, wall: self.wall }));
    }
}

/// Nothing that a provider issued is lost, and nothing that is superseded comes back.
fn check_success(succeed: &Succeed, claimed: &Claimed, before: &GrantRecord, after: &GrantRecord) {
    let superseded = claimed.credential.generation < before.lineage_start;
    if superseded && before.state != GrantState::Revoked {
        assert_eq!(after.credential, before.credential, "an older flight overwrote an authorization");
        assert_eq!(after.access, before.access, "an older flight overwrote an authorization");
    } else if let Some(token) = &succeed.issued.refresh_token {
        let holds = |held: &Credential| held.refresh_token == *token;
        let kept =
            after.credential.iter().any(holds) || after.spares.iter().any(|spare| holds(&spare.credential));
        assert!(kept, "a refresh token was lost: {before:?} {after:?}");
    }
}

/// Grants from outside, and their end.
impl World {
    fn import(&mut self, grant: u8, tokens: u8) {
        let known = self.grant(grant).filter(|_| tokens.is_multiple_of(2)).map(|grant| grant.id);
        let held_elsewhere = self.tables.grants.values().find_map(|grant| grant.credential.clone());
        let refresh_token = match held_elsewhere {
            Some(held) if tokens & 4 != 0 => held.refresh_token,
            _ => self.refresh_token(),
        };
        let access = (tokens & 2 != 0).then(|| self.access_entry(tokens, AccessKey::default()));
        let import = Import {
            grant: known.unwrap_or_else(|| GrantId(self.number().into())),
            namespace: Namespace::default(),
            client: self.client().name.clone(),
            owner: Owner::default(),
            scopes: ScopeSet::default(),
            refresh_token,
            refresh_expires_at: None,
            access,
            wall: self.wall,
        };
        if self.tables.grants.len() < 4 || known.is_some() {
            let _ = self.execute(&Command::Import(Box::new(import)));
        }
    }

    fn revoke(&mut self, grant: u8, process: u8, flags: u8) {
        let Some(grant) = self.grant(grant) else { return };
        let holder = self.process(process);
        let (force, remove) = (flags & 1 != 0, flags & 2 != 0);
        let revoke = Revoke { grant: grant.id, holder, force, remove, wall: self.wall };
        let _ = self.execute(&Command::Revoke(revoke));
    }

    fn confirm(&mut self, grant: u8, answer: u8) {
        let Some(grant) = self.grant(grant) else { return };
        let held = grant.credential.as_ref().map(|held| held.generation);
        let confirm = ConfirmRevocation {
            grant: grant.id,
            credential: if answer & 2 == 0 { held } else { None },
            retry_at: (answer & 1 != 0).then(|| self.wall.plus(duration(answer / 4))),
            wall: self.wall,
        };
        let _ = self.execute(&Command::ConfirmRevocation(confirm));
    }

    fn put_client(&mut self, policy: u8) {
        let kinds = [
            RotationKind::ReplayRevokes,
            RotationKind::GraceSame,
            RotationKind::LongOverlap,
            RotationKind::Unknown,
            RotationKind::Reusable,
            RotationKind::OneTime,
            RotationKind::GraceNew,
            RotationKind::LatestWins,
            RotationKind::UntilSuccessorUsed,
        ];
        let kind = kinds[usize::from(policy) % kinds.len()];
        let window = (!policy.is_multiple_of(3))
            .then(|| Duration::from_secs(if policy.is_multiple_of(2) { 30 } else { 3600 }));
        let rotation = RotationPolicy { kind, window, ..RotationPolicy::default() };
        let replaces = self.tables.client.as_ref().map(|client| client.version);
        let put = PutClient { record: client(rotation, self.wall), replaces, wall: self.wall };
        self.execute(&Command::PutClient(Box::new(put))).expect("nobody else changes the client");
    }
}

/// Authorizations.
impl World {
    fn open(&mut self, grant: u8) {
        let record = AuthorizationRecord {
            id: AuthorizationId(self.number().into()),
            namespace: Namespace::default(),
            client: self.client().name.clone(),
            grant: self.grant(grant).filter(|_| grant < 8).map(|grant| grant.id),
            always_new: grant >= 16,
            result: None,
            owner: Owner::default(),
            scopes: ScopeSet::default(),
            resources: Vec::new(),
            redirect_uri: RedirectUri::new("http://127.0.0.1:5000/callback").expect("a valid address"),
            return_url: None,
            status: AuthorizationStatus::Open,
            created_at: self.wall,
            expires_at: self.wall.plus(LINK_LIFETIME),
            state: None,
            verifier: None,
        };
        if self.tables.authorizations.len() < 8 {
            let _ = self.execute(&Command::OpenAuthorization(Box::new(OpenAuthorization { record })));
        }
    }

    fn authorization(&self, number: u8) -> Option<&AuthorizationRecord> {
        let count = self.tables.authorizations.len().max(1);
        self.tables.authorizations.values().nth(usize::from(number) % count)
    }

    fn block(&mut self, grant: u8, process: u8) {
        let Some(grant) = self.grant(grant) else { return };
        let holder = self.process(process);
        let duration = deadlines::EXCHANGE_WAIT + deadlines::FLIGHT;
        let _ = self.execute(&Command::Block(Block { grant: grant.id, holder, duration }));
    }

    fn journal(&mut self, authorization: u8, process: u8) {
        let Some(authorization) = self.authorization(authorization).map(|record| record.id) else { return };
        let (holder, attempt) = (self.process(process), AttemptId(self.number().into()));
        let journal = JournalExchange { authorization, attempt, holder, wall: self.wall };
        if self.execute(&Command::JournalExchange(journal.clone())).is_ok() {
            // In doubt, it is executed again; anybody else finds the link used.
            assert!(self.execute(&Command::JournalExchange(journal.clone())).is_ok(), "not idempotent");
            let other = JournalExchange { attempt: AttemptId(self.number().into()), ..journal };
            assert_eq!(self.execute(&Command::JournalExchange(other)), Err(Conflict::LinkUsed));
        }
    }

    fn complete(&mut self, authorization: u8, subject: u8, tokens: u8) {
        let Some(record) = self.authorization(authorization) else { return };
        let AuthorizationStatus::Exchanging(exchange) = record.status else { return };
        let authorization = record.id;
        let subjects = [Some("alice"), Some("bob"), None];
        let complete = Complete {
            authorization,
            attempt: exchange.attempt,
            new_grant: GrantId(self.number().into()),
            issued: self.issue(tokens, AccessKey::default()),
            subject: subjects[usize::from(subject) % subjects.len()].map(str::to_owned),
            tenant: None,
            wall: self.wall,
        };
        let command = Command::Complete(Box::new(complete));
        if let Ok(Reply::Connected(connected)) = self.execute(&command) {
            let held = |world: &Self| world.tables.grant(connected.grant.id, None);
            let first = held(self);
            assert!(matches!(self.execute(&command), Ok(Reply::Connected(_))), "not idempotent");
            assert_eq!(held(self), first, "a code counts twice");
        }
    }

    fn fail(&mut self, authorization: u8) {
        let Some(authorization) = self.authorization(authorization).map(|record| record.id) else { return };
        let fail = FailAuthorization { authorization, reason: "a reason".to_owned(), wall: self.wall };
        let _ = self.execute(&Command::FailAuthorization(fail));
    }
}

/// What providers issue: a token never twice.
impl World {
    fn token(&mut self) -> String {
        let token = format!("canary-{:06}-token", self.number());
        self.tokens.push(token.clone());
        token
    }

    fn refresh_token(&mut self) -> RefreshToken {
        RefreshToken::new(self.token()).expect("a valid token")
    }

    /// Bit 0: rotated; bit 1: without an access token, if there is a refresh token; the rest: how long it lives.
    fn issue(&mut self, tokens: u8, key: AccessKey) -> IssuedTokens {
        let rotated = tokens & 1 != 0;
        let bare = rotated && tokens & 2 != 0;
        IssuedTokens {
            access: (!bare).then(|| self.access_entry(tokens, key)),
            refresh_token: rotated.then(|| self.refresh_token()),
            refresh_expires_at: None,
            authorization_expires_at: None,
            scope: None,
            sent_at: self.wall,
        }
    }

    fn access_entry(&mut self, tokens: u8, key: AccessKey) -> AccessEntry {
        let expiry = match tokens / 4 % 4 {
            0 => Expiry::At(self.wall.plus(Duration::from_secs(3600))),
            1 => Expiry::Unknown,
            2 => Expiry::Never,
            _ => Expiry::At(self.wall),
        };
        AccessEntry {
            key,
            token: AccessToken::new(self.token()).expect("a valid token"),
            token_type: "Bearer".to_owned(),
            scope: None,
            issued_at: self.wall,
            expiry,
            generation: evergrant_proto::name::Generation::default(),
            rejected: false,
            jitter: 0,
        }
    }
}

fn access_key(number: u8) -> AccessKey {
    let resource = (number % 2 == 1).then(|| "https://api.example/".to_owned());
    AccessKey { resource, scope: None }
}

fn client(rotation: RotationPolicy, wall: Timestamp) -> ClientRecord {
    ClientRecord {
        name: ClientName::new("shop").expect("a valid name"),
        namespace: Namespace::default(),
        version: 0,
        provider: Provider { rotation, ..GENERIC.clone() },
        parameters: BTreeMap::new(),
        issuer: None,
        issuer_announced: false,
        endpoints: Endpoints::default(),
        identifier: ClientIdentifier::new("shop").expect("a valid identifier"),
        authentication: AuthenticationMethod::ClientSecretBasic,
        redirect_uris: Vec::new(),
        scopes: ScopeSet::default(),
        return_urls: Vec::new(),
        breaker: Breaker::default(),
        created_at: wall,
        updated_at: wall,
        removed_at: None,
        secret: ClientSecret::new("secret").ok(),
    }
}

static GENERIC: LazyLock<Provider> = LazyLock::new(Provider::generic);
static INVALID_GRANT: LazyLock<Diagnosis> = LazyLock::new(|| diagnosis("invalid_grant"));
static INVALID_CLIENT: LazyLock<Diagnosis> = LazyLock::new(|| diagnosis("invalid_client"));

/// The diagnosis of a refusal as a provider states it.
fn diagnosis(code: &str) -> Diagnosis {
    let body = format!(r#"{{"error":"{code}"}}"#).into_bytes().into();
    let response = HttpResponse { status: 400, headers: Vec::new(), body };
    let verdict = classify(&Exchange {
        stage: Stage::RefreshToken,
        result: Ok(&response),
        dialect: &GENERIC.dialect,
        now: Timestamp(0),
        secrets: &[],
    });
    let Verdict::Failure(failure) = verdict else { unreachable!("an error brings no tokens") };
    diagnose(&failure, &History::default(), &GENERIC)
}
