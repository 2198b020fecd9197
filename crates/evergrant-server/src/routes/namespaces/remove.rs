//! `DELETE /v1/namespaces/{name}`: removes a namespace in which nothing is left, or with `contents=true` what is left
//! in it as well. The API keys that see it alone end with it.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use evergrant::store::access::Removal;

use crate::{
    app::App,
    extract::{Caller, NamespacePath, Parameters},
    problem::{Problem, Reason},
};

pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    caller: Caller,
    NamespacePath(namespace): NamespacePath,
    mut parameters: Parameters,
) -> Result<StatusCode, Problem> {
    let contents = parameters.take("contents")?.unwrap_or(false);
    parameters.finish()?;
    caller.sees_all()?;
    let waiting = if contents { app.keeper.empty_namespace(&namespace).await? } else { 0 };
    match app.keeper.remove_namespace(namespace).await? {
        Removal::Removed => {
            app.see_access().await;
            Ok(StatusCode::NO_CONTENT)
        }
        Removal::NoSuchNamespace => Err(Problem::of(Reason::NoSuchNamespace)),
        Removal::InUse { .. } if waiting > 0 => Err(Problem::new(
            Reason::NamespaceInUse,
            format!(
                "{waiting} grants are revoked, and their providers have not confirmed it yet. Ask again."
            ),
        )),
        Removal::InUse { clients, grants } => Err(Problem::new(
            Reason::NamespaceInUse,
            format!("It has {grants} grants and {clients} clients."),
        )
        .adding(Reason::NamespaceInUse.meaning())),
    }
}
