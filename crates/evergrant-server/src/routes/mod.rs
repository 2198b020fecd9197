//! One file is one endpoint. The tests in `tests/suite` mirror the files.

mod api_keys;
mod authorizations;
mod callback;
mod clients;
mod connect;
mod events;
mod grants;
mod livez;
mod metrics;
mod namespaces;
mod openapi;
mod problems;
mod providers;
mod readyz;
mod spent;
mod webhooks;

use std::sync::Arc;

use axum::{
    Router,
    handler::Handler,
    http::Method,
    middleware::from_fn_with_state,
    routing::{MethodFilter, MethodRouter, get, on, post},
};
use evergrant::store::access::KeyScope;
use tower_http::{catch_panic::CatchPanicLayer, map_request_body::MapRequestBodyLayer};

use crate::{
    app::App,
    middleware::{Gate, Pace, answer_panic, authenticate, measure, observe},
    problem::{Problem, Reason},
};

/// Every route.
pub(crate) fn router(app: Arc<App>) -> Router {
    let pace = Pace { patience: app.config.patience, bytes_per_second: app.config.body_rate };
    let v1 = v1(&app).route_layer(from_fn_with_state(Arc::clone(&app), measure));
    let open = open().into_iter().fold(Router::new(), |router, row| router.route(row.path, row.handler));
    open.nest("/v1", v1)
        .fallback(no_such_route)
        .method_not_allowed_fallback(no_such_method)
        .layer(MapRequestBodyLayer::new(move |body| pace.set(body)))
        .layer(CatchPanicLayer::custom(answer_panic))
        .layer(from_fn_with_state(Arc::clone(&app), observe))
        .with_state(app)
}

/// One route of the API: what it is called by, and what its key must be allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiRoute {
    /// The method.
    pub method: Method,
    /// The path, with its parameters in braces: `/v1/grants/{grant}`.
    pub path: String,
    /// The scope that it takes, or one that includes it.
    pub scope: KeyScope,
    /// Whether requests count towards the limit of their key.
    pub counted: bool,
}

/// Every route that takes an API key.
pub fn api_routes() -> Vec<ApiRoute> {
    let route = |Row { method, path, scope, counted, .. }| ApiRoute {
        method,
        path: format!("/v1{path}"),
        scope,
        counted,
    };
    table().into_iter().map(route).collect()
}

/// Every route that takes none: method and path.
pub fn open_routes() -> Vec<(Method, &'static str)> {
    open().into_iter().map(|Open { method, path, .. }| (method, path)).collect()
}

/// A route that takes no key.
struct Open {
    method: Method,
    path: &'static str,
    handler: MethodRouter<Arc<App>>,
}

/// Pages for people, and what is asked before there is a key.
fn open() -> Vec<Open> {
    const GET: Method = Method::GET;
    const POST: Method = Method::POST;
    let row = |method, path, handler| Open { method, path, handler };
    vec![
        row(GET, "/callback", get(callback::callback).head(no_such_method)),
        row(GET, "/connect/{link}", get(connect::ask)),
        row(POST, "/connect/{link}", post(connect::open)),
        row(GET, "/problems", get(problems::list)),
        row(GET, "/problems/{name}", get(problems::read)),
        row(GET, "/docs/api", get(openapi::page)),
        row(GET, "/openapi.json", get(openapi::document)),
        row(GET, "/livez", get(livez::livez)),
        row(GET, "/readyz", get(readyz::readyz)),
        row(GET, "/metrics", get(metrics::metrics)),
    ]
}

/// A row of the table of routes.
struct Row {
    method: Method,
    path: &'static str,
    scope: KeyScope,
    /// Whether requests count towards the limit of their key.
    counted: bool,
    handler: MethodRouter<Arc<App>>,
}

/// What programs call, and what their API key must be allowed: there is no other way to add a route.
fn table() -> Vec<Row> {
    use KeyScope::{Admin, Manage, ReadToken};
    const DELETE: Method = Method::DELETE;
    const GET: Method = Method::GET;
    const PATCH: Method = Method::PATCH;
    const POST: Method = Method::POST;
    vec![
        row(GET, "/clients", Manage, clients::list),
        row(POST, "/clients", Manage, clients::add),
        row(GET, "/clients/{name}", Manage, clients::read),
        row(PATCH, "/clients/{name}", Manage, clients::update),
        row(DELETE, "/clients/{name}", Manage, clients::remove),
        row(GET, "/providers", Manage, providers::list),
        row(GET, "/providers/{id}", Manage, providers::read),
        row(GET, "/grants", Manage, grants::list),
        row(POST, "/grants", Manage, grants::import),
        row(POST, "/grants/import", Manage, grants::import_many),
        row(GET, "/grants/forecast", Manage, grants::forecast),
        row(GET, "/grants/{grant}", Manage, grants::read),
        row(DELETE, "/grants/{grant}", Manage, grants::remove),
        row(GET, "/grants/{grant}/token", ReadToken, grants::token).uncounted(),
        row(GET, "/grants/{grant}/forward-auth", ReadToken, grants::forward_auth).uncounted(),
        row(POST, "/grants/{grant}/refresh", ReadToken, grants::refresh),
        row(POST, "/grants/{grant}/rejections", ReadToken, grants::reject),
        row(POST, "/grants/{grant}/revoke", Manage, grants::revoke),
        row(POST, "/grants/{grant}/check", Manage, grants::check),
        row(GET, "/grants/{grant}/events", Manage, grants::events),
        row(GET, "/grants/{grant}/attempts", Manage, grants::attempts),
        row(POST, "/authorizations", Manage, authorizations::open),
        row(GET, "/authorizations/{id}", Manage, authorizations::read),
        row(GET, "/events", Manage, events::events),
        row(GET, "/webhooks", Manage, webhooks::list),
        row(POST, "/webhooks", Manage, webhooks::add),
        row(GET, "/webhooks/{id}", Manage, webhooks::read),
        row(PATCH, "/webhooks/{id}", Manage, webhooks::update),
        row(DELETE, "/webhooks/{id}", Manage, webhooks::remove),
        row(POST, "/webhooks/{id}/rotate-secret", Manage, webhooks::rotate_secret),
        row(POST, "/webhooks/{id}/test", Manage, webhooks::test),
        row(POST, "/webhooks/{id}/replay", Manage, webhooks::replay),
        row(GET, "/webhooks/{id}/deliveries", Manage, webhooks::deliveries),
        row(GET, "/api-keys", Admin, api_keys::list),
        row(POST, "/api-keys", Admin, api_keys::add),
        row(DELETE, "/api-keys/{id}", Admin, api_keys::revoke),
        row(GET, "/namespaces", Admin, namespaces::list),
        row(POST, "/namespaces", Admin, namespaces::add),
        row(DELETE, "/namespaces/{name}", Admin, namespaces::remove),
    ]
}

fn row<H, T>(method: Method, path: &'static str, scope: KeyScope, handler: H) -> Row
where
    H: Handler<T, Arc<App>>,
    T: 'static,
{
    let filter = MethodFilter::try_from(method.clone()).expect("a method of HTTP");
    Row { method, path, scope, counted: true, handler: on(filter, handler) }
}

impl Row {
    /// Requests for tokens are not counted: to refuse one that is in memory costs as much as to answer it, and all that
    /// are not wait for one refresh.
    fn uncounted(self) -> Self {
        Self { counted: false, ..self }
    }
}

/// The routes of the table, each behind its gate.
fn v1(app: &Arc<App>) -> Router<Arc<App>> {
    table().into_iter().fold(Router::new(), |router, Row { path, scope, counted, handler, .. }| {
        let gate = Gate { app: Arc::clone(app), scope, counted };
        router.route(path, handler.route_layer(from_fn_with_state(gate, authenticate)))
    })
}

async fn no_such_route() -> Problem {
    Problem::of(Reason::NoSuchRoute)
}

async fn no_such_method() -> Problem {
    Problem::of(Reason::MethodNotAllowed)
}
