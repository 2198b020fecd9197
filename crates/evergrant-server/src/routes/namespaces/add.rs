//! `POST /v1/namespaces`: adds a namespace.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use evergrant::{proto::name::Namespace, store::access::NamespaceRecord};
use serde::Deserialize;

use super::NamespaceView;
use crate::{
    app::App,
    extract::{Body, Caller},
    problem::{Problem, Reason},
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddNamespace {
    name: Namespace,
}

pub(crate) async fn add(
    State(app): State<Arc<App>>,
    caller: Caller,
    Body(body): Body<AddNamespace>,
) -> Result<Response, Problem> {
    caller.sees_all()?;
    let created_at = Some(app.keeper.clock().now().wall);
    if !app.keeper.add_namespace(body.name.clone()).await? {
        return Err(Problem::of(Reason::NamespaceExists));
    }
    app.see_access().await;
    let record = NamespaceRecord { name: body.name, created_at };
    Ok((StatusCode::CREATED, Json(NamespaceView::new(&record))).into_response())
}
