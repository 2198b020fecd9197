//! `GET /problems/{name}`: what a reason of this API, or the cause of a diagnosis, means and what helps.

use axum::{
    extract::Path,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use evergrant::proto::diagnosis::Cause;

use crate::{
    page::{Page, ProblemPage},
    problem::{Problem, Reason},
};

pub(super) async fn explain(Path(name): Path<String>) -> Response {
    let page = match (Reason::parse(&name), Cause::parse(&name)) {
        (Some(reason), _) => ProblemPage::of_reason(reason),
        (None, Some(cause)) => ProblemPage::of_cause(cause),
        (None, None) => return Problem::of(Reason::NoSuchRoute).into_response(),
    };
    Page::new(StatusCode::OK, page).into_response()
}
