//! The story of one grant, from the first link to its repair. Who acts in it does not matter.

use std::sync::Arc;

use evergrant::clock::{Clock, SystemClock};
use reqwest::Method;
use serde_json::{Value, json};

use super::{app::App, person::Person};
use crate::{
    receiver::{Arrived, Receiver},
    world::{SECRET, World},
};

/// How far the world's clock is moved from the first message to the last.
const STORY_SECONDS: u64 = 400;

pub(crate) struct Plot {
    pub(crate) world: Arc<World>,
    app: App,
    receiver: Receiver,
    /// What signs the messages to the receiver.
    secret: String,
}

impl Plot {
    pub(crate) async fn begin() -> Self {
        let world = Arc::new(World::empty().await);
        // The reference library compares with the machine's clock, and bears five minutes: the middle of the story is now.
        let now = SystemClock.now().wall;
        let ahead = now.since(world.clock.now().wall).as_secs();
        world.advance(ahead.saturating_sub(STORY_SECONDS / 2));
        let app = App::open().await;
        world
            .add_shop(json!({
                "return_urls": [app.return_url],
                "branding": { "name": "Acme Billing", "color": "#ffd400" },
            }))
            .await;
        let receiver = Receiver::open().await;
        let (_, secret) = receiver.subscribe(&world, json!({})).await;
        Self { world, app, receiver, secret }
    }

    /// Plays the whole story.
    pub(crate) async fn play(&mut self, person: &impl Person) {
        let grant = self.connect(person).await;
        self.expire(&grant).await;
        self.report_a_rejection(&grant).await;
        let link = self.die(&grant).await;
        self.repair(person, &grant, &link).await;
    }

    /// A link, the login at the provider, the return to the app, a message.
    async fn connect(&mut self, person: &impl Person) -> String {
        let wanted = json!({ "client": "shop", "return_url": self.app.return_url, "external_id": "user-7" });
        let opened = self.world.post("/v1/authorizations", wanted).await.ok();
        person.open(opened["connect_url"].as_str().unwrap()).await;
        let page = person.sees("Connect Evergrant rehearsal").await;
        assert!(page.contains("Acme Billing would like to use your"), "{page}");
        person.clicks("Continue to").await;
        person.sees("asks for access").await;
        person.clicks("alice").await;
        person.sees("Back at Acme").await;
        let visit = self.app.visit().await;
        assert_eq!(visit.told("authorization"), opened["id"].as_str());
        assert_eq!(visit.told("tab"), Some("settings"), "what the return URL had stays");
        let grant = visit.told("grant").unwrap().to_owned();
        let told = self.message("grant.connected").await;
        assert_eq!((&told["grant"], &told["external_id"]), (&json!(grant), &json!("user-7")));
        self.works(&grant).await;
        grant
    }

    /// The access token runs out, and the refresh token is replaced with it.
    async fn expire(&self, grant: &str) {
        let first = self.works(grant).await;
        self.world.advance(STORY_SECONDS);
        assert_eq!(self.call_api(&first).await, 401);
        let second = self.works(grant).await;
        assert_eq!((second["generation"].as_u64(), self.world.refreshes()), (Some(2), 1));
        assert_ne!(second["access_token"], first["access_token"]);
    }

    /// The API rejects a token that has not run out; the grant is alive.
    async fn report_a_rejection(&self, grant: &str) {
        let token = self.works(grant).await;
        let revoke = self.at_provider(Method::POST, "/revoke").basic_auth("shop", Some(SECRET));
        let revoked =
            revoke.form(&[("token", token["access_token"].as_str().unwrap())]).send().await.unwrap();
        assert_eq!(revoked.status(), 200);
        assert_eq!(self.call_api(&token).await, 401);
        let other = self.world.post(&rejections(grant), rejection(&token)).await.ok();
        assert_eq!(self.call_api(&other).await, 200);
        assert_eq!(self.world.refreshes(), 2);
    }

    /// The password is changed at the provider; the API says so first, then the answer, the message and its link.
    async fn die(&mut self, grant: &str) -> String {
        let token = self.works(grant).await;
        self.world.rehearsal.with_provider(|provider, now| provider.change_password("alice", now)).unwrap();
        assert_eq!(self.call_api(&token).await, 401);
        let refused = self.world.post(&rejections(grant), rejection(&token)).await;
        let problem = refused.problem(409, "needs_reauthorization");
        assert!(problem["reauthorize_url"].is_string(), "{problem:#}");
        let told = self.message("grant.needs_reauthorization").await;
        assert_eq!(told["grant"], grant);
        assert!(told["diagnosis"]["meaning"].is_string(), "{told:#}");
        let link = told["reauthorize_url"].as_str().unwrap().to_owned();
        self.world.remember(&link);
        link
    }

    /// The link of the message is clicked, and the same grant is alive again.
    async fn repair(&mut self, person: &impl Person, grant: &str, link: &str) {
        person.open(link).await;
        let page = person.sees("Reconnect Evergrant rehearsal").await;
        for words in
            ["Acme Billing", "Why", "Evergrant rehearsal does not say", "It may be this", "same account"]
        {
            assert!(page.contains(words), "{words:?} is missing in {page}");
        }
        person.clicks("Continue to").await;
        person.sees("asks for access").await;
        person.clicks("alice").await;
        let page = person.sees("is connected").await;
        assert!(page.contains("Acme Billing") && page.contains("close this page"), "{page}");
        assert_eq!(self.message("grant.recovered").await["grant"], grant);
        self.works(grant).await;
        person.open(link).await;
        person.sees("All is well").await;
    }

    /// There is a token, and the API accepts it.
    async fn works(&self, grant: &str) -> Value {
        let token = self.world.token(grant).await.ok();
        assert_eq!(self.call_api(&token).await, 200);
        token
    }

    /// The status that the API behind the provider answers.
    async fn call_api(&self, token: &Value) -> u16 {
        let call =
            self.at_provider(Method::GET, "/resource").bearer_auth(token["access_token"].as_str().unwrap());
        call.send().await.unwrap().status().as_u16()
    }

    fn at_provider(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.world.anonymous_at(method, self.world.rehearsal.issuer(), path)
    }

    /// What the next message tells. The reference library must find its signature right, and its time.
    async fn message(&mut self, kind: &str) -> Value {
        let arrived: Arrived = self.receiver.next(&self.world).await;
        let reference = standardwebhooks::Webhook::new(&self.secret).unwrap();
        reference.verify(&arrived.body, &arrived.headers).unwrap();
        assert_eq!(arrived.kind(), kind);
        arrived.json["data"].clone()
    }
}

fn rejections(grant: &str) -> String {
    format!("/v1/grants/{grant}/rejections")
}

fn rejection(token: &Value) -> Value {
    let challenge = "Bearer error=\"invalid_token\"";
    json!({ "generation": token["generation"], "status": 401, "www_authenticate": challenge })
}
