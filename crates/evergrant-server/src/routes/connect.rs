//! `/connect/{link}`: says who asks whom for what, and leads to the provider.
//!
//! `GET` only asks: programs that look into messages for previews follow every link. `POST`, the button, leads on; for the
//! repair of a grant it opens an authorization first.

use std::sync::Arc;

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use evergrant::{
    AuthorizationOptions,
    proto::{
        authorization::{AuthorizationRecord, AuthorizationStatus},
        client::ClientRecord,
        grant::{GrantRecord, GrantState},
        name::{AuthorizationId, ClientName, GrantId, Namespace},
        wire::redirect_uri::RedirectUri,
    },
};
use url::Url;

use super::spent;
use crate::{
    app::App,
    extract::TextPath,
    link::{DeadLink, Target},
    page::{ConnectPage, Notice, Page, Parties, headers, sign_in_host},
    problem::{Problem, Reason},
};

/// A page instead of the one that was asked for.
type Elsewhere = Box<Page<Notice>>;

pub(super) async fn ask(State(app): State<Arc<App>>, TextPath(link): TextPath) -> Response {
    match follow(&app, &link).await {
        Ok(followed) => Page::new(StatusCode::OK, followed.page()).into_response(),
        Err(page) => page.into_response(),
    }
}

pub(super) async fn open(State(app): State<Arc<App>>, TextPath(link): TextPath) -> Response {
    match lead(&app, &link).await {
        Ok(url) => (headers(), Redirect::to(url.as_str())).into_response(),
        Err(page) => page.into_response(),
    }
}

async fn lead(app: &App, link: &str) -> Result<Url, Elsewhere> {
    let Followed { client, way, .. } = follow(app, link).await?;
    let grant = match way {
        Way::Open(record) => {
            let url = app.keeper.authorization_url(&client, &record);
            return url.map_err(|error| troubled(&error.into()));
        }
        Way::Repair(grant) => grant,
    };
    let options = AuthorizationOptions {
        namespace: client.namespace,
        redirect_uri: RedirectUri::new(app.config.callback()).ok(),
        ..AuthorizationOptions::repair(client.name, grant)
    };
    let opened = app.keeper.authorize(options).await.map_err(|error| troubled(&error.into()))?;
    app.repairs.note(grant, app.keeper.clock().moment());
    Ok(opened.url)
}

/// What a link led to.
struct Followed {
    client: ClientRecord,
    /// The one that there is already.
    grant: Option<Box<GrantRecord>>,
    way: Way,
}

/// How the link leads on.
enum Way {
    /// Through an authorization that is open.
    Open(Box<AuthorizationRecord>),
    /// Through one that is still to be opened, for the repair of this grant.
    Repair(GrantId),
}

impl Followed {
    fn page(&self) -> ConnectPage {
        let parties = Parties::of(&self.client);
        let dead = self.grant.as_ref().filter(|grant| needs_its_user(grant));
        let why = dead.and_then(|grant| grant.state.diagnosis()).map(|diagnosis| parties.why(diagnosis));
        ConnectPage {
            parties,
            host: sign_in_host(&self.client).map(str::to_owned),
            is_known: self.grant.is_some(),
            is_dead: dead.is_some(),
            why,
        }
    }
}

async fn follow(app: &App, link: &str) -> Result<Followed, Elsewhere> {
    match app.link_key.read(link, app.keeper.clock().now().wall) {
        Ok(Target::Grant(id)) => repair(app, id).await,
        Err(DeadLink::Expired(Target::Grant(id))) => Err(expired(app, id).await),
        // Its record says when it ends, and what came of it.
        Ok(Target::Authorization(id)) | Err(DeadLink::Expired(Target::Authorization(id))) => {
            connect(app, id).await
        }
        Err(DeadLink::Unknown) => Err(page(StatusCode::GONE, Notice::link_unknown())),
    }
}

/// The grant that a link repairs, if it needs that.
async fn repair(app: &App, id: GrantId) -> Result<Followed, Elsewhere> {
    let (grant, client) = find(app, id).await?;
    if grant.state == GrantState::Revoked {
        return Err(page(StatusCode::GONE, Notice::ended(Parties::of(&client))));
    }
    if !needs_its_user(&grant) {
        return Err(page(StatusCode::OK, Notice::nothing_to_do(Parties::of(&client))));
    }
    app.repairs.allowance(id, app.keeper.clock().moment()).map_err(|wait| {
        let minutes = wait.as_secs().div_ceil(60);
        page(StatusCode::TOO_MANY_REQUESTS, Notice::too_often(Parties::of(&client), minutes))
    })?;
    Ok(Followed { client, grant: Some(Box::new(grant)), way: Way::Repair(id) })
}

/// The authorization that a link leads to, while it is open.
async fn connect(app: &App, id: AuthorizationId) -> Result<Followed, Elsewhere> {
    let found = app.keeper.authorization(id).await.map_err(|error| troubled(&error.into()))?;
    let record = found.ok_or_else(|| page(StatusCode::GONE, Notice::link_unknown()))?;
    let is_open = record.status == AuthorizationStatus::Open;
    if !is_open || app.keeper.clock().now().wall >= record.expires_at {
        return Err(Box::new(spent::told(app, &record).await));
    }
    let client = client_of(app, &record.namespace, &record.client).await?;
    let grant = match record.grant {
        Some(id) => app.keeper.grant(id).await.map_err(|error| troubled(&error.into()))?,
        None => None,
    };
    Ok(Followed { client, grant: grant.map(Box::new), way: Way::Open(Box::new(record)) })
}

fn needs_its_user(grant: &GrantRecord) -> bool {
    matches!(grant.state, GrantState::NeedsReauthorization { .. } | GrantState::NotRefreshable)
}

async fn find(app: &App, id: GrantId) -> Result<(GrantRecord, ClientRecord), Elsewhere> {
    let found = app.keeper.grant(id).await.map_err(|error| troubled(&error.into()))?;
    let grant = found.ok_or_else(gone)?;
    let client = client_of(app, &grant.namespace, &grant.client).await?;
    Ok((grant, client))
}

async fn client_of(app: &App, namespace: &Namespace, name: &ClientName) -> Result<ClientRecord, Elsewhere> {
    let client = app.keeper.client(namespace, name).await;
    client.map_err(|error| troubled(&error.into()))?.ok_or_else(gone)
}

/// The signature of the link was right, so the page may say whose it was.
async fn expired(app: &App, id: GrantId) -> Elsewhere {
    match find(app, id).await {
        Ok((_, client)) => page(StatusCode::GONE, Notice::link_expired(Parties::of(&client))),
        Err(page) => page,
    }
}

fn gone() -> Elsewhere {
    page(StatusCode::GONE, Notice::ended(Parties::unknown()))
}

fn troubled(problem: &Problem) -> Elsewhere {
    if problem.reason() == Reason::StoreUnavailable {
        page(StatusCode::SERVICE_UNAVAILABLE, Notice::out_of_order())
    } else {
        page(problem.reason().status(), Notice::misconfigured(problem.detail()))
    }
}

fn page(status: StatusCode, notice: Notice) -> Elsewhere {
    Box::new(Page::new(status, notice))
}
