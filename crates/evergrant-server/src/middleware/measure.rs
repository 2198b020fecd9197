//! How often the remedies of a failure worked here, put into the answer that names them.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::header,
    middleware::Next,
    response::Response,
};

use crate::{app::App, problem::Diagnosed};

pub(crate) async fn measure(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let Some(diagnosed) = response.extensions_mut().remove::<Diagnosed>() else { return response };
    let rates = app.keeper.recent_remedy_rates().await;
    // The server counts the bytes of what it sends.
    response.headers_mut().remove(header::CONTENT_LENGTH);
    *response.body_mut() = diagnosed.body(&rates).into();
    response
}
