//! The provider: what it issues, what it says, and our registration there.

use std::{collections::BTreeMap, sync::LazyLock, time::Duration};

use evergrant_proto::{
    client::{Branding, Breaker, ClientRecord, Learned, Probation},
    diagnosis::{Diagnosis, History, diagnose},
    failure::{Exchange, Failure, Stage, Verdict, classify},
    grant::{AccessEntry, AccessKey, Expiry, IssuedTokens},
    name::{ClientName, Generation, Namespace},
    provider::{Endpoints, Provider, RotationPolicy},
    scope::ScopeSet,
    secret::{AccessToken, ClientSecret, RefreshToken},
    time::Timestamp,
    wire::{
        client_authentication::{AuthenticationMethod, ClientIdentifier},
        http::HttpResponse,
    },
};

use super::World;

/// Tokens, each a new one.
impl World {
    pub(super) fn token(&mut self) -> String {
        let token = format!("canary-{:06}-token", self.number());
        self.tokens.push(token.clone());
        token
    }

    pub(super) fn refresh_token(&mut self) -> RefreshToken {
        RefreshToken::new(self.token()).expect("a valid token")
    }

    /// Bit 0: rotated; bit 1: without an access token, if there is a refresh token; the rest: how long it lives.
    pub(super) fn issue(&mut self, tokens: u8, key: AccessKey) -> IssuedTokens {
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

    pub(super) fn access_entry(&mut self, tokens: u8, key: AccessKey) -> AccessEntry {
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
            generation: Generation::default(),
            rejected: false,
            jitter: 0,
        }
    }
}

pub(super) fn access_key(number: u8) -> AccessKey {
    let resource = (number % 2 == 1).then(|| "https://api.example/".to_owned());
    AccessKey { resource, scope: None }
}

pub(super) fn client(rotation: RotationPolicy, wall: Timestamp) -> ClientRecord {
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
        learned: Learned::default(),
        probation: Probation::default(),
        keep_alive: true,
        branding: Branding::default(),
        created_at: wall,
        updated_at: wall,
        removed_at: None,
        secret: ClientSecret::new("secret").ok(),
    }
}

static GENERIC: LazyLock<Provider> = LazyLock::new(Provider::generic);
pub(super) static REFUSED: LazyLock<Failure> = LazyLock::new(|| failure("invalid_grant"));
pub(super) static INVALID_GRANT: LazyLock<Diagnosis> = LazyLock::new(|| diagnosis(&REFUSED));
pub(super) static REJECTED: LazyLock<Failure> = LazyLock::new(|| failure("invalid_client"));

fn diagnosis(failure: &Failure) -> Diagnosis {
    diagnose(failure, &History::default(), &GENERIC)
}

/// A refusal as a provider states it.
fn failure(code: &str) -> Failure {
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
    failure
}
