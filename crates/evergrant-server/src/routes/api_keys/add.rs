//! `POST /v1/api-keys`: makes an API key, and shows it this once.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use evergrant::{
    NewApiKey,
    proto::name::Namespace,
    store::access::{KeyName, KeyScope},
};
use serde::{Deserialize, Serialize};

use crate::{
    ApiKey,
    app::App,
    extract::{Body, Caller},
    problem::{Problem, Reason},
    view::ApiKeyView,
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddApiKey {
    name: String,
    /// `read-token`, `manage` or `admin`.
    scope: String,
    /// What it sees; none given: what this request is about.
    namespace: Option<Namespace>,
    /// It sees every namespace.
    #[serde(default)]
    all_namespaces: bool,
    /// Seconds after which it ends by itself.
    expires_in: Option<u64>,
}

#[derive(Serialize)]
struct Added<'a> {
    /// Shown this once.
    key: &'a str,
    #[serde(flatten)]
    record: ApiKeyView<'a>,
}

pub(crate) async fn add(
    State(app): State<Arc<App>>,
    caller: Caller,
    Body(body): Body<AddApiKey>,
) -> Result<Response, Problem> {
    let now = app.keeper.clock().now().wall;
    let key = ApiKey::generate();
    let new = NewApiKey {
        digest: key.digest(),
        name: KeyName::new(&body.name).map_err(|error| unusable("name", error))?,
        scope: body.scope.parse::<KeyScope>().map_err(|error| unusable("scope", error))?,
        expires_at: body.expires_in.map(|seconds| now.plus(Duration::from_secs(seconds))),
        namespace: namespace(&caller, body)?,
    };
    let added = app.keeper.add_api_key(new).await?;
    let record = added.ok_or_else(|| Problem::of(Reason::NoSuchNamespace))?;
    app.see_access().await;
    let added = Added { key: key.expose(), record: ApiKeyView::new(&record, now) };
    Ok((StatusCode::CREATED, Json(added)).into_response())
}

fn namespace(caller: &Caller, body: AddApiKey) -> Result<Option<Namespace>, Problem> {
    match (body.all_namespaces, body.namespace) {
        (true, Some(_)) => Err(Problem::new(
            Reason::InvalidBody,
            "The fields namespace and all_namespaces say different things: give one of them.",
        )),
        (true, None) => caller.sees_all().map(|()| None),
        (false, None) => Ok(Some(caller.namespace.clone())),
        (false, Some(named)) if caller.key.namespace.as_ref().is_none_or(|own| *own == named) => {
            Ok(Some(named))
        }
        // As one that does not exist: nothing is told of others.
        (false, Some(_)) => Err(Problem::of(Reason::NoSuchNamespace)),
    }
}

fn unusable(field: &str, error: impl std::fmt::Display) -> Problem {
    Problem::new(Reason::InvalidBody, format!("The field {field} is not usable: {error}."))
}
