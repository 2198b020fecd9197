//! Telling a person what a command waits for.

use std::time::Duration;

use evergrant::proto::name::GrantId;

use crate::{output, session::Session};

/// Waits shorter than this are not worth a line.
const PATIENCE: Duration = Duration::from_millis(300);

/// How often it is looked whether somebody else refreshes.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Carries out `work`; with `--verbose`, says once whose refresh it waits for if it takes longer.
pub(super) async fn explained<T>(session: &Session, grant: GrantId, work: impl Future<Output = T>) -> T {
    if !session.verbose {
        return work.await;
    }
    tokio::select! {
        biased;
        result = work => result,
        never = explain(session, grant) => match never {},
    }
}

async fn explain(session: &Session, grant: GrantId) -> std::convert::Infallible {
    tokio::time::sleep(PATIENCE).await;
    loop {
        if let Ok(Some((record, _))) = session.store.grant(grant).await {
            let holder = record.lease.map(|lease| lease.holder);
            match holder {
                Some(holder) if holder == session.store.holder() => {
                    output::note("waiting for the provider's answer");
                    break;
                }
                Some(_) => {
                    output::note("waiting for a refresh by another process");
                    break;
                }
                None => {}
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    std::future::pending().await
}
