//! `POST /v1/grants`: takes over a refresh token that was issued to another program.

use std::sync::Arc;

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use evergrant::proto::{grant::GrantRecord, remedy_rates::Rates};

use crate::{
    app::App,
    extract::{Caller, Idempotent},
    idempotency::{Made, answered, respond},
    import::Line,
    problem::Problem,
    view::GrantView,
};

pub(crate) async fn import(
    State(app): State<Arc<App>>,
    caller: Caller,
    Idempotent { body, request }: Idempotent<Line>,
) -> Result<Response, Problem> {
    if let Some(answer) = answered(&app, request.as_ref()).await? {
        return Ok(answer);
    }
    let new = body.into_new(&caller.namespace, None, app.keeper.clock().now().wall)?;
    let status = match new.into {
        Some(grant) => app.grant(&caller.namespace, grant).await.map(|_| StatusCode::OK)?,
        None => StatusCode::CREATED,
    };
    match request {
        None => Ok(made(status, &app.keeper.import(new).await?).into_response()),
        Some(key) => {
            let imported = move |grant: &GrantRecord| made(status, grant).to_bytes();
            respond(app.keeper.import_once(new, key, imported).await?)
        }
    }
}

fn made(status: StatusCode, grant: &GrantRecord) -> Made {
    // What was imported just now has no diagnosis.
    let view = GrantView::new(grant, &Rates::default());
    Made::new(status, format!("/v1/grants/{}", grant.id), &view)
}
