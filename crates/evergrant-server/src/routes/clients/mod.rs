//! `/v1/clients`: our registrations at providers.

mod add;
mod branding;
mod endpoints;
mod list;
mod read;
mod remove;
mod update;

use evergrant::{
    ReturnUrl,
    proto::{client::ClientRecord, name::ClientName, secret::ClientSecret},
};

pub(super) use self::{add::add, list::list, read::read, remove::remove, update::update};
use crate::{
    app::App,
    extract::{Caller, Secret, shown},
    problem::{Problem, Reason},
};

async fn find(app: &App, caller: &Caller, name: &ClientName) -> Result<ClientRecord, Problem> {
    let found = app.keeper.client(&caller.namespace, name).await?;
    found
        .ok_or_else(|| Problem::new(Reason::NoSuchClient, format!("There is no client {:?}.", name.as_str())))
}

fn client_secret(secret: Option<&Secret>) -> Result<Option<ClientSecret>, Problem> {
    let parse = |secret: &Secret| ClientSecret::new(secret.expose());
    secret.map(parse).transpose().map_err(|error| {
        Problem::new(Reason::InvalidBody, format!("The field secret is not usable: {error}."))
    })
}

fn return_urls(texts: Vec<String>) -> Result<Vec<ReturnUrl>, Problem> {
    let parse = |text: String| {
        ReturnUrl::new(text.as_str()).map_err(|error| {
            Problem::new(Reason::InvalidBody, format!("{:?} is not usable: {error}.", shown(&text)))
        })
    };
    texts.into_iter().map(parse).collect()
}
