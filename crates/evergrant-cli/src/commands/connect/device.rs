//! For hosts without a browser (RFC 8628).

use evergrant::proto::engine::CallbackEnd;

use super::Options;
use crate::{failure::Failure, output, session::Session};

pub(super) async fn lead(session: &Session, options: &Options) -> Result<CallbackEnd, Failure> {
    let login = session.keeper.authorize_device(options.authorization(session)).await?;
    output::note(&format!(
        "open {} on any device and enter the code {}",
        login.verification_uri(),
        login.user_code()
    ));
    if let Some(complete) = login.verification_uri_complete() {
        output::note(&format!("or open {complete}"));
    }
    match tokio::time::timeout(options.timeout, login.wait()).await {
        Ok(end) => Ok(end?),
        Err(_) => Err(options.timed_out()),
    }
}
