//! What the scenes do: connect, wait, ask for tokens, and look at what the server says of a failure.

use evergrant::proto::engine::CallbackEnd;
use evergrant_rehearse::{
    Action, ClientSettings, Endpoint, Fault, FaultId, GrantType, Provider, Timestamp, UserSettings,
};
use serde_json::{Value, json};
use url::Url;

use crate::{
    row::{Row, Said},
    stage::{Stage, client_body},
};

/// Longer than an access token lives.
const OUTLIVE: u64 = 400;

pub(crate) struct Play<'a> {
    pub(crate) stage: &'a Stage,
    pub(crate) row: &'a Row,
}

impl Play<'_> {
    /// The id of the client, of its registration and of its user.
    pub(crate) fn id(&self) -> String {
        self.row.id()
    }

    /// A second user of the same client.
    pub(crate) fn neighbour(&self) -> String {
        format!("{}-neighbour", self.id())
    }

    /// A third.
    pub(crate) fn other_neighbour(&self) -> String {
        format!("{}-other-neighbour", self.id())
    }

    /// A second client at the provider, which this server does not know.
    pub(crate) fn other_client(&self) -> String {
        let id = format!("{}-other", self.id());
        self.provide(|provider, _| provider.add_client(ClientSettings::basic(&id, crate::SECRET))).unwrap();
        id
    }

    /// Registers the client and its users at the provider.
    pub(crate) fn register(&self) {
        let mut client = (self.row.registered)(ClientSettings::basic(&self.id(), crate::SECRET));
        client.redirect_uris = vec![format!("{}/callback", self.stage.url), self.stage.elsewhere()];
        if let Some(words) = self.row.words {
            client = client.worded(words.reason, words.error, words.description);
        }
        self.provide(|provider, _| {
            provider.add_client(client).unwrap();
            for user in [self.id(), self.neighbour(), self.other_neighbour()] {
                provider.add_user(UserSettings::new(&user, &user)).unwrap();
            }
        });
    }

    pub(crate) fn provide<T>(&self, act: impl FnOnce(&mut Provider, Timestamp) -> T) -> T {
        self.stage.rehearsal.with_provider(act)
    }

    /// Changes the registration at the provider.
    pub(crate) fn reregister(&self, change: impl FnOnce(&mut ClientSettings)) {
        self.provide(|provider, _| provider.change_client(&self.id(), change)).unwrap();
    }

    /// Makes the client known to the server.
    pub(crate) async fn add_client(&self, other: Value) {
        let body = client_body(self.row, self.stage.rehearsal.issuer(), &other);
        self.stage.post("/v1/clients", body).await.ok();
    }

    /// Adds the client and connects its user.
    pub(crate) async fn connected(&self) -> String {
        self.add_client(json!({})).await;
        self.connect(&self.id()).await
    }

    /// Connects a user of the client through the pages, and gives the grant.
    pub(crate) async fn connect(&self, user: &str) -> String {
        let link = self.link(json!({ "login_hint": user, "new": true })).await;
        let callback = self.sign_in(&link.url).await;
        let (status, _) = self.stage.browse(&callback).await;
        assert_eq!(status, 200, "{}", self.row.played);
        let authorization = self.stage.get(&format!("/v1/authorizations/{}", link.id)).await.ok();
        authorization["grant"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn link(&self, other: Value) -> Link {
        let mut body = json!({ "client": self.id(), "login_hint": self.id() });
        body.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
        let opened = self.stage.post("/v1/authorizations", body).await.ok();
        Link {
            id: opened["id"].as_str().unwrap().to_owned(),
            url: opened["url"].as_str().unwrap().parse().unwrap(),
        }
    }

    /// Follows a link to the provider: where the browser is sent back to.
    pub(crate) async fn sign_in(&self, link: &Url) -> String {
        let (_, callback) = self.stage.browse(link.as_str()).await;
        callback.unwrap_or_else(|| panic!("{}: the provider sends nobody back", self.row.played))
    }

    /// The provider's answer comes back, and the exchange fails.
    pub(crate) async fn fails_to_connect(&self, callback: &str) -> Said {
        let query = callback.split_once('?').unwrap().1;
        let authorization = match self.stage.keeper.complete(query).await.unwrap() {
            CallbackEnd::Failed { authorization, .. } => authorization,
            end => panic!("{}: {end:?}", self.row.played),
        };
        let shown = self.stage.get(&format!("/v1/authorizations/{authorization}")).await.ok();
        assert_eq!(shown["state"], "failed", "{}: {shown:#}", self.row.played);
        Said::read(&shown["diagnosis"])
    }

    pub(crate) async fn state(&self, grant: &str) -> String {
        let shown = self.stage.get(&format!("/v1/grants/{grant}")).await.ok();
        shown["state"].as_str().unwrap().to_owned()
    }

    /// Time goes by in small steps until a grant is in this state.
    pub(crate) async fn until(&self, grant: &str, state: &str) {
        for _ in 0..100 {
            self.stage.keeper.settled().await;
            if self.state(grant).await == state {
                return;
            }
            self.stage.advance(10);
        }
        panic!("{}: not {state} in time", self.row.played);
    }

    /// Outlives the access token, and asks for another.
    pub(crate) async fn refused(&self, grant: &str) -> Said {
        self.stage.advance(OUTLIVE);
        self.stage.keeper.settled().await;
        self.asked(grant).await
    }

    /// Asks for a token that cannot be had: the problem, the grant and the event log have to say the same of it.
    pub(crate) async fn asked(&self, grant: &str) -> Said {
        let problem = self.problem(grant, "").await;
        assert!(problem.get("diagnosis").is_some(), "{}: {problem:#}", self.row.played);
        let said = Said::read(&problem["diagnosis"]);
        let shown = self.stage.get(&format!("/v1/grants/{grant}")).await.ok();
        assert_eq!(Said::read(&shown["diagnosis"]), said, "{}", self.row.played);
        let told = self.events(grant).await;
        assert!(told.contains(&said), "{}: {said:?} is not among {told:?}", self.row.played);
        said
    }

    /// Why there is no token.
    pub(crate) async fn problem(&self, grant: &str, query: &str) -> Value {
        let path = format!("/v1/grants/{grant}/token{query}");
        let mut asking = std::pin::pin!(self.stage.get(&path));
        let answer = loop {
            tokio::select! {
                answer = &mut asking => break answer,
                () = self.stage.time_for_callers() => {}
            }
        };
        assert!(answer.status >= 400, "{}: a token after all", self.row.played);
        answer.body
    }

    /// What the event log says of the failures of a grant.
    pub(crate) async fn events(&self, grant: &str) -> Vec<Said> {
        let page = self.stage.get(&format!("/v1/grants/{grant}/events?limit=1000")).await.ok();
        let events = page["events"].as_array().unwrap().iter();
        events.filter_map(|event| event.get("diagnosis")).map(Said::read).collect()
    }

    /// A token that is good.
    pub(crate) async fn token(&self, grant: &str) -> String {
        let answer = self.stage.get(&format!("/v1/grants/{grant}/token")).await.ok();
        answer["access_token"].as_str().unwrap().to_owned()
    }

    /// Something goes wrong with the refreshes of this client.
    pub(crate) fn breaks(&self, fault: Fault) -> FaultId {
        let fault = fault.at(Endpoint::Token).of_grant(GrantType::RefreshToken).of_client(&self.id());
        self.stage.rehearsal.add_fault(fault).unwrap()
    }

    /// Every refresh is answered with something else, and one is due.
    pub(crate) async fn answered(&self, action: Action) -> Said {
        let grant = self.connected().await;
        self.breaks(Fault::before(action).always());
        self.refused(&grant).await
    }

    /// Hands a refresh token of the provider's to the server.
    pub(crate) async fn import(&self, refresh_token: &str) -> String {
        let body = json!({ "client": self.id(), "refresh_token": refresh_token });
        let grant = self.stage.post("/v1/grants", body).await.ok();
        grant["id"].as_str().unwrap().to_owned()
    }

    /// Uses a refresh token as another program does.
    pub(crate) async fn refresh_elsewhere(&self, refresh_token: &str) -> Value {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh_token)];
        let request = client.post(format!("{}/token", self.stage.rehearsal.issuer()));
        let request = request.basic_auth(self.id(), Some(crate::SECRET)).form(&form);
        request.send().await.unwrap().json().await.unwrap()
    }

    /// The row is over: nothing goes wrong any more.
    pub(crate) fn clear(&self) {
        self.stage.rehearsal.clear_faults();
    }
}

/// An open authorization.
pub(crate) struct Link {
    pub(crate) id: String,
    pub(crate) url: Url,
}
