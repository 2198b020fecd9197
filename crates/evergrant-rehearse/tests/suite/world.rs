//! A provider in a box: its time and its randomness belong to the test.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use evergrant_rehearse::{
    ClientSettings, Delivery, JournalEntry, Lifetimes, PkcePair, Progress, Provider, Reason, RefreshTokens,
    Request, Response, RotationPolicy, Settings, SigningKey, Timestamp,
};
use serde_json::Value;

pub(crate) const REDIRECT: &str = "http://127.0.0.1:5000/callback";
pub(crate) const START: Timestamp = Timestamp(1_767_225_600_000);
pub(crate) const ISSUER: &str = "http://127.0.0.1:8790";

pub(crate) struct World {
    pub(crate) provider: Provider,
    pub(crate) now: Timestamp,
    state: u64,
}

pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

/// RSA keys are slow to make: one for all tests.
pub(crate) fn signing_key() -> Arc<SigningKey> {
    static KEY: OnceLock<Arc<SigningKey>> = OnceLock::new();
    KEY.get_or_init(|| Arc::new(SigningKey::generate().unwrap())).clone()
}

impl World {
    pub(crate) fn new(settings: Settings) -> Self {
        let provider = Provider::new(settings, ISSUER, signing_key()).unwrap();
        Self { provider, now: START, state: 1 }
    }

    /// The demonstration set.
    pub(crate) fn demonstration() -> Self {
        Self::new(Settings::default())
    }

    /// One public client `app` with a rotation policy and refresh tokens for everybody, and the usual users.
    pub(crate) fn rotating(rotation: impl Into<RotationPolicy>) -> Self {
        let client = ClientSettings {
            refresh_tokens: RefreshTokens::Always,
            ..ClientSettings::public("app").rotating(rotation)
        };
        Self::new(Settings { clients: vec![client], ..Settings::default() })
    }

    /// As [`Self::rotating`], with lifetimes.
    pub(crate) fn living(rotation: impl Into<RotationPolicy>, lifetimes: Lifetimes) -> Self {
        let mut world = Self::rotating(rotation);
        world.provider.change_client("app", |client| client.lifetimes = lifetimes).unwrap();
        world
    }

    pub(crate) fn advance_s(&mut self, seconds: u64) {
        self.now = self.now.plus_seconds(seconds);
    }

    pub(crate) fn handle(&mut self, request: Request) -> Progress {
        let mut entropy = entropy(&mut self.state);
        self.provider.handle(request, self.now, &mut entropy)
    }

    pub(crate) fn resume(&mut self, exchange: evergrant_rehearse::ExchangeId) -> Option<Progress> {
        let mut entropy = entropy(&mut self.state);
        self.provider.resume(exchange, self.now, &mut entropy)
    }

    pub(crate) fn send(&mut self, request: Request) -> Response {
        match self.handle(request) {
            Progress::Deliver(Delivery::Whole(response)) => response,
            other => panic!("no whole answer but {other:?}"),
        }
    }

    /// An authorization request by `login_hint`; the answer is a redirect.
    pub(crate) fn authorize(&mut self, client_id: &str, username: &str, more: &[(&str, &str)]) -> Response {
        let mut fields = BTreeMap::from([
            ("response_type", "code"),
            ("client_id", client_id),
            ("redirect_uri", REDIRECT),
            ("scope", "openid offline_access"),
            ("state", "st&te"),
            ("code_challenge_method", "S256"),
            ("login_hint", username),
        ]);
        let challenge = PkcePair::example().challenge;
        fields.insert("code_challenge", &challenge);
        fields.extend(more.iter().copied());
        let query: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect();
        self.send(Request::get(&format!("/authorize?{}", query.join("&"))))
    }

    pub(crate) fn code(&mut self, client_id: &str, username: &str, more: &[(&str, &str)]) -> String {
        let response = self.authorize(client_id, username, more);
        location(&response).remove("code").unwrap_or_else(|| panic!("no code in {:?}", location(&response)))
    }

    /// The token request of a public client.
    pub(crate) fn redeem(&mut self, client_id: &str, code: &str) -> Response {
        self.token(&[
            ("client_id", client_id),
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", &PkcePair::example().verifier),
        ])
    }

    /// The tokens of a public client for a user.
    pub(crate) fn sign_in(&mut self, client_id: &str, username: &str) -> Tokens {
        let code = self.code(client_id, username, &[]);
        let response = self.redeem(client_id, &code);
        tokens(&response).unwrap_or_else(|| panic!("no tokens: {:?}", response.to_json()))
    }

    pub(crate) fn token(&mut self, fields: &[(&str, &str)]) -> Response {
        self.send(Request::post_form("/token", fields))
    }

    pub(crate) fn refresh(&mut self, client_id: &str, refresh_token: &str) -> Response {
        self.token(&[
            ("client_id", client_id),
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token),
        ])
    }

    /// The refresh token that a refresh brings; panics if it is refused.
    pub(crate) fn refreshed(&mut self, refresh_token: &str) -> String {
        let response = self.refresh("app", refresh_token);
        tokens(&response).unwrap_or_else(|| panic!("refused: {:?}", self.last().reason)).refresh
    }

    /// The reason why a refresh is refused; panics if it is not.
    pub(crate) fn refusal(&mut self, refresh_token: &str) -> Reason {
        let response = self.refresh("app", refresh_token);
        assert_eq!(response.status, 400, "{:?}", response.to_json());
        self.last().reason.unwrap()
    }

    /// The status that userinfo answers an access token with.
    pub(crate) fn userinfo(&mut self, access_token: &str) -> u16 {
        let request =
            Request::get("/userinfo").with_header("authorization", &format!("Bearer {access_token}"));
        self.send(request).status
    }

    pub(crate) fn admin(&mut self, method: evergrant_rehearse::Method, path: &str, body: &Value) -> Response {
        self.send(Request::json(method, path, body).with_header("host", "127.0.0.1:8790"))
    }

    /// The newest entry of the journal.
    pub(crate) fn last(&self) -> JournalEntry {
        self.provider.journal(0).last().unwrap().clone()
    }

    /// The live refresh tokens of each family.
    pub(crate) fn live_leaves(&mut self) -> Vec<u64> {
        let listed = self.admin(evergrant_rehearse::Method::Get, "/admin/grants", &Value::Null);
        let grants = listed.to_json().unwrap()["grants"].as_array().unwrap().clone();
        grants.iter().map(|grant| grant["live_leaves"].as_u64().unwrap()).collect()
    }
}

pub(crate) fn basic(client_id: &str, secret: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{client_id}:{secret}")))
}

pub(crate) fn tokens(response: &Response) -> Option<Tokens> {
    let body = response.to_json()?;
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    (response.status == 200).then(|| Tokens { access: text("access_token"), refresh: text("refresh_token") })
}

pub(crate) fn error(response: &Response) -> String {
    response.to_json().unwrap()["error"].as_str().unwrap().to_owned()
}

/// The parameters of the address that an answer redirects to.
pub(crate) fn location(response: &Response) -> BTreeMap<String, String> {
    let location = url::Url::parse(response.header("location").unwrap_or("none:")).unwrap();
    location.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

pub(crate) fn escape(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// SplitMix64: every run has the same random bytes.
fn entropy(state: &mut u64) -> impl FnMut(&mut [u8]) + use<'_> {
    |buffer| {
        for chunk in buffer.chunks_mut(8) {
            *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            let bytes = (mixed ^ (mixed >> 31)).to_le_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
    }
}
