//! `/v1/webhooks`: who is told of incidents.

mod add;
mod deliveries;
mod list;
mod read;
mod remove;
mod replay;
mod rotate_secret;
mod test;
mod update;

use std::collections::BTreeSet;

use evergrant::store::webhook::MessageKind;

pub(super) use self::{
    add::add, deliveries::deliveries, list::list, read::read, remove::remove, replay::replay,
    rotate_secret::rotate_secret, test::test, update::update,
};
use crate::{
    Webhooks,
    app::App,
    extract::Caller,
    problem::{Problem, Reason},
};

fn of(app: &App, caller: Caller) -> Webhooks {
    Webhooks::of(&app.keeper, caller.namespace)
}

/// Types by name. A body that names another one is told which there are.
fn kinds(names: &[String]) -> Result<BTreeSet<MessageKind>, Problem> {
    let kinds = names.iter().map(|name| name.parse()).collect::<Result<_, _>>();
    kinds.map_err(|error: evergrant::store::webhook::UnknownMessageKind| {
        Problem::new(Reason::InvalidBody, format!("The field types is not usable: {error}."))
    })
}
