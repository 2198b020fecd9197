//! One grant of one client, and commands in few words.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use url::Url;

use crate::{
    client::{Branding, Breaker, ClientRecord, Learned, Probation},
    diagnosis::{Cause, Certainty, Diagnosis, PreviousOutcome},
    failure::{Culprit, Exchange, Stage, Verdict, classify},
    grant::{
        AccessEntry, AccessKey, BootId, Credential, Expiry, GrantRecord, GrantState, IssuedTokens, StoreTime,
    },
    name::{AttemptId, ClientName, Generation, GrantId, HolderId, Namespace},
    provider::{Endpoints, Provider, RotationKind, RotationPolicy},
    scope::ScopeSet,
    secret::{AccessToken, RefreshToken},
    time::Timestamp,
    transaction::{
        Change, Claim, Claimed, Command, ConfirmRevocation, End, Ending, Loaded, Refuse, Reject, Reply,
        Revoke, Seen, Succeed, Want, apply,
    },
    wire::{
        client_authentication::{AuthenticationMethod, ClientIdentifier},
        http::HttpResponse,
    },
};

pub(crate) const GRANT: GrantId = GrantId(1);
const HERE: HolderId = HolderId(1);
const START: Timestamp = Timestamp(1_800_000_000_000);

/// What a store would hold.
pub(crate) struct World {
    loaded: Loaded,
    pub(crate) wall: Timestamp,
    /// The end that is announced with refresh tokens.
    pub(crate) announced: Option<Timestamp>,
}

impl World {
    /// A grant whose access token has ended.
    pub(crate) fn new() -> Self {
        let client = client();
        let mut grant = GrantRecord::new(GRANT, &client.namespace, &client.name, START);
        grant.state = GrantState::Active;
        grant.generation = Generation(1);
        grant.lineage_start = Generation(1);
        grant.credential = Some(Credential {
            refresh_token: token("first"),
            generation: Generation(1),
            obtained_at: START,
            expires_at: None,
            authorization_expires_at: None,
        });
        let loaded = Loaded {
            grant: Some(grant),
            client: Some(Arc::new(client)),
            authorization: None,
            now: StoreTime { boot: BootId(1), milliseconds: 1_000_000 },
            ended_holders: std::collections::BTreeSet::new(),
            held_by: None,
            quarantined: false,
            adoptions: 0,
            recent: Vec::new(),
        };
        Self { loaded, wall: START, announced: None }
    }

    /// The provider is known to rotate like this.
    pub(crate) fn of_rotation(kind: RotationKind) -> Self {
        Self::of_policy(RotationPolicy { kind, ..RotationPolicy::default() })
    }

    /// The provider is known to do this with tokens that were used already.
    pub(crate) fn of_policy(rotation: RotationPolicy) -> Self {
        let mut world = Self::new();
        let mut client = world.client();
        client.provider.rotation = rotation;
        world.loaded.client = Some(Arc::new(client));
        world
    }

    pub(crate) fn grant(&self) -> &GrantRecord {
        self.loaded.grant.as_ref().unwrap()
    }

    pub(crate) fn client(&self) -> ClientRecord {
        ClientRecord::clone(self.loaded.client.as_ref().unwrap())
    }

    /// Executes a command, as a store would.
    pub(crate) fn apply(&mut self, command: &Command) -> Change {
        let change = apply(&self.loaded, command).unwrap();
        if let Some(grant) = &change.grant {
            self.loaded.grant = Some(grant.clone());
        }
        if let Some(client) = &change.client {
            self.loaded.client = Some(Arc::new(client.clone()));
        }
        change
    }

    /// The store is adopted: it was restored from a backup, or copied.
    pub(crate) fn adopt(&mut self) {
        self.loaded.adoptions += 1;
    }

    /// The provider refuses the refresh token with `invalid_grant`.
    pub(crate) fn refuse(&mut self, attempt: u128) {
        self.answer(attempt, r#"{"error":"invalid_grant"}"#);
    }

    /// The same, and says why.
    pub(crate) fn refuse_because(&mut self, attempt: u128, why: &str) {
        self.answer(attempt, &format!(r#"{{"error":"invalid_grant","error_description":"{why}"}}"#));
    }

    fn answer(&mut self, attempt: u128, body: &str) {
        let body = body.as_bytes().to_vec().into();
        let answer = HttpResponse { status: 400, headers: Vec::new(), body };
        let exchange = Exchange {
            stage: Stage::RefreshToken,
            result: Ok(&answer),
            dialect: &self.loaded.client.as_ref().unwrap().provider.dialect,
            now: self.wall,
            secrets: &[],
        };
        let Verdict::Failure(failure) = classify(&exchange) else { panic!("{answer:?}") };
        let refuse = Refuse {
            grant: GRANT,
            attempt: AttemptId(attempt),
            client_version: 1,
            failure,
            sent_at: self.wall,
            wall: self.wall,
        };
        self.apply(&Command::Refuse(Box::new(refuse)));
    }

    /// What the end of the grant is put down to.
    pub(crate) fn died_of(&self) -> &Diagnosis {
        match &self.grant().state {
            GrantState::NeedsReauthorization { diagnosis } => diagnosis,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn advance(&mut self, seconds: u64) {
        self.wall = self.wall.plus(Duration::from_secs(seconds));
        self.loaded.now.milliseconds += seconds * 1000;
    }

    pub(crate) fn try_claim(&mut self, attempt: u128) -> Reply {
        self.try_claim_by(HERE, attempt)
    }

    pub(crate) fn try_claim_by(&mut self, holder: HolderId, attempt: u128) -> Reply {
        self.want(Want::Usable { min_ttl: Duration::ZERO }, holder, attempt)
    }

    /// The scheduler claims it, although the access token is good.
    pub(crate) fn try_renew(&mut self, attempt: u128) -> Reply {
        self.want(Want::Early, HERE, attempt)
    }

    pub(crate) fn want(&mut self, want: Want, holder: HolderId, attempt: u128) -> Reply {
        let (key, attempt, wall) = (AccessKey::default(), AttemptId(attempt), self.wall);
        let claim = Claim { grant: GRANT, key, want, holder, attempt, wall };
        self.apply(&Command::Claim(claim)).reply
    }

    pub(crate) fn claim(&mut self, attempt: u128) -> Claimed {
        match self.try_claim(attempt) {
            Reply::Claimed(claimed) => *claimed,
            other => panic!("{other:?}"),
        }
    }

    /// What an attempt brings: an access token that lives for an hour and this refresh token.
    pub(crate) fn succeed(&mut self, attempt: u128, refresh_token: &str) -> Change {
        self.bring(attempt, Some(token(refresh_token)))
    }

    /// The same without another refresh token: the old one stays.
    pub(crate) fn succeed_without_rotation(&mut self, attempt: u128) -> Change {
        self.bring(attempt, None)
    }

    fn bring(&mut self, attempt: u128, refresh_token: Option<RefreshToken>) -> Change {
        let issued = IssuedTokens {
            access: Some(AccessEntry {
                key: AccessKey::default(),
                token: AccessToken::new("at").unwrap(),
                token_type: "Bearer".to_owned(),
                scope: None,
                issued_at: self.wall,
                expiry: Expiry::At(self.wall.plus(Duration::from_secs(3600))),
                generation: Generation(0),
                rejected: false,
                jitter: 0,
            }),
            refresh_token,
            refresh_expires_at: self.announced,
            authorization_expires_at: None,
            scope: None,
            sent_at: self.wall,
        };
        let attempt = AttemptId(attempt);
        let succeed = Succeed { grant: GRANT, attempt, client_version: 1, issued, wall: self.wall };
        self.apply(&Command::Succeed(Box::new(succeed)))
    }

    pub(crate) fn end(&mut self, attempt: u128, ending: Ending, wait: u64) -> Change {
        let end = End {
            grant: GRANT,
            attempt: AttemptId(attempt),
            ending,
            reason: "as the test says".to_owned(),
            diagnosis: undetermined(),
            retry_at: self.wall.plus(Duration::from_secs(wait)),
            wall: self.wall,
        };
        self.apply(&Command::End(Box::new(end)))
    }

    /// An attempt gets no answer in time.
    pub(crate) fn lose(&mut self, attempt: u128) {
        self.claim(attempt);
        self.end(attempt, Ending::Unknown(PreviousOutcome::Timeout), 1);
    }

    /// A resource server answers 401 to the access token that is held.
    pub(crate) fn reject(&mut self) {
        let reject = Reject {
            grant: GRANT,
            key: AccessKey::default(),
            seen: Seen::Generation(self.grant().generation),
            wall: self.wall,
        };
        self.apply(&Command::Reject(reject));
    }

    /// Waits for no open flight.
    pub(crate) fn revoke(&mut self) {
        let revoke = Revoke { grant: GRANT, holder: HERE, force: true, remove: false, wall: self.wall };
        self.apply(&Command::Revoke(revoke));
    }

    /// The refresh token whose revocation is owed next, with its generation; `None`: nothing is owed.
    pub(crate) fn owed(&self) -> Option<(String, Generation)> {
        self.grant().revocation.filter(|revocation| revocation.confirmed_at.is_none())?;
        let held = self.grant().credential.as_ref()?;
        Some((held.refresh_token.expose().to_owned(), held.generation))
    }

    /// The provider has confirmed that what was held as this generation is revoked.
    pub(crate) fn confirm(&mut self, credential: Generation) -> Change {
        let credential = Some(credential);
        let confirm = ConfirmRevocation { grant: GRANT, credential, retry_at: None, wall: self.wall };
        self.apply(&Command::ConfirmRevocation(confirm))
    }
}

pub(crate) fn undetermined() -> Diagnosis {
    Diagnosis {
        cause: Cause::Undetermined,
        certainty: Certainty::Possible,
        culprit: Culprit::Local,
        permanent: false,
        retry: true,
        remedies: Vec::new(),
        evidence: Vec::new(),
        alternatives: Vec::new(),
    }
}

fn address(path: &str) -> Url {
    Url::parse("https://provider.example/").unwrap().join(path).unwrap()
}

fn token(text: &str) -> RefreshToken {
    RefreshToken::new(text).unwrap()
}

fn client() -> ClientRecord {
    ClientRecord {
        name: ClientName::new("crm").unwrap(),
        namespace: Namespace::default(),
        version: 1,
        provider: Provider::generic(),
        parameters: BTreeMap::new(),
        issuer: None,
        issuer_announced: false,
        endpoints: Endpoints {
            token: Some(address("token")),
            revocation: Some(address("revoke")),
            ..Endpoints::default()
        },
        identifier: ClientIdentifier::new("id").unwrap(),
        authentication: AuthenticationMethod::None,
        redirect_uris: Vec::new(),
        scopes: ScopeSet::new(),
        return_urls: Vec::new(),
        breaker: Breaker::default(),
        learned: Learned::default(),
        probation: Probation::default(),
        keep_alive: true,
        branding: Branding::default(),
        created_at: START,
        updated_at: START,
        removed_at: None,
        secret: None,
    }
}
