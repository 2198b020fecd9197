//! Through a browser: a link to the provider, and the way back to a loopback address (RFC 8252 7.3) or by paste.

use evergrant::{
    Authorization, AuthorizationOptions,
    proto::{client::ClientRecord, engine::CallbackEnd, wire::redirect_uri::RedirectUri},
};
use url::Url;

use super::{
    Options, browser,
    listener::{Listener, Returned},
    page, pasted,
};
use crate::{
    failure::Failure,
    output,
    session::{Session, is_loopback},
};

pub(super) async fn lead(session: &Session, options: &Options) -> Result<CallbackEnd, Failure> {
    let client = session.client(&options.client).await?;
    match loopback_redirect(&client) {
        Some(registered) => by_listening(session, options, &registered).await,
        None => by_paste_alone(session, options).await,
    }
}

/// The first registered redirect URI that leads to this host.
fn loopback_redirect(client: &ClientRecord) -> Option<Url> {
    let urls = client.redirect_uris.iter().filter_map(|uri| Url::parse(uri.as_str()).ok());
    urls.into_iter().find(|url| url.scheme() == "http" && is_loopback(url))
}

async fn by_listening(
    session: &Session,
    options: &Options,
    registered: &Url,
) -> Result<CallbackEnd, Failure> {
    let mut listener = Listener::bind(registered).await?;
    let wanted = AuthorizationOptions {
        redirect_uri: Some(listener.redirect_uri().clone()),
        ..options.authorization(session)
    };
    let authorization = session.keeper.authorize(wanted).await?;
    listener.expect(state_of(&authorization.url));
    let opened = show(options, &authorization).await;
    let mut typed = pasted::lines(!opened);
    let waiting = async {
        loop {
            tokio::select! {
                returned = listener.next() => return finish(session, returned).await,
                Some(line) = typed.recv() => match pasted::query(&line, &authorization.url) {
                    Ok(query) => return Ok(session.keeper.complete(&query).await?),
                    Err(reason) => output::note(reason),
                },
            }
        }
    };
    let end = tokio::time::timeout(options.timeout, waiting).await;
    listener.close().await;
    end.unwrap_or_else(|_| Err(options.timed_out()))
}

/// The browser is told how it ended by the page that it is waiting for.
async fn finish(session: &Session, returned: Returned) -> Result<CallbackEnd, Failure> {
    let end = session.keeper.complete(&returned.query).await;
    let page = match &end {
        Ok(end) => page::of(end),
        Err(error) => page::failure(&error.to_string()),
    };
    returned.answer(page);
    Ok(end?)
}

/// The registered redirect URI leads elsewhere: the person brings the answer back by hand.
async fn by_paste_alone(session: &Session, options: &Options) -> Result<CallbackEnd, Failure> {
    let authorization = session.keeper.authorize(options.authorization(session)).await?;
    if show(options, &authorization).await {
        output::note(PASTE);
    }
    let mut typed = pasted::lines(true);
    let waiting = async {
        while let Some(line) = typed.recv().await {
            match pasted::query(&line, &authorization.url) {
                Ok(query) => return Ok(session.keeper.complete(&query).await?),
                Err(reason) => output::note(reason),
            }
        }
        Err(Failure::usage("the client has no redirect URI on this host, and nobody pasted the answer").advise(
            "register http://127.0.0.1/callback at the provider and here, or paste the address that the browser ends up at",
        ))
    };
    let end = tokio::time::timeout(options.timeout, waiting).await;
    end.unwrap_or_else(|_| Err(options.timed_out()))
}

const PASTE: &str = "if the browser cannot come back here, paste the address that it ends up at:";

/// Leads the person to the provider's page; whether a browser was opened for it.
async fn show(options: &Options, authorization: &Authorization) -> bool {
    let opened = !options.no_browser && browser::open(&authorization.url).await;
    output::note(if opened {
        "the provider's page was opened in your browser; if it was not, open:"
    } else {
        "open this page in a browser:"
    });
    output::note(&format!("\n  {}\n", authorization.url));
    if !opened {
        output::note(PASTE);
    }
    opened
}

fn state_of(url: &Url) -> String {
    url.query_pairs()
        .find(|(name, _)| name == "state")
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

/// A redirect URI with the port that is listened on.
pub(super) fn with_port(registered: &Url, port: u16) -> Result<RedirectUri, Failure> {
    let mut url = registered.clone();
    let unusable = |why: &str| Failure::new(&format!("the redirect URI {registered} cannot be used"), why);
    url.set_port(Some(port)).map_err(|()| unusable("it takes no port"))?;
    RedirectUri::new(url.as_str()).map_err(|error| unusable(&error.to_string()))
}
