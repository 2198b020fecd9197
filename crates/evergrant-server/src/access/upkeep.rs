//! What goes on beside the requests: keys that others have changed, and when which key was used.

use std::{convert::Infallible, time::Duration};

use evergrant::{clock::Clock, proto::time::Moment, store::access::ApiKeyId};

use crate::app::App;

/// How often the store is asked whether keys have changed: one small read.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How often it is written down which keys were used: one transaction for all of them.
const NOTE_EVERY: Duration = Duration::from_secs(60);

/// How often answers to repeated requests are forgotten whose day is over.
const FORGET_EVERY: Duration = Duration::from_secs(600);

/// Runs for as long as the server does.
pub(crate) async fn keep_up(app: &App) -> Infallible {
    let clock = app.keeper.clock();
    let began = clock.moment();
    let mut look = Look::default();
    let (mut note_at, mut forget_at) = (began.plus(NOTE_EVERY), began);
    loop {
        look.again(app).await;
        app.writable.look(&app.keeper).await;
        note_at = if due(&**clock, note_at) { note(app).await } else { note_at };
        forget_at = if due(&**clock, forget_at) { forget(app).await } else { forget_at };
        clock.wait_until(clock.moment().plus(LOOK_EVERY)).await;
    }
}

/// Writes down which keys were used, and gives the time of the next time.
pub(crate) async fn note(app: &App) -> Moment {
    let used: Vec<ApiKeyId> = match app.access.current() {
        Some(keys) => keys.all().filter(|key| key.take_use()).map(|key| key.id).collect(),
        None => Vec::new(),
    };
    if !used.is_empty()
        && let Err(error) = app.keeper.note_api_keys_used(used).await
    {
        // The next use is noted: whoever looks sees a key that was used a little longer ago.
        tracing::warn!(target: "evergrant", %error, "the last use of API keys is not written down");
    }
    app.keeper.clock().moment().plus(NOTE_EVERY)
}

async fn forget(app: &App) -> Moment {
    if let Err(error) = app.keeper.forget_answers().await {
        tracing::warn!(target: "evergrant", %error, "old answers to repeated requests are not forgotten");
    }
    app.keeper.clock().moment().plus(FORGET_EVERY)
}

fn due(clock: &dyn Clock, at: Moment) -> bool {
    clock.moment() >= at
}

/// Looks at the keys; says once that it cannot, and once that it can again.
#[derive(Default)]
struct Look {
    failing: bool,
}

impl Look {
    async fn again(&mut self, app: &App) {
        let looked = app.access.refresh(&app.keeper).await;
        match &looked {
            Err(error) if !self.failing => {
                tracing::error!(target: "evergrant", %error, "API keys cannot be read: those of the last look count");
            }
            Ok(()) if self.failing => {
                tracing::info!(target: "evergrant", "API keys can be read again");
            }
            _ => {}
        }
        self.failing = looked.is_err();
    }
}
