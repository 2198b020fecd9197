//! One file is one endpoint. The tests in `tests/suite` mirror the files.

mod authorizations;
mod callback;
mod clients;
mod connect;
mod grants;
mod livez;
mod metrics;
mod problems;
mod providers;
mod readyz;

use std::sync::Arc;

use axum::{
    Router,
    middleware::{from_fn, from_fn_with_state},
    routing::{get, post},
};
use tower_http::{catch_panic::CatchPanicLayer, timeout::RequestBodyTimeoutLayer};

use crate::{
    app::App,
    middleware::{answer_panic, authenticate, forbid_caching, measure, observe},
    problem::{Problem, Reason},
};

/// Every route.
pub(crate) fn router(app: Arc<App>) -> Router {
    let v1 = v1()
        .route_layer(from_fn_with_state(Arc::clone(&app), authenticate))
        .route_layer(from_fn(forbid_caching))
        .route_layer(from_fn_with_state(Arc::clone(&app), measure));
    Router::new()
        .nest("/v1", v1)
        .route("/callback", get(callback::callback).head(no_such_method))
        .route("/connect/{link}", get(connect::ask).post(connect::open))
        .route("/problems", get(problems::list))
        .route("/problems/{name}", get(problems::read))
        .route("/livez", get(livez::livez))
        .route("/readyz", get(readyz::readyz))
        .route("/metrics", get(metrics::metrics))
        .fallback(no_such_route)
        .method_not_allowed_fallback(no_such_method)
        .layer(RequestBodyTimeoutLayer::new(app.config.patience))
        .layer(CatchPanicLayer::custom(answer_panic))
        .layer(from_fn_with_state(Arc::clone(&app), observe))
        .with_state(app)
}

/// What programs call, with an API key.
fn v1() -> Router<Arc<App>> {
    Router::new()
        .route("/clients", get(clients::list).post(clients::add))
        .route("/clients/{name}", get(clients::read).patch(clients::update).delete(clients::remove))
        .route("/providers", get(providers::list))
        .route("/providers/{id}", get(providers::read))
        .route("/grants", get(grants::list).post(grants::import))
        .route("/grants/forecast", get(grants::forecast))
        .route("/grants/{grant}", get(grants::read).delete(grants::remove))
        .route("/grants/{grant}/token", get(grants::token))
        .route("/grants/{grant}/refresh", post(grants::refresh))
        .route("/grants/{grant}/rejections", post(grants::reject))
        .route("/grants/{grant}/revoke", post(grants::revoke))
        .route("/grants/{grant}/check", post(grants::check))
        .route("/grants/{grant}/events", get(grants::events))
        .route("/grants/{grant}/attempts", get(grants::attempts))
        .route("/authorizations", post(authorizations::open))
        .route("/authorizations/{id}", get(authorizations::read))
}

async fn no_such_route() -> Problem {
    Problem::of(Reason::NoSuchRoute)
}

async fn no_such_method() -> Problem {
    Problem::of(Reason::MethodNotAllowed)
}
