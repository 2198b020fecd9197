//! The HTTP interface: one request to a server with a client, a grant and a webhook. `{grant}`, `{authorization}` and
//! `{webhook}` in an input stand for the ids of this server.

use std::{
    cell::RefCell,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderValue, Request, header},
};
use evergrant::{
    AuthorizationOptions, Carrier, Keeper, KeeperParts, NewApiKey, NewClient, NewGrant,
    clock::{Clock, SystemClock},
    proto::{
        engine::Settings,
        name::ClientName,
        provider::{Catalogue, Endpoints},
        secret::{ClientSecret, RefreshToken},
        time::Moment,
        wire::{
            client_authentication::ClientIdentifier,
            http::{HttpRequest, HttpResponse, Method, TransportFailure},
            redirect_uri::RedirectUri,
        },
    },
};
use evergrant_server::{ApiKey, Server, ServerConfig};
use evergrant_store::{
    SqliteStore,
    access::KeyScope,
    clock::BootClock,
    lifeboat::Capacity,
    sqlite::{Options, Paths},
};
use futures_util::future::BoxFuture;
use serde::Deserialize;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt;

use super::files::folder;
use crate::{
    http_text::Message,
    secrecy::{CANARY, assert_silent},
};

/// Requests change the store; before it has grown large there is a new one.
const REQUESTS_OF_A_WORLD: usize = 1000;

/// Whatever is asked, the server does not fail, and shows no secret.
pub(super) fn requests(bytes: &[u8]) {
    thread_local! {
        static WORLD: RefCell<Option<World>> = const { RefCell::new(None) };
    }
    WORLD.with_borrow_mut(|kept| {
        let world = kept.get_or_insert_with(World::new);
        if let Some(request) = world.request(bytes) {
            // A request that repeats a secret may be answered with it.
            let told = bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes());
            world.ask(request, told);
            if told {
                // As a scope or a label it is in the store now, and belongs into other answers, too.
                world.asked = REQUESTS_OF_A_WORLD;
            }
        }
        world.asked += 1;
        if world.asked >= REQUESTS_OF_A_WORLD {
            *kept = None;
        }
    });
}

struct World {
    asked: usize,
    grant: String,
    authorization: String,
    webhook: Webhook,
    key: ApiKey,
    router: Router,
    runtime: Runtime,
    _folder: TempDir,
}

impl World {
    fn new() -> Self {
        let folder = folder();
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime can be started");
        let options = Options {
            lifeboat: Capacity { slots: 8, slot_bytes: 16 * 1024 },
            ..Options::at(Paths::beside(&folder.path().join("store.sqlite")))
        };
        let leases = Arc::new(BootClock::of_this_boot().expect("the machine tells its boot id"));
        let store = SqliteStore::open(&options, leases, SystemClock.now().wall);
        let (keeper, driver) = Keeper::new(KeeperParts {
            store: Arc::new(store.expect("the store can be opened")),
            clock: Arc::new(SystemClock),
            carrier: Arc::new(Provider::default()),
            catalogue: Catalogue::builtin(),
            settings: Settings { scheduler: false, ..Settings::default() },
        });
        let driver = runtime.spawn(driver.run());
        let (grant, authorization) = runtime.block_on(populate(&keeper));
        assert!(!driver.is_finished(), "the driver runs as long as its keeper");
        let key = ApiKey::generate();
        let public = "http://127.0.0.1:8780".parse().expect("a valid address");
        let new = NewApiKey {
            digest: key.digest(),
            name: "fuzzing".parse().expect("a valid name"),
            namespace: None,
            scope: KeyScope::Admin,
            expires_at: None,
        };
        // Requests are what this is about.
        let config = ServerConfig { rate_limit: None, ..ServerConfig::new(public) };
        let server = Server::new(keeper.clone(), config);
        let knowing = async {
            keeper.add_api_key(new).await?;
            server.look_at_keys().await
        };
        runtime.block_on(knowing).expect("the store can be written");
        let router = server.router();
        let webhook = runtime.block_on(Webhook::added(&router, &key));
        Self { asked: 0, grant, authorization, webhook, key, router, runtime, _folder: folder }
    }

    /// `None` if no HTTP library would let such a request out.
    fn request(&self, bytes: &[u8]) -> Option<Request<Body>> {
        let Message { first_line, headers, body } = Message::of(bytes);
        let (method, target) = first_line.split_once(' ').unwrap_or(("GET", &first_line));
        let target = target.replace("{grant}", &self.grant).replace("{authorization}", &self.authorization);
        let target = target.replace("{webhook}", &self.webhook.id);
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let mut request = request.body(Body::from(body.to_vec())).ok()?;
        request.headers_mut().entry(header::AUTHORIZATION).or_insert(bearer(&self.key));
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().entry(header::CONTENT_TYPE).or_insert(json);
        Some(request)
    }

    fn ask(&self, request: Request<Body>, told: bool) {
        let line = format!("{} {}", request.method(), request.uri());
        let (status, body) = self.runtime.block_on(answer(&self.router, request));
        assert_ne!(status, 500, "{line}: {body}");
        if !told {
            assert_silent(&[CANARY, self.key.expose(), &self.webhook.secret], &body);
        }
    }
}

/// A webhook, as its creator is told of it; of its secret nobody is told again.
#[derive(Deserialize)]
struct Webhook {
    id: String,
    secret: String,
}

impl Webhook {
    async fn added(router: &Router, key: &ApiKey) -> Self {
        let request = Request::post("/v1/webhooks")
            .header(header::AUTHORIZATION, bearer(key))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(r#"{"url":"https://hooks.example/"}"#));
        let (_, body) = answer(router, request.expect("a valid request")).await;
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("a webhook can be added: {error}: {body}"))
    }
}

fn bearer(key: &ApiKey) -> HeaderValue {
    format!("Bearer {}", key.expose()).parse().expect("a key is a header value")
}

/// Status and body.
async fn answer(router: &Router, request: Request<Body>) -> (u16, String) {
    let response = router.clone().oneshot(request).await.expect("a router always answers");
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), usize::MAX).await.expect("an answer has a body");
    (status, String::from_utf8_lossy(&body).into_owned())
}

/// A client with secrets, a grant of it, and a link that is open.
async fn populate(keeper: &Keeper) -> (String, String) {
    let name = ClientName::new("shop").expect("a valid name");
    let identifier = ClientIdentifier::new("shop").expect("a valid identifier");
    let mut client = NewClient::new(name.clone(), identifier);
    client.endpoints = Endpoints {
        token: "https://id.example/token".parse().ok(),
        authorization: "https://id.example/authorize".parse().ok(),
        ..Endpoints::default()
    };
    let redirect_uri = RedirectUri::new("http://127.0.0.1:8780/callback").expect("a valid address");
    client.redirect_uris = vec![redirect_uri];
    client.secret = Some(ClientSecret::new(format!("{CANARY}-secret")).expect("a valid secret"));
    keeper.add_client(client).await.expect("the client can be added");
    let token = RefreshToken::new(format!("{CANARY}-refresh")).expect("a valid token");
    let grant = keeper.import(NewGrant::new(name.clone(), token)).await.expect("the grant can be imported");
    let options = AuthorizationOptions::repair(name, grant.id);
    let authorization = keeper.authorize(options).await.expect("a link can be opened");
    (grant.id.to_string(), authorization.id.to_string())
}

/// Rotates whatever it is given, with tokens that never repeat; there is nothing else behind it.
#[derive(Debug, Default)]
struct Provider {
    issued: Mutex<u64>,
}

impl Carrier for Provider {
    fn send(
        &self,
        request: HttpRequest,
        _: Moment,
        _: Duration,
    ) -> BoxFuture<'static, Result<HttpResponse, TransportFailure>> {
        let mut issued = self.issued.lock().expect("nobody panics while holding it");
        *issued += 1;
        let (status, body) = if request.method == Method::Post {
            (
                200,
                format!(
                    r#"{{"access_token":"at{issued}","expires_in":3600,"refresh_token":"{CANARY}-{issued}"}}"#
                ),
            )
        } else {
            (404, String::new())
        };
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        let response = HttpResponse { status, headers, body: body.into_bytes().into() };
        Box::pin(std::future::ready(Ok(response)))
    }
}
