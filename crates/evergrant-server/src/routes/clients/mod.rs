//! `/v1/clients`: our registrations at providers.

mod add;
mod branding;
mod endpoints;
mod list;
mod read;
mod remove;
mod update;

use evergrant::proto::{client::ClientRecord, name::ClientName, secret::ClientSecret};

pub(super) use self::{add::add, list::list, read::read, remove::remove, update::update};
use crate::{
    app::App,
    extract::{Caller, Secret, return_url, shown},
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

fn checked_return_urls(urls: Vec<String>) -> Result<Vec<String>, Problem> {
    match urls.iter().find(|url| return_url(url).is_none()) {
        None => Ok(urls),
        Some(url) => Err(Problem::new(
            Reason::InvalidBody,
            format!("{:?} is no return URL: use http, https, or an app's scheme with a dot.", shown(url)),
        )),
    }
}
